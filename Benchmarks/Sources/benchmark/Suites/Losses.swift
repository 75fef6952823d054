import Autograd
import Foundation

/// `loss/sigmoid/8192x768`: the sigmoid loss of that many pairs of embeddings of length 1 and its gradients with
/// respect to both sides, temperature and bias; `/bf16` with logits of embeddings rounded to 16 bits.
enum Losses {
  static var work: [Work] {
    [1024, 4096, 8192, 32_768].map { work(pairs: $0, width: 768) }
      + [1024, 4096, 8192].map { work(pairs: $0, width: 768, .bfloat16) }
  }

  private static func work(pairs: Int, width: Int, _ precision: MatmulPrecision = .float32) -> Work {
    let name = "loss/sigmoid/\(pairs)x\(width)" + (precision == .bfloat16 ? "/bf16" : "")
    return Work(name: name, flops: 6 * pairs * pairs * width) {
      var random = Random(seed: 1)
      let inputs = [
        random.normal([pairs, width]).normalized(), random.normal([pairs, width]).normalized(),
        Tensor(Float(log(10.0))), Tensor(-10),
      ].map { Variable($0, requiresGradient: true) }
      return {
        let loss = sigmoidPairwiseLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: inputs[3], logitPrecision: precision
        )
        _ = gradients(of: loss, withRespectTo: inputs)
      }
    }
  }
}

extension Tensor {
  /// Every row made of length 1.
  fileprivate func normalized() -> Tensor { Variable(self).normalized().value }
}
