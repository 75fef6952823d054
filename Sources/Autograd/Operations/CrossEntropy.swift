/// Cross-entropy of rows of logits against class labels, with all that PyTorch's `cross_entropy` knows.
///
/// With label smoothing ε the target of each row is 1 - ε of its label and ε of all classes evenly (Szegedy et al. 2016). The
/// mean is weighted: the sum divided by the weights of the labels that count. It is NaN if none does.
///
/// - Parameters:
///   - logits: `[..., classes]`.
///   - labels: A class for each row, of the shape of the leading axes.
///   - classWeights: `[classes]`, how much each class counts.
///   - labelSmoothing: ε, from 0 to 1.
///   - ignoredLabel: What rows that do not count have as their label, be it a class or not.
/// - Returns: The loss: without axes, or with `.none` in the shape of the labels, 0 where one is ignored.
public func crossEntropy(
  logits: Variable, labels: IndexTensor, classWeights: Tensor? = nil, labelSmoothing: Float = 0,
  ignoredLabel: Int? = nil, reduction: LossReduction = .mean
) -> Variable {
  if classWeights == nil && labelSmoothing == 0 && ignoredLabel == nil && reduction == .mean {
    return meanCrossEntropy(logits, labels)
  }
  let ignored = ignoredLabel.map { Int32(clamping: $0) }
  var losses = crossEntropies(logits, labels, ignored: ignored)
  let classes = logits.shape[logits.rank - 1]
  checkCrossEntropy(classes, classWeights, labelSmoothing)
  func perRow(_ value: (Int32) -> Float) -> Tensor {
    Tensor(labels.values.map { $0 == ignored ? 0 : value($0) }, shape: labels.shape)
  }
  let isCounted = ignored == nil ? nil : perRow { _ in 1 }
  let weights = classWeights?.scalars
  let rowWeights = weights.map { weights in perRow { weights[Int($0)] } } ?? isCounted
  if weights != nil, let rowWeights { losses = losses * Variable(rowWeights) }
  if labelSmoothing > 0 {
    var even = -weightedSum(logits.logSoftmax(), classWeights)
    if let isCounted { even = even * Variable(isCounted) }
    losses = losses * (1 - labelSmoothing) + even * (labelSmoothing / Float(classes))
  }
  if reduction == .mean, let rowWeights { return losses.sum() / rowWeights.sum().item() }
  return reduction(losses)
}

/// Cross-entropy of rows of logits against probabilities of the classes, as of a teacher or of mixed examples.
///
/// - Parameters:
///   - logits: `[..., classes]`.
///   - targets: Probabilities, of the same shape.
///   - classWeights: `[classes]`, how much each class counts.
///   - labelSmoothing: ε, from 0 to 1: how much of the targets goes to all classes evenly.
/// - Returns: The loss: without axes, a mean over rows, or with `.none` in the shape of the leading axes.
public func crossEntropy(
  logits: Variable, targets: some VariableConvertible, classWeights: Tensor? = nil, labelSmoothing: Float = 0,
  reduction: LossReduction = .mean
) -> Variable {
  var targets = targets.asVariable
  requireEqualShapes(logits, targets, of: "crossEntropy")
  guard let classes = logits.shape.last else { programmerError("crossEntropy: logits without axes") }
  checkCrossEntropy(classes, classWeights, labelSmoothing)
  if labelSmoothing > 0 { targets = targets * (1 - labelSmoothing) + labelSmoothing / Float(classes) }
  return reduction(-weightedSum(targets * logits.logSoftmax(), classWeights))
}

/// In one pass over the logits, which makes their gradient too.
private func meanCrossEntropy(_ logits: Variable, _ labels: IndexTensor) -> Variable {
  guard requiresRecording([logits]) else {
    return Variable(crossEntropy(logits: logits.value, labels: labels))
  }
  let (loss, gradient) = crossEntropyWithGradient(logits: logits.value, labels: labels)
  return record(
    "crossEntropy", [logits], value: loss,
    fused: { [gradient.scaled(by: $0.gradient.item())] },
    composition: { composedCrossEntropies($0[0], labels, ignored: nil).mean() })
}

/// That of each row, 0 where the label is ignored.
private func crossEntropies(_ logits: Variable, _ labels: IndexTensor, ignored: Int32?) -> Variable {
  let found = crossEntropies(
    logits: logits.value, labels: labels, ignored: ignored, keepingGradient: requiresRecording([logits]))
  return record(
    "crossEntropy", [logits], value: found.losses,
    fused: { [found.gradient! * $0.gradient.value.unsqueeze(-1)] },
    composition: { composedCrossEntropies($0[0], labels, ignored: ignored) })
}

package func composedCrossEntropies(_ logits: Variable, _ labels: IndexTensor, ignored: Int32?) -> Variable {
  let classes = IndexTensor(labels.values.map { $0 == ignored ? 0 : $0 }, shape: labels.shape + [1])
  let losses = -logits.logSoftmax().takeAlong(classes, axis: -1).squeeze(-1)
  if ignored == nil { return losses }
  return losses * Variable(Tensor(labels.values.map { $0 == ignored ? 0 : 1 }, shape: labels.shape))
}

/// Sums over the classes, each times its weight.
private func weightedSum(_ x: Variable, _ weights: Tensor?) -> Variable {
  weights.map { matmul(x, Variable($0)) } ?? x.sum(axes: [-1])
}

private func checkCrossEntropy(_ classes: Int, _ weights: Tensor?, _ smoothing: Float) {
  if let weights, weights.shape != [classes] {
    programmerError("crossEntropy: weights of shape \(weights.shape) for \(classes) classes")
  }
  if !(smoothing >= 0 && smoothing <= 1) {
    programmerError("crossEntropy: a label smoothing of \(smoothing), expected 0 to 1")
  }
}
