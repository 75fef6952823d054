import SigLIPModel

/// `inference/siglip-b16-224/batch4`, `inference/clip-rn50/batch4`: embeddings of that many images and texts; `/bf16` with
/// weights packed as 16-bit numbers, `/int8` as those of 8 bits beside products of 16-bit numbers.
enum Inference {
  static var work: [Work] {
    [1, 4, 16].map { work(batch: $0) } + [1, 4, 16].map { work(batch: $0).withBFloat16 }
      + [1, 4, 16].map { work(batch: $0, weights: .int8) }
      + [CLIPWork.vitB32, .rn50].flatMap { model in [1, 4, 16].map { work(model, batch: $0) } }
  }

  private static func work(_ clip: CLIPWork, batch: Int) -> Work {
    Work(name: "inference/\(clip.rawValue)/batch\(batch)", flops: clip.flops(batch: batch)) {
      let model = clip.makeModel()
      model.evaluate()
      model.packWeights(keepingNumbers: false)
      var random = Random(seed: 2)
      let pixels = SigLIPWork.makePixels(batch: batch, &random)
      let tokens = clip.makeTokens(batch: batch, &random)
      return {
        withoutGradients {
          _ = model.embed(images: pixels)
          _ = model.embed(texts: tokens)
        }
      }
    }
  }

  private static func work(batch: Int, weights precision: WeightPrecision? = nil) -> Work {
    let suffix = precision.map { "/\($0)" } ?? ""
    return Work(
      name: "inference/siglip-b16-224/batch\(batch)\(suffix)", flops: SigLIPWork.flops(batch: batch)
    ) {
      let model = SigLIPWork.makeModel()
      // As onnxruntime does when it loads a model.
      model.packWeights(precision: precision, keepingNumbers: false)
      var random = Random(seed: 2)
      let pixels = SigLIPWork.makePixels(batch: batch, &random)
      let tokens = SigLIPWork.makeTokens(batch: batch, .base, &random)
      return {
        Compute.withMatmulPrecision(precision == nil ? Compute.matmulPrecision : .bfloat16) {
          withoutGradients {
            _ = model.embed(images: pixels)
            _ = model.embed(texts: tokens)
          }
        }
      }
    }
  }
}
