/// CLIP's loss (Radford et al. 2021): the mean of the cross-entropies of rows and columns of t X Yᵀ, t = exp(`logScale`).
///
/// Where a row or column has several positives, its target is uniform over them; where it has none, it adds nothing.
/// There is no matrix of all logits: beside embeddings and gradients it takes 16 MiB, 24 bytes for each image and text, and
/// 4 for each positive pair. Batches of more than two million pairs compute their logits twice for that. Losses and
/// gradients near 0 are exact to the rounding of the logits: they are made of what other pairs leave, never of 1 less a
/// probability near it.
///
/// - Parameters:
///   - x: Image embeddings `[n, d]`, usually of length 1.
///   - y: Text embeddings `[m, d]`.
///   - logScale: t', one number.
///   - positives: Which pairs belong together, and which are left out.
///   - logitPrecision: Of the products of embeddings, and of those in their gradients.
/// - Returns: The loss, without axes.
public func softmaxPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, positives: PairLabels = .diagonal,
  logitPrecision: MatmulPrecision = .float32
) -> Variable {
  softmaxPairwiseLoss(
    images: x, texts: y, logScale: logScale, positives: positives, tile: nil, logitPrecision: logitPrecision)
}

/// As above, with given numbers of rows and columns of logits in memory.
package func softmaxPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, positives: PairLabels,
  tile: (rows: Int, columns: Int)?, logitPrecision: MatmulPrecision = .float32
) -> Variable {
  let loss = softmaxPairwiseLoss(
    images: x.value, texts: y.value, logScale: logScale.value, labels: positives,
    wanted: wantedGradients(x, y, logScale), tile: tile, logitPrecision: logitPrecision)
  return record(
    "softmaxPairwiseLoss", [x, y, logScale], value: loss.value, fused: loss.gradients,
    composition: { inputs in
      Compute.withMatmulPrecision(logitPrecision) {
        composedSoftmaxPairwiseLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], labels: positives)
      }
    })
}

package func composedSoftmaxPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, labels: PairLabels
) -> Variable {
  let (n, m) = (x.shape[0], y.shape[0])
  var logits = matmul(x, y.transpose()) * logScale.reshape([]).exp()
  if let excluded = labels.excludedMatrix(images: n, texts: m) {
    // Not -infinity, of which a target of 0 would make NaN.
    logits = logits + Variable(excluded * -1e30)
  }
  let matrix = labels.positivePairs(images: n, texts: m).matrix(images: n, texts: m)
  func half(_ axis: Int, count: Int) -> Variable {
    let sizes = matrix.sum(axes: [axis], keepDimensions: true).maximum(Tensor(1))
    return (logits.logSoftmax(axis: axis) * Variable(matrix / sizes)).sum() / Float(-2 * count)
  }
  return half(1, count: n) + half(0, count: m)
}
