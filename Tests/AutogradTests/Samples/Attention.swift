import Autograd
import Foundation

enum AttentionSamples {
  static var all: OperationSamples {
    let causal = Tensor.causalMask(queries: 3, keys: 4)
    let excludesARow = Tensor([0, -.infinity, 0, -.infinity, -.infinity, -.infinity], shape: [2, 3])
    let perSequence = Tensor([0, 0, -1, 0.5, 0, -.infinity], shape: [2, 1, 1, 3])
    // (B, Tq, Tk, H, D, E), mask, scores per head below which probabilities are kept
    let cases: [([Int], Tensor?, kept: Int, String)] = [
      ([2, 3, 3, 2, 4, 4], nil, 1000, "plain"), ([1, 1, 1, 1, 1, 1], nil, 1000, "one number each"),
      ([2, 5, 3, 1, 3, 2], nil, 0, "computed again"),
      ([1, 37, 19, 2, 5, 3], nil, 0, "odd sizes, computed again"),
      ([2, 3, 4, 2, 4, 4], causal, 1000, "causal"),
      ([1, 2, 3, 2, 2, 2], excludesARow, 1000, "a row without keys"),
      ([1, 2, 3, 2, 2, 2], excludesARow, 0, "a row without keys, computed again"),
      ([2, 2, 3, 3, 2, 2], perSequence, 1000, "a mask for each sequence"),
    ]
    return OperationSamples(
      "scaledDotProductAttention",
      cases.map { sizes, mask, kept, description in
        let (batch, queries, keys, heads) = (sizes[0], sizes[1], sizes[2], sizes[3])
        return OperationSample(
          [
            .init([batch, queries, heads, sizes[4]]), .init([batch, keys, heads, sizes[4]]),
            .init([batch, keys, heads, sizes[5]]),
          ], description,
          forward: {
            scaledDotProductAttention(
              query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: 0.7, keptScoresPerHead: kept)
          },
          composition: {
            let mask = mask?.expand(to: [batch, heads, queries, keys])
            return composedAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: 0.7)
          },
          reference: {
            reference($0[0], $0[1], $0[2], mask: mask.map(ReferenceArray.init), scale: 0.7)
          })
      })
  }

  /// Probabilities that are changed before they weigh the values.
  static var withProbabilities: OperationSamples {
    let factors = Tensor([0, 2, 1, 0.5, 1, 0], shape: [1, 1, 2, 3])
    let mask = Tensor([0, -.infinity, 0, -.infinity, -.infinity, -.infinity], shape: [2, 3])
    return OperationSamples(
      "scaledDotProductAttention",
      [nil, mask].map { mask in
        OperationSample(
          [.init([2, 2, 3, 4]), .init([2, 3, 3, 4]), .init([2, 3, 3, 2])],
          "changed probabilities\(mask == nil ? "" : ", a row without keys")"
        ) {
          scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: 0.7) {
            $0 * Variable(factors)
          }
        } reference: {
          reference(
            $0[0], $0[1], $0[2], mask: mask.map(ReferenceArray.init), scale: 0.7,
            factors: ReferenceArray(factors))
        }
      })
  }

  private static func reference(
    _ query: ReferenceArray, _ key: ReferenceArray, _ value: ReferenceArray, mask: ReferenceArray?,
    scale: Double, factors: ReferenceArray? = nil
  ) -> ReferenceArray {
    let (batch, queries, heads) = (query.shape[0], query.shape[1], query.shape[2])
    return ReferenceArray(shape: [batch, queries, heads, value.shape[3]]) { position in
      let (b, q, h, e) = (position[0], position[1], position[2], position[3])
      let weights = (0..<key.shape[1]).map { k in
        let score = (0..<key.shape[3]).reduce(0) { $0 + query[[b, q, h, $1]] * key[[b, k, h, $1]] }
        return exp(scale * score + (mask?.broadcast(at: [b, h, q, k]) ?? 0))
      }
      let total = weights.reduce(0, +)
      if total == 0 { return 0 }
      return weights.enumerated().reduce(0) {
        $0 + $1.element * (factors?.broadcast(at: [b, h, q, $1.offset]) ?? 1) * value[[b, $1.offset, h, e]]
      } / total
    }
  }
}
