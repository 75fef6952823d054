import Foundation
import SigLIPModel
import Tensor
import TestSupport

/// What the examples read; the sources in `Commands` are links, so that it is the same code.
let exampleReaders = [
  Reader(
    name: "image index", share: 80,
    seeds: {
      var index = ImageIndex(folder: "/photos", model: "/model", probe: Tensor.ones([1, 4]))
      index.entries = (0..<3).map {
        ImageIndex.Entry(path: "photo \($0).jpg", size: 100 + $0, modified: 1_000_000)
      }
      index.embeddings = Tensor.ones([3, 4])
      let seed = index
      return [try Seeds.written("photos.safetensors") { try seed.write(to: $0) }]
    },
    read: { sample in
      let index = try ImageIndex(path: sample.path)
      _ = index.isFrom(modelWithProbe: Tensor.ones([1, 4]))
      let query = Tensor.ones([1, index.probe.shape[1]])
      _ = index.nearest(to: query, count: 2).map(\.entry.path)
    }),
  Reader(
    name: "train-siglit", share: 60, seeds: emojiSeeds,
    read: { sample in
      let data = try EmojiData(folder: URL(fileURLWithPath: sample.folder))
      for caption in data.trainingCaptions { _ = data.name(caption) }
      let sizes = data.images.prefix(3).map { $0.resized(width: 4, height: 4, filter: .bilinear) }
      if !sizes.isEmpty { use(PixelNormalization.siglip.tensor(Array(sizes))) }
    }),
]

/// The first pictures of the examples' data, with their names.
@Sendable private func emojiSeeds() throws -> [Input] {
  func rows(_ name: String) throws -> [Substring] {
    String(decoding: try Seeds.bytes(TestSupport.exampleData(name)), as: UTF8.self).split(separator: "\n")
  }
  let names = try rows("names.tsv").prefix(9)
  let codes = Set(names.map { $0.prefix { $0 != "\t" } })
  let heldOut = try rows("held_out.tsv")
  let kept = heldOut.prefix(1) + heldOut.dropFirst().filter { codes.contains($0.prefix { $0 != "\t" }) }
  let images = try Seeds.written("images.safetensors") { path in
    var writer = SafetensorsWriter()
    let count = names.count - 1
    writer.add(
      bytes: (0..<count * 75).map { UInt8(truncatingIfNeeded: $0) }, shape: [count, 5, 5, 3], named: "images")
    try writer.write(to: path)
  }
  return [
    Input(
      images.files + [
        ("names.tsv", Array(names.joined(separator: "\n").utf8)),
        ("held_out.tsv", Array(kept.joined(separator: "\n").utf8)),
      ])
  ]
}
