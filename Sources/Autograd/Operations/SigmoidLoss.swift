/// SigLIP's loss (Zhai et al. 2023): -(1/n) Σᵢⱼ log sigmoid(zᵢⱼ (t xᵢ·yⱼ + b)), z = 1 for pairs that belong together
/// and -1 for all others, t = exp(`logScale`).
///
/// Logits are computed for a tile of pairs at a time, and the gradients with them: whatever n and m are, they take 16 MiB
/// beside the embeddings and their gradients, and no logit is computed twice.
///
/// - Parameters:
///   - x: Image embeddings `[n, d]`, usually of length 1.
///   - y: Text embeddings `[m, d]`.
///   - logScale: t', one number. It is never clamped: released models have t of 110 and more.
///   - bias: b, one number.
///   - positives: Which pairs belong together, and which are left out.
///   - negatives: Which of the others count. A selection is made anew for each loss; it has no gradient.
///   - divisor: What the sum is divided by: the number of images, or that of texts.
///   - logitPrecision: Of the products of embeddings, and of those in their gradients.
/// - Returns: The loss, without axes: divided by n, not by the number of pairs.
public func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable,
  positives: PairLabels = .diagonal, negatives: NegativeSelection = .all, divisor: PairwiseDivisor = .images,
  logitPrecision: MatmulPrecision = .float32
) -> Variable {
  sigmoidPairwiseLoss(
    images: x, texts: y, logScale: logScale, bias: bias, positives: positives, negatives: negatives,
    divisor: divisor, tile: nil, logitPrecision: logitPrecision)
}

/// As above, with given numbers of rows and columns of logits in memory.
package func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, positives: PairLabels,
  negatives: NegativeSelection = .all, divisor: PairwiseDivisor = .images, tile: (rows: Int, columns: Int)?,
  logitPrecision: MatmulPrecision = .float32
) -> Variable {
  let inputs = [x, y, logScale, bias]
  let loss = sigmoidPairwiseLoss(
    images: x.value, texts: y.value, logScale: logScale.value, bias: bias.value, labels: positives,
    negatives: negatives, divisor: divisor, wanted: wantedGradients(x, y, logScale), tile: tile,
    logitPrecision: logitPrecision)
  return record(
    "sigmoidPairwiseLoss", inputs, value: loss.value, fused: loss.gradients,
    composition: { inputs in
      Compute.withMatmulPrecision(logitPrecision) {
        composedSigmoidLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: inputs[3], labels: positives,
          negatives: negatives, divisor: divisor)
      }
    })
}

package func composedSigmoidLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, labels: PairLabels,
  negatives: NegativeSelection, divisor: PairwiseDivisor
) -> Variable {
  let (n, m) = (x.shape[0], y.shape[0])
  let positives = labels.positivePairs(images: n, texts: m).matrix(images: n, texts: m)
  let weights = sigmoidPairWeights(images: x.value, texts: y.value, labels: labels, negatives: negatives)
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp() + bias.reshape([])
  let losses = (logits * Variable(1 - positives * 2)).softplus() * Variable(weights)
  return losses.sum() / Float(divisor(images: n, texts: m))
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
