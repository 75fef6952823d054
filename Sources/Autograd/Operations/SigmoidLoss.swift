/// SigLIP's loss (Zhai et al. 2023): -(1/n) Σᵢⱼ log sigmoid(zᵢⱼ (t xᵢ·yⱼ + b)), z = 1 for pairs that belong together
/// and -1 for all others, t = exp(`logScale`).
///
/// Logits are computed for some rows at a time, and the gradients with them: memory grows with the number of texts,
/// not with the number of pairs, and no logit is computed twice.
///
/// - Parameters:
///   - x: Image embeddings `[n, d]`, usually of length 1.
///   - y: Text embeddings `[m, d]`.
///   - logScale: t', one number.
///   - bias: b, one number.
///   - positives: Which pairs belong together.
/// - Returns: The loss, without axes: divided by n, not by the number of pairs.
public func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable,
  positives: PairLabels = .diagonal
) -> Variable {
  sigmoidPairwiseLoss(
    images: x, texts: y, logScale: logScale, bias: bias, positives: positives, rowsAtATime: nil)
}

/// As above, with a given number of rows of logits in memory.
package func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, positives: PairLabels,
  rowsAtATime: Int?
) -> Variable {
  let inputs = [x, y, logScale, bias]
  let loss = sigmoidPairwiseLoss(
    images: x.value, texts: y.value, logScale: logScale.value, bias: bias.value, labels: positives,
    wanted: wantedGradients(x, y, logScale), rowsAtATime: rowsAtATime)
  return record(
    "sigmoidPairwiseLoss", inputs, value: loss.value, fused: loss.gradients,
    composition: {
      composedSigmoidLoss(images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], labels: positives)
    })
}

func composedSigmoidLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, labels: PairLabels
) -> Variable {
  let positives = labels.positives(images: x.shape[0], texts: y.shape[0])
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp() + bias.reshape([])
  let negatedSigns = 1 - positives.matrix(texts: y.shape[0]) * 2
  return (logits * Variable(negatedSigns)).softplus().sum() / Float(x.shape[0])
}

/// What gradients a pairwise loss is to compute.
func wantedGradients(_ images: Variable, _ texts: Variable, _ logScale: Variable) -> PairwiseLoss.Wanted {
  guard Recording.isEnabled else { return (false, false, false) }
  return (images.requiresGradient, texts.requiresGradient, logScale.requiresGradient)
}

extension PairwiseLoss {
  /// Gradients of the images, the texts, the logarithm of the scale and, if there is one, the bias.
  func gradients(_ context: DerivativeContext) -> [Tensor?] {
    let factor = context.gradient.item()
    let numbers = [logScale, bias].prefix(context.inputCount - 2).enumerated()
    return [
      context.needs(0) ? images?.scaled(by: factor) : nil, context.needs(1) ? texts?.scaled(by: factor) : nil,
    ] + numbers.map { .full(context.shape(ofInput: 2 + $0.offset), $0.element * factor) }
  }
}
