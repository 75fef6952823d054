import Autograd
import Foundation

/// An array of `Double` with plain loops: what the tests hold every operation against.
///
/// Nothing here is fast or clever: it has to be right at a glance.
struct ReferenceArray {
  let shape: Shape
  var values: [Double]

  init(_ values: [Double], shape: Shape) {
    if values.count != shape.elementCount {
      programmerError("reference: \(values.count) numbers do not fill shape \(shape)")
    }
    self.values = values
    self.shape = shape
  }

  init(_ tensor: Tensor) { self.init(tensor.scalars.map(Double.init), shape: tensor.shape) }

  /// The array whose element at each position is what `element` returns for it.
  init(shape: Shape, _ element: ([Int]) -> Double) {
    self.init(ReferenceArray.positions(of: shape).map(element), shape: shape)
  }

  /// All positions of a shape in row-major order.
  static func positions(of shape: Shape) -> [[Int]] {
    shape.reduce([[]]) { prefixes, size in prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } } }
  }

  subscript(position: [Int]) -> Double {
    var index = 0
    for (axis, i) in position.enumerated() { index = index * shape[axis] + i }
    return values[index]
  }

  /// The element at a position of a shape that self broadcasts to.
  func broadcast(at position: [Int]) -> Double {
    let own = position.suffix(shape.count)
    return self[zip(own, shape).map { $1 == 1 ? 0 : $0 }]
  }

  func map(_ function: (Double) -> Double) -> ReferenceArray {
    ReferenceArray(values.map(function), shape: shape)
  }

  func combine(_ other: ReferenceArray, _ function: (Double, Double) -> Double) -> ReferenceArray {
    let result = shape.broadcast(with: other.shape)!
    return ReferenceArray(shape: result) { function(broadcast(at: $0), other.broadcast(at: $0)) }
  }

  /// Folds the elements along the given axes (all for nil) into one each; the axes keep size 1 if asked.
  func fold(
    axes: [Int]? = nil, keepDimensions: Bool = false, _ function: ([Double]) -> Double
  ) -> ReferenceArray {
    let axes = shape.axes(axes, of: "reference")
    let kept = (0..<shape.count).filter { !axes.contains($0) }
    var groups: [[Int]: [Double]] = [:]
    for position in ReferenceArray.positions(of: shape) {
      groups[kept.map { position[$0] }, default: []].append(self[position])
    }
    let folded = ReferenceArray(shape: Shape(kept.map { shape[$0] })) { function(groups[$0] ?? []) }
    var target = shape
    for axis in axes { target[axis] = 1 }
    return keepDimensions ? ReferenceArray(folded.values, shape: target) : folded
  }

  /// Matrix product as NumPy's `matmul`.
  func matmul(_ other: ReferenceArray) -> ReferenceArray {
    let a = shape.count == 1 ? ReferenceArray(values, shape: [1, shape[0]]) : self
    let b = other.shape.count == 1 ? ReferenceArray(other.values, shape: [other.shape[0], 1]) : other
    let (m, k, n) = (a.shape[a.shape.count - 2], a.shape[a.shape.count - 1], b.shape[b.shape.count - 1])
    let batch = Shape(a.shape.dropLast(2)).broadcast(with: Shape(b.shape.dropLast(2)))!
    let product = ReferenceArray(shape: batch + [m, n]) { p in
      let (lead, i, j) = (Array(p.dropLast(2)), p[p.count - 2], p[p.count - 1])
      return (0..<k).reduce(0) { $0 + a.broadcast(at: lead + [i, $1]) * b.broadcast(at: lead + [$1, j]) }
    }
    let rows: [Int] = shape.count == 1 ? [] : [m]
    let columns: [Int] = other.shape.count == 1 ? [] : [n]
    return ReferenceArray(product.values, shape: batch + Shape(rows + columns))
  }

  /// Every line along an axis replaced by what `function` makes of it.
  func mapLines(along axis: Int, _ function: ([Double]) -> [Double]) -> ReferenceArray {
    let axis = axis < 0 ? axis + shape.count : axis
    func line(through position: [Int]) -> [Double] {
      function(
        (0..<shape[axis]).map { i in
          var element = position
          element[axis] = i
          return self[element]
        })
    }
    var result = shape
    result[axis] = function(Array(repeating: 0, count: shape[axis])).count
    return ReferenceArray(shape: result) { line(through: $0)[$0[axis]] }
  }

  /// NumPy's `einsum` without dots: a loop over all letters, where size 1 repeats.
  static func einsum(_ equation: String, _ operands: [ReferenceArray]) -> ReferenceArray {
    let sides = equation.components(separatedBy: "->")
    let terms = sides[0].components(separatedBy: ",").map(Array.init)
    let counts = Dictionary(terms.joined().map { ($0, 1) }, uniquingKeysWith: +)
    let output = sides.count == 2 ? Array(sides[1]) : counts.filter { $0.value == 1 }.keys.sorted()
    let letters = output + counts.keys.sorted().filter { !output.contains($0) }
    let sizes = Dictionary(
      zip(terms, operands).flatMap { zip($0, $1.shape) }, uniquingKeysWith: { $0 == 1 ? $1 : $0 })
    let summed = positions(of: Shape(letters.dropFirst(output.count).map { sizes[$0]! }))
    return ReferenceArray(shape: Shape(output.map { sizes[$0]! })) { outer in
      summed.reduce(0) { sum, inner in
        let index = Dictionary(uniqueKeysWithValues: zip(letters, outer + inner))
        return sum + zip(terms, operands).reduce(1) { $0 * $1.1.broadcast(at: $1.0.map { index[$0]! }) }
      }
    }
  }
}
