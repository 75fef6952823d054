import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Formats, conversions between them, and what is refused.
@Suite struct CheckpointFileTests {
  /// big_vision's archives, looped and stacked, float32 and bfloat16, with and without `params/`, against the same weights
  /// in Hugging Face's files.
  @Test(arguments: [CheckpointReference.Case.v1Short, .naFlex])
  func bigVisionHoldsTheSameWeights(as name: CheckpointReference.Case) throws {
    let reference = try CheckpointReference(name).checkpoint
    let archive = try SigLIPCheckpoint(path: fixture("siglip_family/\(name.rawValue).npz"))
    #expect(archive.format == .bigVision)
    #expect(archive.model.stateDictionary() == reference.model.stateDictionary())
    var expected = reference.configuration
    // Pixels that fill no patch leave no trace in an archive.
    expected.vision.imageSize = expected.vision.gridSize * expected.vision.patchSize
    #expect(archive.configuration == expected)
  }

  @Test(arguments: CheckpointReference.Case.allCases, WeightFormat.allCases)
  func roundTripsAreExact(of name: CheckpointReference.Case, through format: WeightFormat) throws {
    let checkpoint = try CheckpointReference(name).checkpoint
    let folder = try TemporaryFolder()
    let vision = checkpoint.configuration.vision
    for stacked in [false, true] {
      let path = folder.path("copy-\(stacked)" + (format == .bigVision ? ".npz" : ""))
      func write() throws { try checkpoint.write(to: path, format: format, stacksBlocks: stacked) }
      if format == .openClip && (vision.isNaFlex || name == .oldClip)
        || format == .bigVision && checkpoint.configuration.text.activation != .gelu
        || format == .huggingFace && [.clipWithBias, .resNet, .openAIResNet].contains(name)
      {
        // open_clip has no NaFlex models and no other epsilons, big_vision no exact GELU and no CLIP, transformers' CLIP no bias and
        // no residual network.
        #expect(throws: FileError.self, performing: write)
        #expect(try folder.contents().isEmpty)
        continue
      }
      try write()
      let copy = try SigLIPCheckpoint(path: path)
      #expect(copy.format == format)
      #expect(copy.model.stateDictionary() == checkpoint.model.stateDictionary())
      var expected = checkpoint.configuration
      if format == .bigVision {
        expected.vision.imageSize = expected.vision.gridSize * expected.vision.patchSize
      }
      #expect(copy.configuration == expected)
      #expect(throws: FileError.self, "it is there already", performing: write)
    }
  }

  @Test func narrowTypesAreRoundedOnce() throws {
    let checkpoint = try CheckpointReference(.giantOpt).checkpoint
    let folder = try TemporaryFolder()
    for (type, format) in [(ElementType.float16, WeightFormat.huggingFace), (.float16, .bigVision)] {
      let path = folder.path("\(format).npz")
      try checkpoint.write(to: path, format: format, elementType: type)
      #expect(try SigLIPCheckpoint(path: path).model.stateDictionary() == checkpoint.model.stateDictionary())
    }
    try checkpoint.write(to: folder.path("bf16.npz"), format: .bigVision, elementType: .bfloat16)
    let rounded = try SigLIPCheckpoint(path: folder.path("bf16.npz")).model.stateDictionary()
    for (path, value) in checkpoint.model.stateDictionary() {
      let expected = value.scalars.map { HalfPrecision.float(brain: HalfPrecision.brain($0)) }
      #expect(rounded[path]?.scalars == expected, "\(path)")
    }
  }

  /// Weights that are packed while they are read make the same embeddings as those that are packed beside the numbers.
  @Test(arguments: CheckpointReference.Case.allCases, WeightPrecision.allCases)
  func weightsMayBePackedAsTheyAreRead(of name: CheckpointReference.Case, as precision: WeightPrecision)
    throws
  {
    let (packed, both) = (try CheckpointReference(name, packing: precision), try CheckpointReference(name))
    #expect(packed.checkpoint.configuration == both.checkpoint.configuration)
    let numbers = both.model.stateDictionary()
    both.model.packWeights(precision: precision)
    try Compute.withMatmulPrecision(MatmulPrecision(rawValue: precision.rawValue) ?? .bfloat16) {
      try withoutGradients {
        #expect(try packed.imageFeatures().value == both.imageFeatures().value)
        let tokens = try both.tokens()
        #expect(packed.model.embed(texts: tokens).value == both.model.embed(texts: tokens).value)
      }
    }
    // Saved, they are the rounded numbers; what linear layers do not multiply by is as it was.
    let folder = try TemporaryFolder()
    try packed.checkpoint.write(to: folder.path("model"), format: .pairwise)
    let saved = try SigLIPCheckpoint(path: folder.path("model")).model
    let weights = saved.namedModules().filter { $0.module is Linear }.map { "\($0.path).weight" }
    for (path, value) in saved.stateDictionary() {
      let isRounded = precision != .float32 && weights.contains(path)
      let expected = isRounded ? packed.model.stateDictionary()[path] : numbers[path]
      #expect(value == expected, "\(path)")
      #expect(value.isApproximatelyEqual(to: numbers[path]!, absolute: 0.01 * value.abs().max().item()))
    }
  }

  @Test func filesBesideTheWeightsAreCopied() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: CheckpointReference.folder(.openClip), toPath: folder.path("source"))
    _ = try folder.write(Array("{}".utf8), to: "source/tokenizer.json")
    let checkpoint = try SigLIPCheckpoint(path: folder.path("source"))
    #expect(checkpoint.companion("spiece.model", "tokenizer.json") == folder.path("source/tokenizer.json"))
    try checkpoint.write(to: folder.path("target"), format: .huggingFace)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("target"))
    #expect(
      files.sorted() == ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
  }

  @Test(arguments: WeightFormat.allCases) func writingCanBeEnded(in format: WeightFormat) throws {
    struct Ended: Error {}
    let checkpoint = try CheckpointReference(.v1Short).checkpoint
    let folder = try TemporaryFolder()
    #expect(throws: Ended.self) {
      try checkpoint.write(to: folder.path("model"), format: format) { if $0 > 0.5 { throw Ended() } }
    }
    #expect(try folder.contents().isEmpty)
  }

  @Test func everyProblemIsNamedAtOnce() throws {
    let folder = try TemporaryFolder()
    let source = CheckpointReference.folder(.v1)
    var state = try SafetensorsFile(source + "/model.safetensors").tensors()
    state["vision_model.post_layernorm.weight"] = nil
    state["text_model.head.weight"] = .zeros([16, 15])
    state["extra.weight"] = .zeros([1])
    state["vision_model.embeddings.position_ids"] = .zeros([1, 9])
    try FileManager.default.copyItem(atPath: source + "/config.json", toPath: folder.path("config.json"))
    try SafetensorsFile.write(state, to: folder.path("model.safetensors"))
    let error = try #require(throws: StateError.self) { try SigLIPCheckpoint(path: folder.path("")) }
    #expect(
      error.description.hasSuffix(
        "model.safetensors: the state does not fit: missing: vision_model.post_layernorm.weight; "
          + "unexpected: extra.weight; text_model.head.weight: expected shape [16, 16], found [16, 15]"))
  }

  @Test(arguments: Damage.allCases) func damageIsRefusedInOneLine(_ damage: Damage) throws {
    let folder = try TemporaryFolder()
    let error = try #require(throws: (any Error).self) {
      _ = try SigLIPCheckpoint(path: try damage.done(in: folder))
    }
    let line = "\(error)"
    #expect(error is FileError || error is StateError, "\(error)")
    #expect(line.contains(damage.sentence) && !line.contains("\n"), "\(line)")
  }

  enum Damage: CaseIterable {
    case nothingThere, notACheckpoint, truncated, missingShard, wrongIndex, brokenConfig, otherModel
    case configWithoutWeights, impossibleHeads, wrongEpsilon, truncatedArchive, archiveOfSomethingElse

    var sentence: String {
      switch self {
      case .nothingThere: "there is no such file or folder"
      case .notACheckpoint:
        "is not a SigLIP checkpoint: what it should hold is not there, expected config.json"
      case .truncated: "model.safetensors is damaged"
      case .missingShard: "beside it, model-00002-of-00003.safetensors is missing"
      case .wrongIndex: "weight_map is 3, expected an object"
      case .brokenConfig: "config.json is damaged: it is not valid JSON"
      case .otherModel: "its model_type is \"bert\", expected siglip, siglip2 or clip"
      case .configWithoutWeights: "neither model.safetensors nor"
      case .impossibleHeads: "its image tower has 5 heads, which do not divide the width of 16"
      case .wrongEpsilon: "its image tower has layer norms that add -1e-05, expected 0 to 1"
      case .truncatedArchive: "is damaged: it has no end record"
      case .archiveOfSomethingElse: "is not a SigLIP checkpoint: it has no array"
      }
    }

    func done(in folder: TemporaryFolder) throws -> String {
      let model = folder.path("model")
      func copy(_ name: CheckpointReference.Case) throws {
        try FileManager.default.copyItem(atPath: CheckpointReference.folder(name), toPath: model)
      }
      func replace(_ file: String, _ body: (Data) -> Data) throws {
        let url = URL(fileURLWithPath: model).appendingPathComponent(file)
        try body(Data(contentsOf: url)).write(to: url)
      }
      func edit(_ old: String, _ new: String) throws {
        try replace("config.json") {
          Data(String(decoding: $0, as: UTF8.self).replacingOccurrences(of: old, with: new).utf8)
        }
      }
      switch self {
      case .nothingThere: break
      case .notACheckpoint:
        try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: false)
      case .truncated:
        try copy(.v1)
        try replace("model.safetensors") { $0.prefix(20_000) }
      case .missingShard:
        try copy(.v1Short)
        try FileManager.default.removeItem(atPath: model + "/model-00002-of-00003.safetensors")
      case .wrongIndex:
        try copy(.v1Short)
        try replace("model.safetensors.index.json") { _ in Data("{\"weight_map\": 3}".utf8) }
      case .brokenConfig:
        try copy(.v1)
        try replace("config.json") { $0.prefix(100) }
      case .otherModel:
        try copy(.v1)
        try edit("\"siglip\"", "\"bert\"")
      case .configWithoutWeights:
        try copy(.v1)
        try FileManager.default.removeItem(atPath: model + "/model.safetensors")
      case .impossibleHeads:
        try copy(.v1)
        try edit("\"num_attention_heads\": 2", "\"num_attention_heads\": 5")
      case .wrongEpsilon:
        try copy(.v1)
        try edit("\"layer_norm_eps\": 1e-06", "\"layer_norm_eps\": -1e-05")
      case .truncatedArchive:
        let archive = try Data(contentsOf: URL(fileURLWithPath: fixture("siglip_family/v1-16.npz")))
        return try folder.write([UInt8](archive.prefix(50_000)), to: "cut.npz")
      case .archiveOfSomethingElse: return fixture("files/stored.npz")
      }
      return model
    }
  }

  /// A model whose logits are known: `inputs` holds what goes in.
  struct KnownModel: Sendable, CustomTestStringConvertible {
    let folder: String
    let inputs: String
    let pixels: String
    let logits: [Float]
    let tolerance: Float

    var testDescription: String { folder }

    /// A small one that is always there; and the weights that Google published, which are not part of this repository,
    /// when `PAIRWISE_SIGLIP_BASE` names a folder that holds `model.safetensors` and `config.json` of
    /// google/siglip-base-patch16-224, and `cats.safetensors` with the pixels (`pixel_values`) and the texts (`input_ids`:
    /// "a photo of 2 cats", "a photo of 2 dogs") of COCO's 000000039769.jpg as transformers' processor makes them.
    static var all: [KnownModel] {
      get throws {
        let small = CheckpointReference.folder(.v1)
        let recorded = try SafetensorsFile(small + "/expected.safetensors").tensor(named: "logits_per_image")
        let published = ProcessInfo.processInfo.environment["PAIRWISE_SIGLIP_BASE"]
        return [
          KnownModel(
            folder: small, inputs: small + "/expected.safetensors", pixels: "pixels",
            logits: recorded.scalars,
            tolerance: 1e-3)
        ]
          + [published].compactMap { $0 }.map {
            KnownModel(
              folder: $0, inputs: $0 + "/cats.safetensors", pixels: "pixel_values",
              logits: [-0.7567, -10.3354],
              tolerance: 1e-2)
          }
      }
    }
  }

  @Test(arguments: try KnownModel.all) func logitsAreThePublishedOnes(of known: KnownModel) throws {
    let checkpoint = try SigLIPCheckpoint(path: known.folder)
    let inputs = try SafetensorsFile(known.inputs)
    try withoutGradients {
      let images = checkpoint.model.embed(images: Variable(try inputs.tensor(named: known.pixels)))
      let texts = checkpoint.model.embed(texts: try inputs.indices(named: "input_ids"))
      let logits = checkpoint.model.logits(images: images, texts: texts).value
      let expected = Tensor(known.logits, shape: logits.shape)
      #expect(logits.isApproximatelyEqual(to: expected, absolute: known.tolerance, relative: 0), "\(logits)")
    }
  }
}
