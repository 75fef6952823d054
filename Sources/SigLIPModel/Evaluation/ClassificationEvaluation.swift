import NN

/// How often a classifier is right.
public struct ClassificationEvaluation: Sendable, Hashable, Codable {
  /// How often one class is recognised.
  public struct Class: Sendable, Hashable, Codable {
    /// Images of the class.
    public var images: Int
    /// Share of them that are given this class; absent without images.
    public var accuracy: Double?
  }

  /// Share of images whose class scores highest.
  public var accuracy: Double
  /// Share of images whose class is among the five highest.
  public var accuracyAt5: Double
  /// The mean of the classes' accuracies, those without images left out: scikit-learn's `balanced_accuracy_score`.
  public var meanPerClass: Double
  /// Number of images.
  public var images: Int
  /// Of every class, by its number.
  public var classes: [Class]

  enum CodingKeys: String, CodingKey {
    case accuracy
    case accuracyAt5 = "accuracy_at_5"
    case meanPerClass = "mean_per_class"
    case images, classes
  }

  /// Counts the right answers; a class that scores no more than a wrong one comes behind it.
  ///
  /// - Parameters:
  ///   - scores: `[images, classes]`, of any scale; the highest is the answer.
  ///   - labels: The class of each image.
  /// - Throws: ``EvaluationError`` for scores that are not finite, labels that are no class, and where there are no images.
  public init(scores: Tensor, labels: [Int]) throws {
    try self.init(
      ranks: classificationRanks(scores: scores, labels: labels), labels: labels, classes: scores.shape[1])
  }

  /// Counts the right answers.
  ///
  /// - Parameters:
  ///   - ranks: For each image, the classes that come before its own, as ``classificationRanks(scores:labels:)`` has them.
  ///   - labels: The class of each image.
  ///   - classes: Number of classes.
  /// - Throws: ``EvaluationError`` for labels that are no class, and where there are no images.
  public init(ranks: [Int], labels: [Int], classes: Int) throws {
    if ranks.count != labels.count {
      programmerError("classification: \(ranks.count) ranks and \(labels.count) labels")
    }
    if ranks.isEmpty { throw EvaluationError.nothing("images") }
    try checkLabels(labels, classes: classes)
    var (images, right) = ([Int](repeating: 0, count: classes), [Int](repeating: 0, count: classes))
    for (rank, label) in zip(ranks, labels) {
      images[label] += 1
      if rank == 0 { right[label] += 1 }
    }
    accuracy = Double(right.reduce(0, +)) / Double(ranks.count)
    accuracyAt5 = Double(ranks.count { $0 < 5 }) / Double(ranks.count)
    self.images = ranks.count
    self.classes = zip(images, right).map { images, right in
      Class(images: images, accuracy: images == 0 ? nil : Double(right) / Double(images))
    }
    let accuracies = self.classes.compactMap(\.accuracy)
    meanPerClass = accuracies.reduce(0, +) / Double(accuracies.count)
  }
}

/// For every image, how many wrong classes score at least as high as its own: 0 is right.
///
/// - Parameters:
///   - scores: `[images, classes]`.
///   - labels: The class of each image.
/// - Throws: ``EvaluationError`` for scores that are not finite and labels that are no class.
public func classificationRanks(scores: Tensor, labels: [Int]) throws -> [Int] {
  guard scores.rank == 2, scores.shape[0] == labels.count else {
    programmerError(
      "classificationRanks: scores of shape \(scores.shape) and \(labels.count) labels, expected [images, classes] "
        + "and one label an image")
  }
  let classes = scores.shape[1]
  try checkLabels(labels, classes: classes)
  try checkFinite(scores, "a score of image")
  return scores.withUnsafeScalars { scores in
    labels.enumerated().map { image, label in
      let row = UnsafeBufferPointer(rebasing: scores[image * classes..<(image + 1) * classes])
      let own = row[label]
      return row.count { $0 >= own } - 1
    }
  }
}
