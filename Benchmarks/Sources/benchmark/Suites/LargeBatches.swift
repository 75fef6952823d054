import Autograd
import Foundation
import SigLIPModel

/// Batches that only fit into memory in parts. `batch/sigmoid/131072x64`: the loss of that many pairs with all gradients;
/// `batch/siglit-text-192/32768/by-2048`: a step of a text tower of one block beside features of a locked image tower;
/// `batch/siglip-b16-224/256/by-8`: a step of both towers. The peak of memory is of each alone
/// (`--filter NAME --exact --iterations 1`).
enum LargeBatches {
  static var work: [Work] {
    [131_072, 1_048_576].flatMap {
      [loss("sigmoid", .sigmoid(), pairs: $0), loss("softmax", .softmax, pairs: $0)]
    }
      + [text(batch: 32_768, atATime: 2048), base(batch: 256, atATime: 8)]
  }

  private static func loss(_ name: String, _ loss: PairLoss, pairs: Int) -> Work {
    let width = 64
    return Work(name: "batch/\(name)/\(pairs)x\(width)", flops: 6 * pairs * pairs * width) {
      var random = Random(seed: 1)
      let model = SigLIP(
        image: Linear(weight: .eye(width)),
        text: TextTransformer(.oneBlock(outputWidth: width), random: &random))
      let inputs = (0..<2).map { _ in
        Variable(Variable(random.normal([pairs, width])).normalized().value, requiresGradient: true)
      }
      return { _ = loss(model, images: inputs[0], texts: inputs[1]).backward() }
    }
  }

  private static func text(batch: Int, atATime: Int) -> Work {
    let features = 1280
    let configuration = TextConfiguration.oneBlock(outputWidth: 256)
    return Work(name: "batch/siglit-text-192/\(batch)/by-\(atATime)") {
      var random = Random(seed: 1)
      let model = SigLIP(
        image: Linear(weight: random.lecunNormal([256, features])),
        text: TextTransformer(configuration, random: &random))
      return step(
        of: model, images: Variable(random.normal([batch, features])),
        texts: SigLIPWork.makeTokens(batch: batch, configuration, &random), atATime: atATime)
    }
  }

  private static func base(batch: Int, atATime: Int) -> Work {
    // Three passes and a forward pass again.
    Work(name: "batch/siglip-b16-224/\(batch)/by-\(atATime)", flops: 4 * SigLIPWork.flops(batch: batch)) {
      var random = Random(seed: 2)
      return step(
        of: SigLIPWork.makeModel(), images: SigLIPWork.makePixels(batch: batch, &random),
        texts: SigLIPWork.makeTokens(batch: batch, .base, &random), atATime: atATime)
    }
  }

  private static func step(of model: SigLIP, images: Variable, texts: IndexTensor, atATime: Int) -> () -> Void
  {
    let optimizer = AdamW(model, learningRate: 1e-5, beta2: 0.95, weightDecay: 1e-4)
    return {
      var gradients = model.loss(images: images, texts: texts, atATime: (atATime, atATime)).backward()
      optimizer.clipGlobalNorm(&gradients, to: 1)
      optimizer.step(gradients)
    }
  }
}

extension TextConfiguration {
  /// A small tower of one block.
  fileprivate static func oneBlock(outputWidth: Int) -> TextConfiguration {
    TextConfiguration(
      vocabularySize: 8000, contextLength: 16, width: 192, depth: 1, heads: 4, hiddenWidth: 768,
      outputWidth: outputWidth, pooling: .mean)
  }
}
