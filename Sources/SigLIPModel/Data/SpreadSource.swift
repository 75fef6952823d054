import Tensor

/// Some of a source's samples, from all parts of it.
public struct SpreadSource<Base: ImageTextSource>: ImageTextSource {
  private let base: Base
  /// How many there are.
  public let count: Int

  /// At most so many samples, at equal distances: data that are sorted by class keep all classes.
  public init(_ base: Base, maximum: Int) { (self.base, count) = (base, min(base.count, maximum)) }

  /// The sample's index in the whole source.
  private func place(_ index: Int) -> Int {
    check(index)
    return index * base.count / count
  }

  /// The sample's key.
  public func key(at index: Int) -> String { base.key(at: place(index)) }

  /// The sample's image.
  public func image(at index: Int) throws -> SampleImage { try base.image(at: place(index)) }

  /// The sample's captions.
  public func captions(at index: Int) throws -> [Caption] { try base.captions(at: place(index)) }
}

extension SpreadSource: LabeledSource where Base: LabeledSource {
  /// What the classes are called.
  public var classNames: [String] { base.classNames }

  /// The number of a sample's class.
  public func label(at index: Int) -> Int { base.label(at: place(index)) }
}

extension ImageTextSource {
  /// At most so many samples, from all parts of it.
  public func spread(maximum: Int) -> any ImageTextSource {
    count <= maximum ? self : SpreadSource(self, maximum: maximum)
  }
}
