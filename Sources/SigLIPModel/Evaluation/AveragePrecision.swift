import NN

/// Average precision: the precision at each score that a right one has, weighted by how many right ones have it. This is
/// scikit-learn's `average_precision_score`, without interpolation.
///
/// Equal scores are reached together, so that an order among them counts for nothing: a model that gives all the same score
/// gets the share of right ones, which is chance.
///
/// - Parameters:
///   - scores: Of any scale, the highest first. Traps on NaN.
///   - isRight: Which of them are right.
/// - Returns: Nothing where none is right.
public func averagePrecision(scores: [Float], isRight: [Bool]) -> Double? {
  if scores.count != isRight.count {
    programmerError("averagePrecision: \(scores.count) scores and \(isRight.count) answers")
  }
  if scores.contains(where: \.isNaN) { programmerError("averagePrecision: a score is NaN") }
  let right = zip(scores, isRight).filter(\.1).map(\.0)
  return right.isEmpty ? nil : scores.withUnsafeBufferPointer { averagePrecision(of: right, among: $0) }
}

/// The average precision of the scores of right ones, at least one, among the scores of all.
func averagePrecision(of right: [Float], among scores: UnsafeBufferPointer<Float>) -> Double {
  let right = right.sorted(by: >)
  // Without an order of all scores: for each place of a right one, how many scores lie between it and the one before.
  var reached = [Int](repeating: 0, count: right.count + 1)
  for score in scores {
    var (low, high) = (0, right.count)
    while low < high {
      let middle = (low + high) / 2
      if right[middle] > score { low = middle + 1 } else { high = middle }
    }
    reached[low] += 1
  }
  var (sum, all, start) = (0.0, 0, 0)
  while start < right.count {
    let end = right[start...].firstIndex { $0 < right[start] } ?? right.count
    all += reached[start]
    sum += Double(end - start) * Double(end) / Double(all)
    start = end
  }
  return sum / Double(right.count)
}

/// How well probabilities tell which of several labels an image has.
public struct MultiLabelEvaluation: Sendable, Hashable, Codable {
  /// One label.
  public struct Class: Sendable, Hashable, Codable {
    /// Images that have it.
    public var images: Int
    /// The average precision of its probabilities over all images; absent where no image has it.
    public var averagePrecision: Double?
  }

  /// The mean of the labels' average precisions (mAP), those that no image has left out.
  public var meanAveragePrecision: Double
  /// Number of labels left out, as no image has them.
  public var classesWithoutImages: Int
  /// Number of images.
  public var images: Int
  /// Of every label, by its number.
  public var classes: [Class]

  enum CodingKeys: String, CodingKey {
    case meanAveragePrecision = "mean_average_precision"
    case classesWithoutImages = "classes_without_images"
    case images, classes
  }

  /// Ranks the images by each label's probability.
  ///
  /// - Parameters:
  ///   - scores: `[images, classes]`: probabilities, or what rises with them.
  ///   - labels: The labels of each image, which may be none.
  /// - Throws: ``EvaluationError`` for scores that are not finite, labels that are no class, and where no image has one.
  public init(scores: Tensor, labels: [[Int]]) throws {
    guard scores.rank == 2, scores.shape[0] == labels.count else {
      programmerError(
        "multi-label evaluation: scores of shape \(scores.shape) and labels of \(labels.count) images, expected "
          + "[images, classes] and labels for each image")
    }
    let count = scores.shape[1]
    for (image, own) in labels.enumerated() {
      if let odd = own.first(where: { !(0..<count).contains($0) }) {
        throw EvaluationError.label(odd, row: image, classes: count)
      }
    }
    try checkFinite(scores, "a score of image")
    let columns = scores.transpose().contiguous()
    var found = [[Int]](repeating: [], count: count)
    for (image, own) in labels.enumerated() {
      for label in Set(own) { found[label].append(image) }
    }
    let imagesOf = found
    classes = parallelMap(Array(imagesOf.indices), grain: 1) { label in
      columns[label].withUnsafeScalars { scores in
        let right = imagesOf[label].map { scores[$0] }
        return Class(
          images: right.count,
          averagePrecision: right.isEmpty ? nil : averagePrecision(of: right, among: scores))
      }
    }
    images = labels.count
    let precisions = classes.compactMap(\.averagePrecision)
    classesWithoutImages = count - precisions.count
    if precisions.isEmpty { throw EvaluationError.nothing("images with labels") }
    meanAveragePrecision = precisions.reduce(0, +) / Double(precisions.count)
  }
}
