import Foundation
import Kernels

/// Mean cross-entropy of rows of logits against class labels.
///
/// - Parameters:
///   - logits: `[..., classes]`.
///   - labels: A class for each row, of the shape of the leading axes.
/// - Returns: The loss, without axes.
public func softmaxCrossEntropy(logits: Variable, labels: IndexTensor) -> Variable {
  guard let classes = logits.shape.last, Shape(logits.shape.dropLast()) == labels.shape, labels.count > 0
  else {
    programmerError(
      "softmaxCrossEntropy: logits of shape \(logits.shape) for labels of shape \(labels.shape)")
  }
  for label in labels.values where label < 0 || label >= classes {
    programmerError("softmaxCrossEntropy: label \(label) is outside the \(classes) classes")
  }
  guard requiresRecording([logits]) else {
    return Variable(Tensor(meanCrossEntropy(logits.value, labels, gradient: nil)))
  }
  var loss: Float = 0
  let gradient = Tensor(uninitialized: logits.shape) {
    loss = meanCrossEntropy(logits.value, labels, gradient: $0.baseAddress)
  }
  return record(
    "softmaxCrossEntropy", [logits], value: Tensor(loss),
    fused: { [gradient.scaled(by: $0.gradient.item())] },
    composition: { composedCrossEntropy(logits: $0[0], labels: labels) })
}

/// The mean of the rows' cross-entropies, and its gradient if there is a place for it.
private func meanCrossEntropy(
  _ logits: Tensor, _ labels: IndexTensor, gradient: UnsafeMutablePointer<Float>?
) -> Float {
  let classes = logits.shape[logits.rank - 1]
  let kernel = Kernels.table.loss.softmaxCrossEntropy
  let scale = 1 / Float(labels.count)
  let losses = Tensor(uninitialized: [labels.count]) { losses in
    let losses = losses.baseAddress!
    logits.withUnsafeScalars { logits in
      labels.values.withUnsafeBufferPointer { labels in
        let (logits, rowCount) = (logits.baseAddress!, labels.count)
        let labels = labels.baseAddress!
        ThreadPool.parallelRanges(count: rowCount, grain: 16_384 / classes + 1) { rows in
          let first = rows.lowerBound
          kernel(
            logits + first * classes, labels + first, scale, losses + first,
            gradient.map { $0 + first * classes }, rows.count, classes)
        }
      }
    }
  }
  return losses.withUnsafeScalars { Float($0.reduce(0) { $0 + Double($1) } / Double(labels.count)) }
}

func composedCrossEntropy(logits: Variable, labels: IndexTensor) -> Variable {
  let rows = logits.reshape([labels.count, logits.shape[logits.rank - 1]]).logSoftmax(axis: -1)
  let targets = Positives(starts: Array(0...labels.count), texts: labels.values)
  return (rows * Variable(targets.matrix(texts: rows.shape[1]))).sum() / Float(-labels.count)
}

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
  checkPairs(x, y, logScale, of: "softmaxPairwiseLoss")
  let (n, m) = (x.shape[0], y.shape[0])
  let positives = positives.checked(images: n, texts: m, of: "softmaxPairwiseLoss").positives(
    images: n, texts: m)
  let inputs = [x, y, logScale]
  let isRecorded = Recording.isEnabled && inputs.contains(where: \.requiresGradient)
  let scale = exp(logScale.item())
  var logits = x.value.matmul(y.value.transpose(), bias: nil, scale: scale)
  let loss = logits.withUnsafeMutableScalars {
    SoftmaxPairs(logits: $0.baseAddress!, images: n, texts: m, positives: positives).loss(
      replacingLogitsByGradients: isRecorded)
  }
  // From here the logits are their own gradients.
  let images =
    isRecorded && (x.requiresGradient || logScale.requiresGradient)
    ? logits.matmul(y.value, bias: nil, scale: scale) : nil
  let texts =
    isRecorded && y.requiresGradient
    ? logits.transpose().matmul(x.value, bias: nil, scale: scale) : nil
  // Σ g t x·y, row by row.
  let ofScale = images.map { ($0 * x.value).sum().item() } ?? 0
  return record(
    "softmaxPairwiseLoss", inputs, value: Tensor(loss),
    fused: { context in
      let factor = context.gradient.item()
      return [
        context.needs(0) ? images?.scaled(by: factor) : nil,
        context.needs(1) ? texts?.scaled(by: factor) : nil,
        .full(context.shape(ofInput: 2), ofScale * factor),
      ]
    },
    composition: {
      composedSoftmaxPairwiseLoss(images: $0[0], texts: $0[1], logScale: $0[2], positives: positives)
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
