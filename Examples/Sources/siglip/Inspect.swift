import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Says what a checkpoint or a published model is.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a checkpoint's configuration, parameters, memory and computation.",
    discussion: """
      Takes a checkpoint, whose weights are not read, or the name of a published model: B/16-224, L/16-384,
      So400m/14-384, B/16-i18n-256, B/16-v2-256, g-opt/16-384, B/16-naflex, or as Hugging Face and open_clip call it. A
      multiply-add is counted once; of NaFlex models for a square of all patches.

      EXAMPLES
        siglip inspect siglip-base-patch16-224
        siglip inspect webli_en_b16_224_63724782.npz --parameters
        siglip inspect So400m/14-384 --json
      """)

  @Argument(help: "A checkpoint's folder or file, or a published model's name.", completion: .file())
  var path: String
  @Flag(help: "List every parameter with its shape.")
  var parameters = false
  @Flag(help: "Print the configuration and sizes as JSON.")
  var json = false

  func run() throws {
    let description = try ModelDescription(path)
    if json { return try printLines(description.json()) }
    try printLines(description.table)
    if parameters { try printLines("\n" + description.parameterTable) }
  }
}

/// A model's sizes in words and numbers.
struct ModelDescription: Encodable {
  let source: String
  let configuration: SigLIPConfiguration
  let imageParameters: Int
  let textParameters: Int
  let parameters: Int
  let bytesAsFloat32: Int
  let imageMultiplyAdds: Int
  let textMultiplyAdds: Int
  private let model: SigLIP

  private enum CodingKeys: String, CodingKey {
    case source, configuration, parameters, imageParameters, textParameters, bytesAsFloat32, imageMultiplyAdds
    case textMultiplyAdds
  }

  init(_ path: String) throws {
    if FileManager.default.fileExists(atPath: path) {
      configuration = try SigLIPCheckpoint.configuration(path: path)
      source = path
    } else if let named = try? SigLIPConfiguration(named: path) {
      configuration = named
      source = "\(path), a published model"
    } else {
      throw FileError(
        .unsupported, path,
        "it is not a SigLIP checkpoint: there is no such file or folder, and no published model of that name")
    }
    model = SigLIP.outline(configuration)
    let sizes = model.namedParameters().map { ($0.path, $0.parameter.shape.elementCount) }
    imageParameters = sizes.filter { $0.0.hasPrefix("image.") }.reduce(0) { $0 + $1.1 }
    textParameters = sizes.filter { $0.0.hasPrefix("text.") }.reduce(0) { $0 + $1.1 }
    parameters = sizes.reduce(0) { $0 + $1.1 }
    bytesAsFloat32 = 4 * parameters
    imageMultiplyAdds = configuration.imageMultiplyAdds
    textMultiplyAdds = configuration.textMultiplyAdds
  }

  /// What images a tower takes.
  static func images(of vision: VisionConfiguration) -> String {
    vision.isNaFlex
      ? "images of any shape, positions of \(vision.gridSize) x \(vision.gridSize) patches"
      : "images of \(vision.imageSize) x \(vision.imageSize)"
  }

  var table: String {
    let (vision, text) = (configuration.vision, configuration.text)
    func tower(_ width: Int, _ depth: Int, _ heads: Int, _ hidden: Int, _ activation: Activation) -> String {
      let function = [.gelu: "tanh GELU", .geluExact: "exact GELU"][activation] ?? "\(activation)"
      return "width \(width), \(depth) blocks, \(heads) heads, MLP \(hidden), \(function)"
    }
    let total = imageMultiplyAdds + textMultiplyAdds
    let rows = [
      ("model", "\(source.shown) (\(configuration.family.name))"),
      ("images", Self.images(of: vision) + patches),
      (
        "image tower",
        imageTower ?? tower(vision.width, vision.depth, vision.heads, vision.hiddenWidth, vision.activation)
          + imageProjection
      ),
      ("texts", texts),
      (
        "text tower",
        text.architecture == .bagOfWords
          ? "bag of words, width \(text.width)"
          : tower(text.width, text.depth, text.heads, text.hiddenWidth, text.activation)
      ),
      (
        "parameters",
        "\(millions(parameters)) M: \(millions(imageParameters)) M image, \(millions(textParameters)) M text"
      ),
      ("memory", "\(decimals(Double(bytesAsFloat32) / 0x1p20, 1)) MiB as float32"),
      (
        "computation",
        "\(giga(total)) GMACs a pair (\(giga(2 * total)) GFLOPs): \(giga(imageMultiplyAdds)) image, "
          + "\(giga(textMultiplyAdds)) text"
      ),
    ]
    return rows.map { $0.0.padding(toLength: 13, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
  }

  /// A tower that is no transformer.
  private var imageTower: String? {
    let vision = configuration.vision
    return switch vision.architecture {
    case .efficientNetLite0: "EfficientNet-Lite0, \(vision.width) features" + imageProjection
    case .resNet:
      "residual network of \(vision.stageDepths.map(String.init).joined(separator: ", ")) blocks, "
        + "\(vision.hiddenWidth) channels, attention with \(vision.heads) heads to \(vision.width)"
    case .transformer, .naFlex: nil
    }
  }

  private var patches: String {
    let vision = configuration.vision
    return imageTower == nil ? ", patches of \(vision.patchSize) x \(vision.patchSize)" : ""
  }

  private var imageProjection: String {
    configuration.imageProjection.map {
      ($0.normalizesFeatures ? ", normalised" : "") + ", projected to \($0.width)"
    } ?? ""
  }

  private var texts: String {
    let text = configuration.text
    return "\(text.contextLength) tokens of \(text.vocabularySize)"
      + (text.tokenBottleneck.map { ", each from \($0) numbers" } ?? "")
      + (text.isCausal ? ", each seeing those before it" : "")
      + (text.pooling == .mean ? ", mean of all positions" : text.pooling == .endToken ? ", its end" : "")
      + (text.outputWidth.map { ", projected to \($0)" } ?? ", no projection")
  }

  var parameterTable: String { model.summary() }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  private func millions(_ count: Int) -> String { decimals(Double(count) / 1e6, 1) }
  private func giga(_ count: Int) -> String { decimals(Double(count) / 1e9, 1) }
  private func decimals(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)f", value) }
}
