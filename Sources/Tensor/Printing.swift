import Foundation

extension Tensor: CustomStringConvertible {
  /// The shape, then the elements in aligned columns; the middle of long axes is left out above a thousand elements.
  public var description: String {
    let layout = PrintedLayout(shape)
    let shown = layout.positions.map { element(at: $0) }
    return "Tensor \(shape)\n" + layout.text(NumberFormat(shown).texts(of: shown))
  }

  private func element(at index: Int) -> Float {
    withUnsafeStrided { $0[shape.offset(of: index, strides: strides)] }
  }
}

extension IndexTensor: CustomStringConvertible {
  /// The shape, then the integers in aligned columns; the middle of long axes is left out above a thousand elements.
  public var description: String {
    let layout = PrintedLayout(shape)
    return "IndexTensor \(shape)\n" + layout.text(layout.positions.map { String(values[$0]) })
  }
}

/// Which elements of an array are printed, and how they are put into lines.
private struct PrintedLayout {
  private let shape: Shape
  private let edge: Int?
  /// Running numbers of the printed elements, in order.
  private(set) var positions: [Int] = []

  init(_ shape: Shape) {
    self.shape = shape
    edge = shape.elementCount > 1000 ? 3 : nil
    if shape.elementCount > 0 { collect(axis: 0, start: 0) }
  }

  /// Printed entries of an axis; nil stands for those left out.
  private func entries(_ axis: Int) -> [Int?] {
    let size = shape[axis]
    guard let edge, size > 2 * edge else { return Array(0..<size) }
    return Array(0..<edge) + [nil] + Array(size - edge..<size)
  }

  private mutating func collect(axis: Int, start: Int) {
    if axis == shape.count { return positions.append(start) }
    for case let index? in entries(axis) { collect(axis: axis + 1, start: start * shape[axis] + index) }
  }

  /// The elements' texts in nested brackets, padded to one width.
  func text(_ elements: [String]) -> String {
    if shape.elementCount == 0 {
      return String(repeating: "[", count: shape.count) + String(repeating: "]", count: shape.count)
    }
    let width = elements.map(\.count).max() ?? 0
    var rest = elements.map { String(repeating: " ", count: width - $0.count) + $0 }[...]
    func block(_ axis: Int) -> String {
      if axis == shape.count { return rest.removeFirst() }
      let isRow = axis == shape.count - 1
      // Blocks of two and more axes are set apart by an empty line each.
      let separator =
        isRow
        ? ", "
        : "," + String(repeating: "\n", count: shape.count - 1 - axis)
          + String(repeating: " ", count: axis + 1)
      return "[" + entries(axis).map { $0 == nil ? "..." : block(axis + 1) }.joined(separator: separator)
        + "]"
    }
    return block(0)
  }
}

/// One way of writing numbers that suits all of those given.
private enum NumberFormat {
  case integers
  case decimals
  case scientific

  init(_ numbers: [Float]) {
    let magnitudes = numbers.filter { $0.isFinite && $0 != 0 }.map(\.magnitude)
    let (smallest, largest) = (magnitudes.min() ?? 1, magnitudes.max() ?? 1)
    if largest < 1e7 && magnitudes.allSatisfy({ $0 == $0.rounded() }) {
      self = .integers
    } else {
      self = largest < 1e5 && smallest >= 1e-4 ? .decimals : .scientific
    }
  }

  func texts(of numbers: [Float]) -> [String] {
    numbers.map { number in
      if !number.isFinite { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
      switch self {
      case .integers: return String(Int(number))
      case .decimals: return String(format: "%.4f", number)
      case .scientific: return String(format: "%.4e", number)
      }
    }
  }
}
