/// Binary cross-entropy of logits, element by element: -w (z p log σ(x) + (1 - p) log(1 - σ(x))) for a target p, by terms that
/// neither overflow nor cancel (PyTorch's `binary_cross_entropy_with_logits`).
///
/// - Parameters:
///   - targets: Probabilities, or 0 and 1.
///   - weights: w; broadcasts to the logits.
///   - positiveWeights: z, how much more a positive counts; broadcasts to the logits.
public func binaryCrossEntropy(
  logits: Variable, targets: some VariableConvertible, weights: Tensor? = nil, positiveWeights: Tensor? = nil,
  reduction: LossReduction = .mean
) -> Variable {
  let targets = targets.asVariable
  requireEqualShapes(logits, targets, of: "binaryCrossEntropy")
  let (x, p) = (logits.value, targets.value)
  let factor = positiveWeights ?? Tensor(1)
  let losses = record(
    "binaryCrossEntropy", [logits, targets],
    value: factor * p * (-x).softplus() + (1 - p) * x.softplus(), saving: .inputs
  ) {
    let (x, p, gradient) = ($0.input(0), $0.input(1), $0.gradient)
    let factor = Variable(factor)
    return [
      $0.needs(0) ? gradient * ((1 - p) * x.sigmoid() - factor * p * (-x).sigmoid()) : nil,
      $0.needs(1) ? gradient * (factor * (-x).softplus() - x.softplus()) : nil,
    ]
  }
  return reduction(weighted(losses, weights))
}

/// Binary cross-entropy of probabilities, element by element: -w (p log q + (1 - p) log(1 - q)), logarithms not below -100 as
/// in PyTorch's `binary_cross_entropy`. Logits lose fewer digits: ``binaryCrossEntropy(logits:targets:weights:positiveWeights:reduction:)``.
///
/// - Parameters:
///   - probabilities: q, of the model.
///   - targets: p.
///   - weights: w; broadcasts to the probabilities.
public func binaryCrossEntropy(
  probabilities: Variable, targets: some VariableConvertible, weights: Tensor? = nil,
  reduction: LossReduction = .mean
) -> Variable {
  let targets = targets.asVariable
  requireEqualShapes(probabilities, targets, of: "binaryCrossEntropy")
  let (q, p) = (probabilities.value, targets.value)
  let (positive, negative) = (q.log().maximum(Tensor(-100)), (-q).log1p().maximum(Tensor(-100)))
  let losses = record(
    "probabilityCrossEntropy", [probabilities, targets], value: -(p * positive + (1 - p) * negative),
    saving: .inputs
  ) {
    let (q, p, gradient) = ($0.input(0), $0.input(1), $0.gradient)
    return [
      $0.needs(0) ? gradient * (q - p) / (q * (1 - q)).maximum(1e-12) : nil,
      $0.needs(1) ? gradient * ((-q).log1p().maximum(-100) - q.log().maximum(-100)) : nil,
    ]
  }
  return reduction(weighted(losses, weights))
}

private func weighted(_ losses: Variable, _ weights: Tensor?) -> Variable {
  guard let weights else { return losses }
  if weights.shape.broadcast(with: losses.shape) != losses.shape {
    programmerError(
      "binaryCrossEntropy: weights of shape \(weights.shape) for losses of shape \(losses.shape)")
  }
  return losses * Variable(weights)
}
