import Autograd

/// `attention/12x64/tokens196/batch8`: attention of that many heads of that width and its gradients; queries, keys,
/// values and the result lie as `[batch, tokens, heads * width]`; `/bf16` with products of 16-bit numbers.
enum AttentionCores {
  static var work: [Work] { cores + cores.map(\.withBFloat16) }

  private static var cores: [Work] { [64, 196, 576, 1024].map { work(tokens: $0, batch: 8) } }

  private static func work(tokens: Int, batch: Int) -> Work {
    let (heads, width) = (12, 64)
    return Work(
      name: "attention/\(heads)x\(width)/tokens\(tokens)/batch\(batch)",
      flops: 12 * batch * heads * tokens * tokens * width
    ) {
      var random = Random(seed: 1)
      let inputs = (0..<3).map { _ in
        Variable(random.normal([batch, tokens, heads * width]), requiresGradient: true)
      }
      let seed = Variable(random.normal([batch, tokens, heads * width]))
      return {
        let apart = inputs.map { $0.reshape([batch, tokens, heads, width]) }
        let output = scaledDotProductAttention(query: apart[0], key: apart[1], value: apart[2])
        _ = gradients(of: output.reshape(seed.shape), withRespectTo: inputs, seed: seed)
      }
    }
  }
}
