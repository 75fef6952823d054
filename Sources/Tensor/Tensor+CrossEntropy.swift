import Kernels

extension Tensor {
  /// -log softmax at each row's label, and if asked for its gradient, softmax less one-hot. A negative label gives 0 and no
  /// gradient.
  ///
  /// - Parameter labels: Of the shape of the leading axes, below the size of the last; not checked.
  package func crossEntropies(
    labels: IndexTensor, keepingGradient: Bool
  ) -> (losses: Tensor, gradient: Tensor?) {
    let (source, classes) = (contiguous(), shape[rank - 1])
    let losses = Tensor(uninitialized: labels.shape)
    let gradient = keepingGradient ? Tensor(uninitialized: shape) : nil
    let (x, out, slope) = (source.readPointer, losses.pointer, gradient?.pointer)
    let kernel = Kernels.table.loss.softmaxCrossEntropy
    labels.values.withUnsafeBufferPointer { labels in
      ThreadPool.parallelRanges(count: labels.count, grain: 16_384 / Swift.max(classes, 1) + 1) { rows in
        let first = rows.lowerBound
        kernel(
          x + first * classes, labels.baseAddress! + first, 1, out + first,
          slope.map { $0 + first * classes },
          rows.count, classes)
      }
    }
    withExtendedLifetime(source.storage) {}
    return (losses, gradient)
  }
}
