/// CLIP's loss (Radford et al. 2021): the mean of the cross-entropies of rows and columns of t X Yᵀ, t = exp(`logScale`).
///
/// Where a row or column has several positives, its target is uniform over them; where it has none, it adds nothing.
/// The logits are one matrix of n x m numbers, turned into their gradients in place. Losses and gradients near 0 are exact
/// to the rounding of the logits: they are made of what other pairs leave, never of 1 less a probability near it.
///
/// - Parameters:
///   - x: Image embeddings `[n, d]`, usually of length 1.
///   - y: Text embeddings `[m, d]`.
///   - logScale: t', one number.
///   - positives: Which pairs belong together.
/// - Returns: The loss, without axes.
public func softmaxPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, positives: PairLabels = .diagonal
) -> Variable {
  let loss = softmaxPairwiseLoss(
    images: x.value, texts: y.value, logScale: logScale.value, labels: positives,
    wanted: wantedGradients(x, y, logScale))
  return record(
    "softmaxPairwiseLoss", [x, y, logScale], value: loss.value, fused: loss.gradients,
    composition: {
      let positives = positives.positives(images: $0[0].shape[0], texts: $0[1].shape[0])
      return composedSoftmaxPairwiseLoss(
        images: $0[0], texts: $0[1], logScale: $0[2], positives: positives)
    })
}

func composedSoftmaxPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, positives: Positives
) -> Variable {
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp()
  let matrix = positives.matrix(texts: y.shape[0])
  func half(_ axis: Int, count: Int) -> Variable {
    let sizes = matrix.sum(axes: [axis], keepDimensions: true).maximum(Tensor(1))
    return (logits.logSoftmax(axis: axis) * Variable(matrix / sizes)).sum() / Float(-2 * count)
  }
  return half(1, count: x.shape[0]) + half(0, count: y.shape[0])
}
