import Tensor

/// `gemm/MxKxN/NT`: M x K times K x N; T where the operand lies in memory with its axes exchanged; `/bf16` with operands of
/// single precision in memory, rounded to bfloat16.
enum Products {
  static var work: [Work] {
    let squares = [64, 128, 256, 384, 512, 768, 1024, 1536, 2048].map { work($0, $0, $0, .plain) }
    // Tokens, width, hidden width: both towers of B/16 at batch 8, So400m at 224 pixels and batch 4.
    let models = [(1568, 768, 3072), (512, 768, 3072), (1024, 1152, 4304)]
    let layers = models.flatMap { tokens, width, hidden in
      layer(tokens, width, width) + layer(tokens, width, hidden) + layer(tokens, hidden, width)
        + [work(tokens, width, 3 * width, .transposedSecond)]
    }
    return squares + layers + layers.map(\.withBFloat16)
  }

  /// A linear layer: its output, the gradients of its input and of its weight.
  private static func layer(_ tokens: Int, _ inputs: Int, _ outputs: Int) -> [Work] {
    [
      work(tokens, inputs, outputs, .transposedSecond), work(tokens, outputs, inputs, .plain),
      work(outputs, tokens, inputs, .transposedFirst),
    ]
  }

  private enum Form: String {
    case plain = "NN"
    case transposedSecond = "NT"
    case transposedFirst = "TN"
  }

  private static func work(_ m: Int, _ k: Int, _ n: Int, _ form: Form) -> Work {
    Work(
      name: "gemm/\(m)x\(k)x\(n)/\(form.rawValue)", flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n)
    ) {
      var random = Random(seed: 1)
      let a = form == .transposedFirst ? random.normal([k, m]).transpose() : random.normal([m, k])
      let b = form == .transposedSecond ? random.normal([n, k]).transpose() : random.normal([k, n])
      return { _ = matmul(a, b) }
    }
  }
}
