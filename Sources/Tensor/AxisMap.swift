import Kernels

/// A linear map of one axis onto another in which each position reads a few others: interpolation, means of windows.
package struct AxisMap: Sendable {
  /// What one position of the result reads.
  package typealias Terms = [(position: Int, weight: Float)]

  private let inputs: Int
  private let rows: [Terms]

  /// - Parameters:
  ///   - inputs: Size of the axis that is read.
  ///   - rows: What each position of the result reads.
  package init(inputs: Int, rows: [Terms]) {
    self.inputs = inputs
    self.rows = rows
  }

  /// The map that takes the gradient of the result to that of what was read.
  package var transposed: AxisMap {
    var columns = [Terms](repeating: [], count: inputs)
    for (row, terms) in rows.enumerated() {
      for term in terms { columns[term.position].append((row, term.weight)) }
    }
    return AxisMap(inputs: rows.count, rows: columns)
  }

  /// The axis of a tensor mapped; its size must be that of the map.
  package func callAsFunction(_ x: Tensor, axis: Int) -> Tensor {
    let axis = x.shape.axis(axis, of: "AxisMap")
    if x.shape[axis] != inputs {
      programmerError("AxisMap: axis \(axis) of shape \(x.shape), expected size \(inputs)")
    }
    // Whole rows of what lies behind the axis are added at a time.
    if axis == x.rank - 1 && axis > 0 {
      return self(x.transpose(axis - 1, axis), axis: axis - 1).transpose(axis - 1, axis)
    }
    let inner = Shape(x.shape[(axis + 1)...]).elementCount
    var shape = x.shape
    shape[axis] = rows.count
    let source = x.contiguous()
    let result = Tensor(uninitialized: shape)
    let (from, out) = (source.readPointer, result.pointer)
    let kernels = Kernels.table.elementwise
    let multiply = BinaryOperation.multiply.rawValue
    ThreadPool.parallelRanges(
      count: inner == 0 ? 0 : result.count / inner,
      grain: Swift.max(1, StridedIteration.grain / Swift.max(1, inner))
    ) { range in
      for index in range {
        let (outer, row) = index.quotientAndRemainder(dividingBy: rows.count)
        let (x, out) = (from + outer * inputs * inner, out + index * inner)
        guard let first = rows[row].first else {
          kernels.fill(0, out, inner)
          continue
        }
        withUnsafePointer(to: first.weight) {
          kernels.binary(multiply, x + first.position * inner, 1, $0, 0, out, inner)
        }
        for term in rows[row].dropFirst() {
          kernels.addScaled(term.weight, x + term.position * inner, out, inner)
        }
      }
    }
    withExtendedLifetime(source.storage) {}
    return result
  }
}
