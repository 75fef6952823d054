import Foundation
import SigLIPModel
import TestSupport
import Testing

/// A checkpoint and what its own library computes with it, in one folder.
struct CheckpointReference {
  /// Those of `Fixtures/siglip_family.py` and `Fixtures/clip_family.py`.
  enum Case: String, CaseIterable {
    /// In several files; images whose last pixels fill no patch.
    case v1Short = "v1-16"
    /// bfloat16, exact GELU.
    case v1 = "v1-64"
    /// float16, an image tower wider than the text tower.
    case giantOpt = "v2-gopt"
    /// Images of several shapes.
    case naFlex = "v2-naflex"
    /// open_clip's, exact GELU.
    case openClip = "open_clip-v1"
    /// open_clip's, without a projection of texts.
    case international = "open_clip-i18n"
    /// CLIP of transformers, in several files, padded by the end of a text; pixels that fill no patch.
    case clip = "clip/huggingface"
    /// float16, exact GELU, other epsilons.
    case oldClip = "clip/huggingface-old"
    /// CLIP of open_clip, as OpenAI's.
    case openClipClip = "clip/open_clip"
    /// With a bias and odd ratios of sizes, exact GELU.
    case clipWithBias = "clip/open_clip-bias"
    /// A residual network as image tower.
    case resNet = "clip/open_clip-resnet"
    /// OpenAI's, a file of PyTorch without a configuration.
    case openAI = "clip/openai"
    /// The same with a residual network.
    case openAIResNet = "clip/openai-resnet"
  }

  let folder: String
  let checkpoint: SigLIPCheckpoint
  private let expected: SafetensorsFile

  init(folder: String, packing: WeightPrecision? = nil) throws {
    self.folder = folder
    let torch = folder + "/model.pt"
    checkpoint = try SigLIPCheckpoint(
      path: FileManager.default.fileExists(atPath: torch) ? torch : folder, packing: packing)
    expected = try SafetensorsFile(folder + "/expected.safetensors")
  }

  init(_ name: Case, packing: WeightPrecision? = nil) throws {
    try self.init(folder: CheckpointReference.folder(name), packing: packing)
  }

  /// All cases; and a model of a real size, which is no part of this repository, when `PAIRWISE_SIGLIP_REFERENCE` names the
  /// folder where `.ci/parity.py` made it.
  static var folders: [String] {
    Case.allCases.map(folder)
      + [ProcessInfo.processInfo.environment["PAIRWISE_SIGLIP_REFERENCE"]].compactMap { $0 }
  }

  static func folder(_ name: Case) -> String {
    let parts = name.rawValue.split(separator: "/")
    return fixture(parts.count == 2 ? "clip_family/\(parts[1])" : "siglip_family/\(parts[0])")
  }

  var model: SigLIP { checkpoint.model }

  func tokens() throws -> IndexTensor { try expected.indices(named: "input_ids") }

  /// Embeddings of the images, not normalised.
  func imageFeatures() throws -> Variable {
    guard let tower = model.image as? NaFlexVisionTransformer else {
      return model.image(Variable(try expected.tensor(named: "pixels")))
    }
    return tower(try patches())
  }

  func patches() throws -> PatchSequences {
    let grids = try expected.indices(named: "grids").values.map { Int($0) }
    return PatchSequences(
      patches: try expected.tensor(named: "patches"),
      grids: stride(from: 0, to: grids.count, by: 2).map { (grids[$0], grids[$0 + 1]) })
  }

  func loss() throws -> Variable {
    model.objective.loss(
      model, images: try imageFeatures().normalized(), texts: model.embed(texts: try tokens()))
  }

  /// The loss's gradient by our parameters' names: read as if it were a checkpoint of the same form.
  ///
  /// - Parameter source: The folder with the gradient.
  func gradient(in source: String? = nil) throws -> [String: Tensor] {
    let temporary = try TemporaryFolder()
    let files = FileManager.default
    let (config, weights) =
      checkpoint.format == .openClip
      ? ("open_clip_config.json", "open_clip_model.safetensors") : ("config.json", "model.safetensors")
    if files.fileExists(atPath: "\(folder)/\(config)") {
      try files.copyItem(atPath: "\(folder)/\(config)", toPath: temporary.path(config))
    } else {
      try checkpoint.write(to: temporary.path("whole"), format: checkpoint.format)
      try files.moveItem(atPath: temporary.path("whole/\(config)"), toPath: temporary.path(config))
    }
    try files.copyItem(atPath: "\(source ?? folder)/gradient.safetensors", toPath: temporary.path(weights))
    return try SigLIPCheckpoint(path: temporary.path("")).model.stateDictionary()
  }

  /// Compares with a recorded array, to 1e-4 of its largest element.
  func expect(_ found: Tensor, equals name: String) throws {
    let tensor = try expected.tensor(named: name)
    Self.expect(found, tensor, largest: tensor.abs().max().item(), "\(folder) \(name)")
  }

  /// The length of the error of an array, by that of what was recorded.
  func relativeError(of found: Tensor, _ name: String) throws -> Float {
    let tensor = try expected.tensor(named: name)
    return ((found - tensor).square().sum().item() / tensor.square().sum().item()).squareRoot()
  }

  static func expect(_ found: Tensor, _ expected: Tensor, largest: Float, _ what: String) {
    #expect(largest > 1e-5, "\(what)")
    guard found.shape == expected.shape else {
      Issue.record("\(what): shape \(found.shape), expected \(expected.shape)")
      return
    }
    let difference = (found - expected).abs().max().item()
    #expect(difference <= 1e-4 * largest, "\(what): largest element \(largest)")
  }
}
