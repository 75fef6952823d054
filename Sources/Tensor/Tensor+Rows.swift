import Kernels

/// Softmax and layer normalisation: operations on rows, which threads share in ranges that depend on the shape alone.
extension Tensor {
  /// eˣ divided by its sum along an axis, without overflow.
  public func softmax(axis: Int = -1) -> Tensor {
    mapRows(axis, Kernels.table.row.softmax, of: "softmax")
  }

  /// Logarithm of the softmax along an axis, without overflow.
  public func logSoftmax(axis: Int = -1) -> Tensor {
    mapRows(axis, Kernels.table.row.logSoftmax, of: "logSoftmax")
  }

  private func mapRows(_ axis: Int, _ kernel: RowKernels.Map, of operation: StaticString) -> Tensor {
    let axis = shape.axis(axis, of: operation)
    if axis != rank - 1 { return transpose(axis, -1).mapRows(-1, kernel, of: operation).transpose(axis, -1) }
    let source = contiguous()
    // A copy made for its layout is overwritten.
    let result = isContiguous ? Tensor(uninitialized: shape) : source
    let (x, out, columns) = (UnsafePointer(source.pointer), result.pointer, shape[axis])
    forEachRowRange { kernel(x + $0.lowerBound * columns, out + $0.lowerBound * columns, $0.count, columns) }
    withExtendedLifetime(source.storage) {}
    return result
  }

  /// Calls `body` for ranges of rows (positions outside the last axis), on all threads; not at all without elements.
  fileprivate func forEachRowRange(_ body: (Range<Int>) -> Void) {
    let columns = shape[rank - 1]
    if count == 0 { return }
    let grain = Swift.max(1, StridedIteration.grain(for: count) / columns)
    ThreadPool.parallelRanges(count: count / columns, grain: grain, body)
  }

  /// The shape without its last axis.
  fileprivate var rowShape: Shape { Shape(shape[..<(rank - 1)]) }
}

/// Gradient of a softmax's input, given its output and the gradient of that.
package func softmaxDerivative(output: Tensor, gradient: Tensor, axis: Int = -1) -> Tensor {
  rowDerivative(output, gradient, axis, Kernels.table.row.softmaxDerivative, of: "softmaxDerivative")
}

/// Gradient of a log-softmax's input, given its output and the gradient of that.
package func logSoftmaxDerivative(output: Tensor, gradient: Tensor, axis: Int = -1) -> Tensor {
  rowDerivative(output, gradient, axis, Kernels.table.row.logSoftmaxDerivative, of: "logSoftmaxDerivative")
}

private func rowDerivative(
  _ output: Tensor, _ gradient: Tensor, _ axis: Int, _ kernel: RowKernels.Derivative,
  of operation: StaticString
) -> Tensor {
  requireShape(gradient, output.shape, of: operation, "a gradient")
  let axis = output.shape.axis(axis, of: operation)
  let y = output.transpose(axis, -1).contiguous()
  let g = gradient.transpose(axis, -1).contiguous()
  let result = Tensor(uninitialized: y.shape)
  let (from, slope, out) = (UnsafePointer(y.pointer), UnsafePointer(g.pointer), result.pointer)
  let columns = output.shape[axis]
  y.forEachRowRange {
    let start = $0.lowerBound * columns
    kernel(from + start, slope + start, out + start, $0.count, columns)
  }
  withExtendedLifetime((y, g)) {}
  return result.transpose(axis, -1)
}

/// Rows of the last axis with mean 0 and variance 1, then scaled and offset; also each row's mean and reciprocal
/// standard deviation, shaped as `x` without its last axis.
package func layerNorm(
  _ x: Tensor, scale: Tensor?, offset: Tensor?, epsilon: Float
) -> (output: Tensor, mean: Tensor, reciprocalDeviation: Tensor) {
  if x.rank == 0 { programmerError("layerNorm: shape \(x.shape) has no axis to normalise") }
  let columns = x.shape[x.rank - 1]
  let scale = rowParameter(scale, columns, "a scale")
  let offset = rowParameter(offset, columns, "an offset")
  let source = x.contiguous()
  let result = x.isContiguous ? Tensor(uninitialized: x.shape) : source
  let mean = Tensor(uninitialized: x.rowShape)
  let deviation = Tensor(uninitialized: x.rowShape)
  let (from, out, means, deviations) = (
    UnsafePointer(source.pointer), result.pointer, mean.pointer, deviation.pointer
  )
  let (factors, terms) = (scale?.readPointer, offset?.readPointer)
  let kernel = Kernels.table.row.layerNorm
  source.forEachRowRange {
    let (row, start) = ($0.lowerBound, $0.lowerBound * columns)
    kernel(
      from + start, factors, terms, epsilon, out + start, means + row, deviations + row, $0.count, columns)
  }
  withExtendedLifetime((source, scale, offset)) {}
  return (result, mean, deviation)
}

/// Gradients of a layer normalisation's input, and of its scale and offset summed over all rows, given the input, the
/// row statistics and the gradient of the output; nil where not wanted. One pass over the rows makes them all.
package func layerNormDerivative(
  _ x: Tensor, scale: Tensor?, gradient: Tensor, mean: Tensor, reciprocalDeviation: Tensor,
  ofInput: Bool = true, ofParameters: Bool = true
) -> (input: Tensor?, scale: Tensor?, offset: Tensor?) {
  requireShape(gradient, x.shape, of: "layerNormDerivative", "a gradient")
  let columns = x.shape[x.rank - 1]
  let rows = x.rowShape.elementCount
  let scale = rowParameter(scale, columns, "a scale")
  let (x, g) = (x.contiguous(), gradient.contiguous())
  let (mean, deviation) = (mean.contiguous(), reciprocalDeviation.contiguous())
  // Sums over fixed ranges of rows, added up in order afterwards: the same for any number of threads.
  let grain = Swift.max(64, StridedIteration.grain(for: x.count) / Swift.max(columns, 1))
  let parts = (rows + grain - 1) / grain
  let result = ofInput ? Tensor(uninitialized: x.shape) : nil
  let partial = ofParameters ? Tensor.zeros([2, parts, columns]) : nil
  let (from, slope, factors, out) = (x.readPointer, g.readPointer, scale?.readPointer, result?.pointer)
  let (means, deviations, sums) = (mean.readPointer, deviation.readPointer, partial?.pointer)
  let kernel = Kernels.table.row.layerNormDerivative
  ThreadPool.parallelRanges(count: rows, grain: grain) {
    let (row, start) = ($0.lowerBound, $0.lowerBound * columns)
    let scaleSums = sums.map { $0 + row / grain * columns }
    kernel(
      from + start, factors, slope + start, means + row, deviations + row, out.map { $0 + start }, scaleSums,
      scaleSums.map { $0 + parts * columns }, $0.count, columns)
  }
  withExtendedLifetime((x, g, mean, deviation, scale)) {}
  let parameters = partial?.sum(axes: [1])
  return (result, parameters?[0], parameters?[1])
}

private func rowParameter(_ tensor: Tensor?, _ columns: Int, _ role: StaticString) -> Tensor? {
  guard let tensor else { return nil }
  requireShape(tensor, [columns], of: "layerNorm", role)
  return tensor.contiguous()
}

/// Traps unless a tensor has the shape that an operation needs.
func requireShape(_ tensor: Tensor, _ shape: Shape, of operation: StaticString, _ role: StaticString) {
  if tensor.shape != shape {
    programmerError("\(operation): \(role) of shape \(tensor.shape) where \(shape) is needed")
  }
}

extension Tensor {
  /// First element, for reading.
  var readPointer: UnsafePointer<Float> { UnsafePointer(pointer) }
}
