/// softmax(scale · Q Kᵀ + mask) V for every head (Vaswani et al. 2017).
///
/// Heads are read and written where they lie: nothing is transposed in memory. Up to 256 K scores a head the
/// probabilities are kept for the backward sweep (`B H Tq Tk` numbers); beyond that a block of rows at a time is
/// computed and computed again in the sweep, so that memory does not grow with `Tq Tk`.
///
/// - Parameters:
///   - query: `[B, Tq, H, D]`.
///   - key: `[B, Tk, H, D]`.
///   - value: `[B, Tk, H, E]`.
///   - mask: Added to the scores; broadcasts to `[B, H, Tq, Tk]`; -infinity excludes a key. Rows that exclude every key
///     give 0. A constant.
///   - scale: 1 / √D if not given.
/// - Returns: `[B, Tq, H, E]`.
public func scaledDotProductAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor? = nil, scale: Float? = nil
) -> Variable {
  scaledDotProductAttention(
    query: query, key: key, value: value, mask: mask, scale: scale, keptScoresPerHead: 256 * 1024)
}

/// As above, with another bound below which probabilities are kept.
package func scaledDotProductAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor? = nil, scale: Float? = nil,
  keptScoresPerHead: Int
) -> Variable {
  let inputs = [query, key, value]
  let attention = Attention(
    query: query.value, key: key.value, value: value.value, mask: mask, scale: scale)
  let keeps = requiresRecording(inputs) && attention.scoresPerHead <= keptScoresPerHead
  let (output, probabilities) = attention.output(keepingProbabilities: keeps)
  let (mask, scale) = (attention.mask, attention.scale)
  return record(
    "scaledDotProductAttention", inputs, value: output,
    fused: { context in
      Attention(
        query: context.input(0).value, key: context.input(1).value, value: context.input(2).value,
        mask: mask, scale: scale
      ).derivative(
        context.gradient.value, probabilities: probabilities,
        needed: (context.needs(0), context.needs(1), context.needs(2)))
    },
    composition: { composedAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: scale) })
}

/// As ``scaledDotProductAttention(query:key:value:mask:scale:)``, with the probabilities, `[B, H, Tq, Tk]`, passed through a
/// function before they weigh the values: dropout, or one that looks at them. All of them are kept for the backward sweep.
public func scaledDotProductAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor? = nil, scale: Float? = nil,
  probabilities function: (Variable) -> Variable
) -> Variable {
  guard query.rank == 4, key.rank == 4, value.rank == 4 else {
    programmerError(
      "scaledDotProductAttention: query \(query.shape), key \(key.shape) and value \(value.shape) are not "
        + "[B, Tq, H, D], [B, Tk, H, D] and [B, Tk, H, E]")
  }
  return composedAttention(
    query: query, key: key, value: value,
    mask: mask?.expand(to: [query.shape[0], query.shape[2], query.shape[1], key.shape[1]]),
    scale: scale ?? 1 / Float(Swift.max(query.shape[3], 1)).squareRoot(), probabilities: function)
}

package func composedAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor?, scale: Float,
  probabilities function: (Variable) -> Variable = { $0 }
) -> Variable {
  var scores = matmul(query.permute([0, 2, 1, 3]), key.permute([0, 2, 3, 1])) * scale
  let values = value.permute([0, 2, 1, 3])
  guard let mask else {
    return matmul(function(scores.softmax(axis: -1)), values).permute([0, 2, 1, 3])
  }
  let seesAny = (mask .> -Float.infinity).sum(axes: [-1], keepDimensions: true) .> 0
  scores = scores + Variable(`where`(seesAny, mask, Tensor(0)))
  let probabilities = scores.softmax(axis: -1) * Variable(seesAny)
  return matmul(function(probabilities), values).permute([0, 2, 1, 3])
}
