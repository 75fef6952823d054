import Autograd
import Foundation

/// `loss/sigmoid/8192x768`: the sigmoid loss of that many pairs of embeddings of length 1 and its gradients with
/// respect to both sides, temperature and bias.
enum Losses {
  static var work: [Work] { [1024, 4096, 8192, 32_768].map { work(pairs: $0, width: 768) } }

  private static func work(pairs: Int, width: Int) -> Work {
    Work(name: "loss/sigmoid/\(pairs)x\(width)", flops: 6 * pairs * pairs * width) {
      var random = Random(seed: 1)
      let inputs = [
        random.normal([pairs, width]).normalized(), random.normal([pairs, width]).normalized(),
        Tensor(Float(log(10.0))), Tensor(-10),
      ].map { Variable($0, requiresGradient: true) }
      return {
        let loss = sigmoidPairwiseLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: inputs[3])
        _ = gradients(of: loss, withRespectTo: inputs)
      }
    }
  }
}

extension Tensor {
  /// Every row made of length 1.
  fileprivate func normalized() -> Tensor { Variable(self).normalized().value }
}
