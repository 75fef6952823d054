import Kernels

/// Mean cross-entropy of rows of logits against class labels.
///
/// - Parameters:
///   - logits: `[..., classes]`.
///   - labels: A class for each row, of the shape of the leading axes.
/// - Returns: The loss, without axes.
public func softmaxCrossEntropy(logits: Tensor, labels: IndexTensor) -> Tensor {
  checkClasses(logits, labels)
  return Tensor(meanCrossEntropy(logits, labels, gradient: nil))
}

/// The mean cross-entropy together with the gradient of its logits.
package func softmaxCrossEntropyWithGradient(
  logits: Tensor, labels: IndexTensor
) -> (loss: Tensor, gradient: Tensor) {
  checkClasses(logits, labels)
  let gradient = Tensor(uninitialized: logits.shape)
  let loss = meanCrossEntropy(logits, labels, gradient: gradient.pointer)
  return (Tensor(loss), gradient)
}

private func checkClasses(_ logits: Tensor, _ labels: IndexTensor) {
  guard let classes = logits.shape.last, Shape(logits.shape.dropLast()) == labels.shape, labels.count > 0
  else {
    programmerError(
      "softmaxCrossEntropy: logits of shape \(logits.shape) for labels of shape \(labels.shape)")
  }
  for label in labels.values where label < 0 || label >= classes {
    programmerError("softmaxCrossEntropy: label \(label) is outside the \(classes) classes")
  }
}

/// The mean of the rows' cross-entropies, and its gradient if there is a place for it.
private func meanCrossEntropy(
  _ logits: Tensor, _ labels: IndexTensor, gradient: UnsafeMutablePointer<Float>?
) -> Float {
  let (logits, classes) = (logits.contiguous(), logits.shape[logits.rank - 1])
  let losses = Tensor(uninitialized: labels.shape)
  let (x, out, scale) = (logits.readPointer, losses.pointer, 1 / Float(labels.count))
  let kernel = Kernels.table.loss.softmaxCrossEntropy
  labels.values.withUnsafeBufferPointer { labels in
    let (count, labels) = (labels.count, labels.baseAddress!)
    ThreadPool.parallelRanges(count: count, grain: 16_384 / classes + 1) { rows in
      let (row, start) = (rows.lowerBound, rows.lowerBound * classes)
      kernel(
        x + start, labels + row, scale, out + row, gradient.map { $0 + start }, rows.count, classes)
    }
  }
  withExtendedLifetime(logits) {}
  return losses.withUnsafeScalars { Float($0.reduce(0) { $0 + Double($1) } / Double(labels.count)) }
}
