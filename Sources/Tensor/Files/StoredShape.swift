/// The sizes of an array's axes as a file states them: the only way from a file's numbers to a ``Shape``.
///
/// No size is negative, and the product of all sizes but zeros is bounded. So no number of bytes, stride or offset that is
/// made of them overflows, whatever the order of the axes; an array without elements is no exception.
package struct StoredShape: Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with sizes.
  struct Problem: Error {
    let description: String
  }

  /// Twice as many axes as NumPy's arrays had for long, many more than a tensor's.
  static let maximumRank = 64
  /// The largest product of sizes: 2^48, a petabyte of `Float`s.
  static let maximumProduct = 1 << 48

  /// The sizes, outermost first.
  package let sizes: [Int]
  /// Product of the sizes.
  package let elementCount: Int

  /// Checks sizes that a file states.
  init(_ sizes: [Int]) throws(Problem) {
    if sizes.count > StoredShape.maximumRank {
      throw Problem(description: "\(sizes.count) axes, expected at most \(StoredShape.maximumRank)")
    }
    var product = 1
    for size in sizes where size != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      if size < 0 || overflow || next > StoredShape.maximumProduct {
        throw Problem(
          description:
            "the impossible shape \(sizes), expected sizes of at least 0 and a product of at most 2^48")
      }
      product = next
    }
    self.sizes = sizes
    elementCount = sizes.contains(0) ? 0 : product
  }

  /// Bytes that all elements take.
  func byteCount(of elementType: ElementType) -> Int { elementCount * elementType.byteCount }

  /// The shape of a tensor; nil above the number of axes that tensors can have.
  package var shape: Shape? { sizes.count <= Shape.maximumCount ? Shape(sizes) : nil }

  /// The sizes in brackets.
  package var description: String { "\(sizes)" }
}
