import SigLIPModel

/// `step/siglip-b16-224/batch4/adamw`, `step/clip-rn50/batch8/adamw`: forward, backward, clipping and the optimizer's update;
/// `/bf16` with products of 16-bit numbers.
enum TrainingSteps {
  static var work: [Work] {
    [
      base(batch: 4, .adamw), base(batch: 8, .adamw), base(batch: 32, .adamw, rematerializes: true),
      base(batch: 4, .adafactor), text, residual(batch: 8), base(batch: 4, .adamw).withBFloat16,
      base(batch: 8, .adamw).withBFloat16,
    ]
  }

  private enum Kind: String {
    case adamw, adafactor

    func makeOptimizer(_ model: SigLIP) -> any Optimizer {
      switch self {
      case .adamw: AdamW(model, learningRate: 1e-5, beta2: 0.95, weightDecay: 1e-4)
      case .adafactor: AdaFactor(model, learningRate: 1e-5, beta2Cap: 0.95, weightDecay: 1e-8)
      }
    }
  }

  private static func base(batch: Int, _ kind: Kind, rematerializes: Bool = false) -> Work {
    let name = "step/siglip-b16-224/batch\(batch)/\(kind.rawValue)"
    return Work(
      name: name + (rematerializes ? "/rematerialised" : ""), flops: 3 * SigLIPWork.flops(batch: batch)
    ) {
      let model = SigLIPWork.makeModel(rematerializesBlocks: rematerializes)
      var random = Random(seed: 2)
      let pixels = SigLIPWork.makePixels(batch: batch, &random)
      let tokens = SigLIPWork.makeTokens(batch: batch, .base, &random)
      return step(of: model, kind, images: pixels, texts: tokens)
    }
  }

  /// CLIP's residual network, whose norms look at the batch, and its text tower, by the softmax loss.
  private static func residual(batch: Int) -> Work {
    let clip = CLIPWork.rn50
    return Work(name: "step/\(clip.rawValue)/batch\(batch)/adamw", flops: 3 * clip.flops(batch: batch)) {
      var random = Random(seed: 2)
      let pixels = SigLIPWork.makePixels(batch: batch, &random)
      let tokens = clip.makeTokens(batch: batch, &random)
      return step(of: clip.makeModel(), .adamw, images: pixels, texts: tokens)
    }
  }

  /// The text tower of emoji names with a projection of locked image features, at three blocks.
  private static var text: Work {
    let batch = 512
    let features = 1280
    let configuration = TextConfiguration(
      vocabularySize: 8000, contextLength: 16, width: 192, depth: 3, heads: 4, hiddenWidth: 768,
      outputWidth: 256, pooling: .mean)
    let block = SigLIPWork.block(tokens: 16, width: 192, hidden: 768)
    let projections = 2 * 256 * (features + 192 + batch)
    return Work(name: "step/text-192x3/batch\(batch)/adamw", flops: 3 * batch * (3 * block + projections)) {
      var random = Random(seed: 1)
      let model = SigLIP(
        image: Linear(weight: random.lecunNormal([256, features])),
        text: TextTransformer(configuration, random: &random))
      let images = Variable(random.normal([batch, features]))
      let tokens = SigLIPWork.makeTokens(batch: batch, configuration, &random)
      return step(of: model, .adamw, images: images, texts: tokens)
    }
  }

  private static func step(of model: SigLIP, _ kind: Kind, images: Variable, texts: IndexTensor) -> () -> Void
  {
    let optimizer = kind.makeOptimizer(model)
    return {
      var gradients = model.loss(images: images, texts: texts).backward()
      optimizer.clipGlobalNorm(&gradients, to: 1)
      optimizer.step(gradients)
    }
  }
}
