import Tensor

/// A source whose images each belong to a class.
public protocol LabeledSource: ImageTextSource {
  /// What the classes are called.
  var classNames: [String] { get }
  /// The number of a sample's class among ``classNames``.
  func label(at index: Int) -> Int
}

extension ClassFolderSource: LabeledSource {}

extension IDXSource: LabeledSource {
  /// The classes.
  public var classNames: [String] { classes }
}

/// Images whose classes are known: by their folders or labels, or by captions that are names of classes.
public struct LabeledImages: Sendable {
  /// The images.
  public let source: any ImageTextSource
  /// What the classes are called.
  public let classes: [String]
  /// The numbers of classes by their names, where captions are these.
  private let numbers: [ExactString: Int]?

  /// Images of a source.
  ///
  /// - Parameter classes: What classes are called: for a source of labels in their order, for one of captions those that are
  ///   classes. If not given, what the source calls them, or all captions there are.
  /// - Throws: ``ClassesError`` when there are too many or too few, or one is there twice.
  public init(_ source: any ImageTextSource, classes: [String]? = nil) throws {
    self.source = source
    if let labeled = source as? any LabeledSource {
      self.classes = classes ?? labeled.classNames
      if self.classes.count != labeled.classNames.count {
        throw ClassesError(
          sentence: "\(self.classes.count) names of classes for data of \(labeled.classNames.count) classes")
      }
      numbers = nil
    } else {
      self.classes = classes ?? LabeledImages.captions(of: source)
      numbers = Dictionary(
        self.classes.enumerated().map { (ExactString($0.element), $0.offset) },
        uniquingKeysWith: { first, _ in first })
      if numbers?.count != self.classes.count {
        throw ClassesError(sentence: "a class is named twice")
      }
    }
    if self.classes.count < 2 {
      throw ClassesError(sentence: "classes: found \(self.classes.count), expected at least 2")
    }
  }

  /// All captions, in the order of the source; those of damaged samples aside.
  private static func captions(of source: any ImageTextSource) -> [String] {
    var known: Set<ExactString> = []
    return (0..<source.count).flatMap { index in
      ((try? source.captions(at: index)) ?? []).map(\.text).filter { known.insert(ExactString($0)).inserted }
    }
  }

  /// The classes that an image belongs to, in ascending order; none where its captions name none.
  ///
  /// - Throws: What the source throws for a damaged sample.
  public func labels(at index: Int) throws -> [Int] {
    if let labeled = source as? any LabeledSource { return [labeled.label(at: index)] }
    let captions = try source.captions(at: index)
    return Set(captions.compactMap { numbers?[ExactString($0.text)] }).sorted()
  }

  /// The one class that an image belongs to.
  ///
  /// - Throws: ``ClassesError`` where there is none or several; what the source throws for a damaged sample.
  public func label(at index: Int) throws -> Int {
    let labels = try labels(at: index)
    guard labels.count == 1 else {
      throw ClassesError(
        sentence: "\(source.key(at: index).oneLine(limit: 100)): its captions name \(labels.count) of the "
          + "\(classes.count) classes, expected 1")
    }
    return labels[0]
  }

  /// Refuses data with other classes, before anything is computed.
  ///
  /// - Throws: ``ClassesError``.
  func check(sameClassesAs other: LabeledImages?, called name: String) throws {
    guard let other else { return }
    if classes.count != other.classes.count {
      throw ClassesError(
        sentence: "the data have \(classes.count) classes, those for \(name) \(other.classes.count)")
    }
    if let (own, odd) = zip(classes, other.classes).first(where: { ExactString($0) != ExactString($1) }) {
      throw ClassesError(
        sentence: "the data have a class \(own.oneLine(limit: 60)) where those for \(name) have "
          + odd.oneLine(limit: 60))
    }
  }
}

/// Classes that cannot be, or are not those of the data; its description is one line.
public struct ClassesError: DataError, Hashable {
  /// What was found and what was expected.
  public let sentence: String
}
