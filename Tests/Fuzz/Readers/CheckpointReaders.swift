import SigLIPModel
import Tensor
import TestSupport

let checkpointReaders = [
  Reader(
    name: "configuration", share: 20, changes: { $0.hasSuffix("config.json") },
    seeds: { try folders(["v1-16", "v1-64", "v2-gopt", "v2-naflex", "open_clip-v1", "open_clip-i18n"]) },
    read: { sample in
      let configuration = try SigLIPCheckpoint.configuration(path: sample.folder)
      _ = (configuration.parameterCount, configuration.imageMultiplyAdds, configuration.textMultiplyAdds)
      use(try SigLIPCheckpoint(path: sample.folder))
    }),
  Reader(
    name: "transformers", share: 10, seeds: { try folders(["v1-64", "v2-gopt", "v2-naflex"]) },
    read: { sample in use(try SigLIPCheckpoint(path: sample.folder)) }),
  Reader(
    name: "sharded", share: 10, changes: { !$0.hasSuffix("config.json") }, seeds: { try folders(["v1-16"]) },
    read: { sample in use(try SigLIPCheckpoint(path: sample.folder)) }),
  Reader(
    name: "open_clip", share: 8, seeds: { try folders(["open_clip-v1", "open_clip-i18n"]) },
    read: { sample in use(try SigLIPCheckpoint(path: sample.folder)) }),
  Reader(
    name: "big_vision", share: 12,
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
    read: { sample in use(try SigLIPCheckpoint(path: sample.path)) }),
]

private func folders(_ names: [String]) throws -> [Input] {
  try names.map { try Seeds.folder("siglip_family/\($0)") }
}

/// Embeds a picture and a text.
private func use(_ checkpoint: SigLIPCheckpoint) {
  let (vision, text) = (checkpoint.configuration.vision, checkpoint.configuration.text)
  let picture = RGBImage(width: 9, height: 7, pixels: [UInt8](repeating: 100, count: 9 * 7 * 3))
  let preprocessing: ImagePreprocessing =
    vision.isNaFlex
    ? .naFlex(patchSize: vision.patchSize, maximumPatches: vision.gridSize * vision.gridSize)
    : .huggingFaceV1(imageSize: vision.imageSize)
  switch preprocessing([picture]) {
  case .pixels(let tensor): use(checkpoint.model.embed(images: Variable(tensor)).value)
  case .patches(let sequences): use(checkpoint.model.embed(patches: sequences).value)
  }
  let tokens = IndexTensor([Int32](repeating: 0, count: text.contextLength), shape: [1, text.contextLength])
  use(checkpoint.model.embed(texts: tokens).value)
}
