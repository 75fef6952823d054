import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Writes a checkpoint in another format.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Converts checkpoints between transformers, big_vision, open_clip and Pairwise's own format.",
    discussion: """
      Reads a folder of transformers (config.json with model.safetensors, or its parts), a folder of open_clip
      (open_clip_config.json with open_clip_model.safetensors), big_vision's .npz file or a folder that siglip train wrote
      (pairwise_config.json with model.safetensors), and writes what each of these reads. Float32 weights are not changed
      by any conversion. Tokenizer files are copied along. A model that a format has no words for is refused.

      EXAMPLES
        siglip convert --from siglip-base-patch16-224 --to b16.npz
        siglip convert --from webli_en_b16_224_63724782.npz --to siglip-b16
        siglip convert --from siglip-b16 --to siglip-b16-open_clip --format open_clip
        siglip convert --from siglip-b16 --to siglip-b16-384 --image-size 384 --type f16
      """)

  @Option(help: "The checkpoint to read.", completion: .file())
  var from: String
  @Option(help: "The folder, or .npz file, to write; it must not be there yet.", completion: .file())
  var to: String
  @Option(help: "huggingface, npz, open_clip or pairwise; npz for a name that ends so, else huggingface.")
  var format: WeightFormat?
  @Option(help: "How numbers are stored: f32, f16 or bf16.")
  var type = StoredType.f32
  @Option(help: "Height and width of images; learned positions are resized as the source does.")
  var imageSize: Int?
  @Flag(help: "Stack the blocks in npz files, as big_vision's newer checkpoints.")
  var stacked = false

  func validate() throws {
    if stacked && target != .bigVision { throw ValidationError("--stacked is for npz files") }
    if target == .bigVision && !to.hasSuffix(".npz") {
      throw ValidationError("--to \(to): expected a name that ends in .npz")
    }
  }

  func run() throws {
    let to = to.count > 1 && to.hasSuffix("/") ? String(to.dropLast()) : to
    try checkNewOutput(to, option: "--to")
    var checkpoint = try SigLIPCheckpoint(path: from)
    if let imageSize {
      let vision = checkpoint.configuration.vision
      var resized = vision
      resized.imageSize = imageSize
      guard !vision.isNaFlex, resized.problem == nil else {
        throw ValidationError(
          "--image-size \(imageSize): the model takes \(ModelDescription.images(of: vision))")
      }
      checkpoint = checkpoint.resized(imageSize: imageSize)
    }
    let count = checkpoint.configuration.parameterCount
    let progress = Progress("converting", total: count, unit: "parameters")
    var done = 0
    func advance(to share: Double) {
      let now = Int(share * Double(count))
      progress.advance(by: now - done)
      done = now
    }
    Interruption.watch()
    try checkpoint.write(to: to, format: target, stacksBlocks: stacked, elementType: type.elementType) {
      share in
      try Interruption.check("stopped: nothing is written")
      if share > 0 { advance(to: share) }
    }
    advance(to: 1)
    try printLines(
      "\(to.shown): \(count) parameters as \(type.rawValue), \(target.rawValue) from \(checkpoint.format.rawValue)"
    )
  }

  private var target: WeightFormat { format ?? (to.hasSuffix(".npz") ? .bigVision : .huggingFace) }
}

extension WeightFormat: @retroactive ExpressibleByArgument {}

/// The value of `--type`.
enum StoredType: String, CaseIterable, ExpressibleByArgument {
  case f32, f16, bf16

  var elementType: ElementType {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    }
  }
}
