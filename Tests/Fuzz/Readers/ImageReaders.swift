import SigLIPModel
import Tensor

let imageReaders: [Reader] = {
  var readers = [
    Reader(
      name: "ppm", share: 150, isOnDisk: false, seeds: { try images("ppm", "pgm") }, read: read),
    Reader(
      name: "exif", share: 150, isOnDisk: false,
      seeds: { try images("jpg", "png").filter { $0.files[0].name.hasPrefix("orientation") } },
      read: { sample in
        let orientations = [Exif.orientation(ofJPEG: sample.bytes), Exif.orientation(ofPNG: sample.bytes)]
        if !orientations.allSatisfy({ 1...8 ~= $0 }) { fatalError("fuzz: orientations \(orientations)") }
      }),
    Reader(
      name: "preprocessor", share: 150, changes: { $0.hasSuffix(".json") }, seeds: preprocessorSeeds,
      read: { sample in
        guard let preprocessing = try ImagePreprocessing(modelFolder: sample.folder) else { return }
        for (width, height) in [(7, 5), (1, 300), (300, 1), (64, 48)] {
          let image = RGBImage(
            width: width, height: height,
            pixels: (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0) })
          switch preprocessing([image]) {
          case .pixels(let tensor): use(tensor)
          case .patches(let sequences): use(sequences.patches)
          }
        }
      }),
  ]
  if RGBImage.readableExtensions.contains("png") {
    readers += [
      Reader(name: "png", share: 300, isOnDisk: false, seeds: { try images("png") }, read: read),
      Reader(name: "jpeg", share: 300, isOnDisk: false, seeds: { try images("jpg") }, read: read),
    ]
  }
  return readers
}()

private func images(_ endings: String...) throws -> [Input] {
  try Seeds.packed(in: "images.safetensors") { name in endings.contains { name.hasSuffix("." + $0) } }
    .map { Input([$0]) }
}

@Sendable private func read(_ sample: inout Sample) throws {
  // Pictures that a mutation makes larger than this are memory and time, and nothing else.
  let options = ImageReadingOptions(
    maximumPixels: 1 << 22, transparency: sample.dice.once(in: 2) ? .dropped : .over(.white))
  let image = try RGBImage(decoding: sample.bytes, name: "image", options: options)
  let filter = sample.dice.pick(ResizeFilter.allCases)
  use(PixelNormalization.siglip.tensor([image.resized(width: 8, height: 8, filter: filter)]))
}

@Sendable private func preprocessorSeeds() throws -> [Input] {
  let packed = try Seeds.packed(in: "preprocessing.safetensors") { $0.hasSuffix(".json") }
  let openCLIP = #"""
    {"preprocess_cfg":{"size":[32,32],"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"interpolation":"bicubic",\#
    "resize_mode":"squash"}}
    """#
  let shortest = #"{"preprocess_cfg":{"size":24,"mean":0.5,"std":0.25,"interpolation":"bilinear"}}"#
  return packed.map { Input("preprocessor_config.json", $0.bytes) }
    + packed.prefix(2).map {
      Input("processor_config.json", Array(#"{"image_processor":"#.utf8) + $0.bytes + [0x7D])
    }
    + [openCLIP, shortest].map { Input("open_clip_config.json", Array($0.utf8)) }
}
