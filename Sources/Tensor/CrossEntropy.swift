import Kernels

/// Mean cross-entropy of rows of logits against class labels; NaN of no rows.
///
/// - Parameters:
///   - logits: `[..., classes]`.
///   - labels: A class for each row, of the shape of the leading axes.
/// - Returns: The loss, without axes.
public func crossEntropy(logits: Tensor, labels: IndexTensor) -> Tensor {
  checkClasses(logits, labels)
  return mean(of: crossEntropies(logits, labels, scale: 1, gradient: nil))
}

/// The mean cross-entropy together with the gradient of its logits.
package func crossEntropyWithGradient(
  logits: Tensor, labels: IndexTensor
) -> (loss: Tensor, gradient: Tensor) {
  checkClasses(logits, labels)
  let gradient = Tensor(uninitialized: logits.shape)
  let losses = crossEntropies(logits, labels, scale: 1 / Float(labels.count), gradient: gradient.pointer)
  return (mean(of: losses), gradient)
}

/// The cross-entropy of each row, of the shape of the labels, and if asked for its gradient, softmax less one-hot. A row that
/// is not to count has the label `ignored`, and neither loss nor gradient.
package func crossEntropies(
  logits: Tensor, labels: IndexTensor, ignored: Int32?, keepingGradient: Bool
) -> (losses: Tensor, gradient: Tensor?) {
  checkClasses(logits, labels, ignored: ignored)
  let gradient = keepingGradient ? Tensor(uninitialized: logits.shape) : nil
  // To the kernel a negative label is none.
  let labels =
    ignored == nil ? labels : IndexTensor(labels.values.map { $0 == ignored ? -1 : $0 }, shape: labels.shape)
  return (crossEntropies(logits, labels, scale: 1, gradient: gradient?.pointer), gradient)
}

private func checkClasses(_ logits: Tensor, _ labels: IndexTensor, ignored: Int32? = nil) {
  guard let classes = logits.shape.last, Shape(logits.shape.dropLast()) == labels.shape else {
    programmerError("crossEntropy: logits of shape \(logits.shape) for labels of shape \(labels.shape)")
  }
  for label in labels.values where (label < 0 || label >= classes) && label != ignored {
    programmerError("crossEntropy: label \(label) is outside the \(classes) classes")
  }
}

/// The cross-entropy of each row, and its gradient times `scale` if there is a place for it.
private func crossEntropies(
  _ logits: Tensor, _ labels: IndexTensor, scale: Float, gradient: UnsafeMutablePointer<Float>?
) -> Tensor {
  let (logits, classes) = (logits.contiguous(), logits.shape[logits.rank - 1])
  let losses = Tensor(uninitialized: labels.shape)
  let (x, out) = (logits.readPointer, losses.pointer)
  let kernel = Kernels.table.loss.softmaxCrossEntropy
  labels.values.withUnsafeBufferPointer { labels in
    ThreadPool.parallelRanges(count: labels.count, grain: 16_384 / Swift.max(classes, 1) + 1) { rows in
      let (row, start) = (rows.lowerBound, rows.lowerBound * classes)
      kernel(
        x + start, labels.baseAddress! + row, scale, out + row, gradient.map { $0 + start }, rows.count,
        classes)
    }
  }
  withExtendedLifetime(logits) {}
  return losses
}

/// In double precision.
private func mean(of losses: Tensor) -> Tensor {
  losses.withUnsafeScalars { Tensor(Float($0.reduce(0) { $0 + Double($1) } / Double($0.count))) }
}
