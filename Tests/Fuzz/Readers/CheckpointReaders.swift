import Foundation
import SigLIPModel
import Tensor
import TestSupport

let checkpointReaders = [
  Reader(
    name: "configuration", share: 150, changes: { $0.hasSuffix("config.json") },
    seeds: { try folders(["v1-16", "v1-64", "v2-gopt", "v2-naflex", "open_clip-v1", "open_clip-i18n"]) },
    read: { sample in
      let configuration = try SigLIPCheckpoint.configuration(path: sample.folder)
      _ = (configuration.parameterCount, configuration.imageMultiplyAdds, configuration.textMultiplyAdds)
      try use(SigLIPCheckpoint(path: sample.folder), &sample)
    }),
  Reader(
    name: "efficientnet", share: 1,
    seeds: {
      try [
        Input(
          "efficientnet.safetensors", Seeds.bytes(TestSupport.exampleData("efficientnet-lite0.safetensors")))
      ]
    },
    read: { sample in
      let tower = try EfficientNetLite0(path: sample.path)
      use(tower(Variable(Tensor.zeros([1, 3, 32, 32]))).value)
    }),
  Reader(
    name: "transformers", share: 60, seeds: { try folders(["v1-64", "v2-gopt", "v2-naflex"]) },
    read: { sample in try use(SigLIPCheckpoint(path: sample.folder), &sample) }),
  Reader(
    name: "sharded", share: 50, changes: { !$0.hasSuffix("config.json") }, seeds: { try folders(["v1-16"]) },
    read: { sample in try use(SigLIPCheckpoint(path: sample.folder), &sample) }),
  Reader(
    name: "open_clip", share: 50, seeds: { try folders(["open_clip-v1", "open_clip-i18n"]) },
    read: { sample in try use(SigLIPCheckpoint(path: sample.folder), &sample) }),
  Reader(
    name: "pairwise", share: 150,
    seeds: {
      try [
        Seeds.pairwise(.transformer), Seeds.pairwise(.naFlex),
        Seeds.pairwise(
          .transformer,
          .bagOfWords(vocabularySize: 30, contextLength: 5, width: 16, outputWidth: 12, paddingToken: 0)),
      ]
    },
    read: { sample in try use(SigLIPCheckpoint(path: sample.folder), &sample) }),
  Reader(
    name: "coca", share: 50, seeds: { try [Seeds.folder("coca")] },
    read: { sample in
      let model = try CoCa(openClip: sample.folder)
      let (side, length) = (model.configuration.imageSize, model.configuration.contextLength)
      let pixels = Variable(.zeros([1, 3, side, side]))
      let texts = IndexTensor([Int32](repeating: 0, count: length), shape: [1, length])
      use(model(images: pixels, texts: texts).logits.value)
      _ = model.generate(images: pixels)
    }),
  Reader(
    name: "big_vision", share: 100,
    seeds: {
      let looped = try ["v1-16", "v2-naflex"].map { try Seeds.fixture("siglip_family/\($0).npz") }
      let checkpoint = try SigLIPCheckpoint(path: TestSupport.fixture("siglip_family/v1-16"))
      let other = try Seeds.written("other.npz") { path in try checkpoint.write(to: path, format: .bigVision)
      }
      let stacked = try Seeds.written("stacked.npz") { path in
        try checkpoint.write(to: path, format: .bigVision, stacksBlocks: true)
      }
      return looped + [other, stacked]
    },
    read: { sample in try use(SigLIPCheckpoint(path: sample.path), &sample) }),
]

extension Seeds {
  /// A folder of the package's own format: a model with everything that it alone can say.
  fileprivate static func pairwise(
    _ architecture: VisionConfiguration.Architecture, _ text: TextConfiguration? = nil
  ) throws -> Input {
    let vision = VisionConfiguration(
      imageSize: 12, patchSize: 4, width: 16, depth: 1, heads: 2, hiddenWidth: 20,
      isNaFlex: architecture == .naFlex)
    let text =
      text
      ?? TextConfiguration(
        vocabularySize: 30, contextLength: 5, width: 16, depth: 1, heads: 2, hiddenWidth: 24, outputWidth: 12,
        dropout: 0.1, pooling: .mean, tokenBottleneck: 6)
    let configuration = SigLIPConfiguration(
      vision: vision,
      imageProjection: ImageProjection(width: 12, normalizesFeatures: true, hasBias: true), text: text)
    var random = Random(seed: 1)
    let checkpoint = SigLIPCheckpoint(
      model: SigLIP(configuration, random: &random), configuration: configuration,
      preprocessing: vision.isNaFlex
        ? .naFlex(patchSize: 4, maximumPatches: 9) : .efficientNetLite(imageSize: 12),
      tokenizer: TestSupport.fixture("tokenizers/siglip.model"))
    let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try checkpoint.write(to: folder, format: .pairwise)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    return Input(try names.map { ($0, try bytes("\(folder)/\($0)")) })
  }
}

private func folders(_ names: [String]) throws -> [Input] {
  try names.map { try Seeds.folder("siglip_family/\($0)") }
}

/// Embeds a picture and a text; now and then writes the checkpoint in another format.
private func use(_ checkpoint: SigLIPCheckpoint, _ sample: inout Sample) throws {
  let (vision, text) = (checkpoint.configuration.vision, checkpoint.configuration.text)
  let picture = RGBImage(width: 9, height: 7, pixels: [UInt8](repeating: 100, count: 9 * 7 * 3))
  let standard: ImagePreprocessing =
    vision.isNaFlex
    ? .naFlex(patchSize: vision.patchSize, maximumPatches: vision.gridSize * vision.gridSize)
    : .huggingFaceV1(imageSize: vision.imageSize)
  var preprocessing = standard
  sample.attempt { preprocessing = try checkpoint.imagePreprocessing() }
  sample.attempt { _ = try checkpoint.textEncoder()(["a cat"]) }
  switch preprocessing([picture]) {
  case .pixels(let tensor): use(checkpoint.model.embed(images: Variable(tensor)).value)
  case .patches(let sequences): use(checkpoint.model.embed(patches: sequences).value)
  }
  let tokens = IndexTensor([Int32](repeating: 0, count: text.contextLength), shape: [1, text.contextLength])
  use(checkpoint.model.embed(texts: tokens).value)
  if !sample.dice.once(in: 16) { return }
  let format = sample.dice.pick(WeightFormat.allCases)
  let path = sample.folder + "/written" + (format == .bigVision ? ".npz" : "")
  defer { try? FileManager.default.removeItem(atPath: path) }
  let stacks = sample.dice.once(in: 2)
  sample.attempt {
    try checkpoint.write(to: path, format: format, stacksBlocks: stacks)
    _ = try SigLIPCheckpoint(path: path)
  }
}
