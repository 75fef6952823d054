import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Checkpoints that describe what no model is, or hold what no model has: refused in one line, before anything is
/// allocated.
@Suite struct HostileCheckpointTests {
  private static func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was thrown"
  }

  /// The message that comes of a checkpoint whose description is changed.
  private static func message(
    of name: CheckpointReference.Case, replacing old: String, by new: String, in file: String = "config.json"
  ) throws -> String {
    let folder = try TemporaryFolder()
    let model = folder.path("model")
    try FileManager.default.copyItem(atPath: CheckpointReference.folder(name), toPath: model)
    let text = try String(contentsOfFile: "\(model)/\(file)", encoding: .utf8)
    try #require(text.contains(old), "\(text)")
    _ = try folder.write(Array(text.replacingOccurrences(of: old, with: new).utf8), to: "model/\(file)")
    let line = message { _ = try SigLIPCheckpoint(path: model) }
    #expect(!line.contains("\n") && line.hasPrefix(model), "\(line)")
    return line
  }

  @Test(arguments: [
    ("\"image_size\": 12", "\"image_size\": 4294967296", "an image size of 4294967296, expected 1 to 4096"),
    (
      "\"image_size\": 12", "\"image_size\": [4611686018427387904, 4611686018427387904]", "expected 1 to 4096"
    ),
    (
      "\"image_size\": 12", "\"image_size\": 1e30",
      "vision_config.image_size is 1e+30, expected a whole number"
    ),
    ("\"image_size\": 12", "\"image_size\": 1e400", "config.json"),
    (
      "\"image_size\": 12", "\"image_size\": 12, \"image_size\": 4", "the name \"image_size\" occurs twice"
    ),
    ("\"image_size\": 12", "\"image_size\": 3", "a patch size of 4, expected 1 to 3"),
    ("\"image_size\": 12", "\"image_size\": 4000", "a number of tokens of 1000000, expected 1 to 65536"),
    ("\"patch_size\": 4", "\"patch_size\": 4294967296", "a patch size of 4294967296, expected 1 to 12"),
    ("\"patch_size\": 4", "\"patch_size\": 0", "vision_config.patch_size is 0"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000", "a depth of 1000000, expected 1 to 256"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": -1", "num_hidden_layers is -1"),
    ("\"num_attention_heads\": 2", "\"num_attention_heads\": 0", "num_attention_heads is 0"),
    (
      "\"num_attention_heads\": 2", "\"num_attention_heads\": 32", "a number of heads of 32, expected 1 to 16"
    ),
    ("\"hidden_size\": 16", "\"hidden_size\": 9223372036854775807", "a width of 9223372036854775807"),
    (
      "\"max_position_embeddings\": 64", "\"max_position_embeddings\": 1000000", "a context length of 1000000"
    ),
    ("\"vocab_size\": 40", "\"vocab_size\": 4611686018427387904", "a vocabulary of 4611686018427387904"),
    ("\"model_type\": \"siglip\"", "\"model_type\": \"\\u001b[2J\\n\\u202e\"", #""\u{1B}[2J\n\u{202E}""#),
  ])
  func descriptionsOfTransformers(_ old: String, _ new: String, _ problem: String) throws {
    let line = try Self.message(of: .v1, replacing: old, by: new)
    #expect(line.contains(problem), "\(line)")
  }

  @Test(arguments: [
    (
      "\"num_patches\": ", "\"num_patches\": 18446744065119617025, \"x\": ",
      "num_patches is 1.8446744065119617e+19, expected a whole number"
    ),
    ("\"num_patches\": ", "\"num_patches\": 9223372030926249001, \"x\": ", "an image size of"),
    (
      "\"num_patches\": ", "\"num_patches\": 4294967296, \"x\": ",
      "an image size of 131072, expected 1 to 4096"
    ),
    (
      "\"patch_size\": ", "\"patch_size\": 4611686018427387904, \"x\": ",
      "an image size of 9223372036854775807"
    ),
  ])
  func descriptionsOfNaFlex(_ old: String, _ new: String, _ problem: String) throws {
    let line = try Self.message(of: .naFlex, replacing: old, by: new)
    #expect(line.contains(problem), "\(line)")
  }

  @Test(arguments: [
    ("\"mlp_ratio\": 2.5", "\"mlp_ratio\": 1e30", "vision_cfg.mlp_ratio is 1e+30"),
    ("\"mlp_ratio\": 2.5", "\"mlp_ratio\": -1", "an MLP width of -16, expected 1 to 65536"),
    ("\"mlp_ratio\": 2.5", "\"mlp_ratio\": 1e15", "an MLP width of 16000000000000000"),
    ("\"mlp_ratio\": 2.5", "\"mlp_ratio\": NaN", "is not valid JSON"),
    ("\"layers\": 2", "\"layers\": 1000000", "a depth of 1000000"),
    ("\"head_width\": 8", "\"head_width\": 5", "head_width is 5, which does not divide 16"),
    ("\"heads\": 2", "\"heads\": 5", "5 heads, which do not divide the width of 16"),
    ("\"embed_dim\": 16", "\"embed_dim\": 4294967296", "tower"),
    (
      "\"image_size\": 12", "\"image_size\": [4611686018427387904, 4611686018427387904]", "expected 1 to 4096"
    ),
  ])
  func descriptionsOfOpenClip(_ old: String, _ new: String, _ problem: String) throws {
    for name in [CheckpointReference.Case.openClip, .international] {
      let line = try Self.message(of: name, replacing: old, by: new, in: "open_clip_config.json")
      #expect(line.contains(problem), "\(line)")
    }
  }

  @Test func deepDescriptionsAreRefused() throws {
    let folder = try TemporaryFolder()
    for opening in ["[", "{\"a\":"] {
      let deep = Array(String(repeating: opening, count: 200_000).utf8)
      for file in ["config.json", "preprocessor_config.json", "tokenizer_config.json", "tokenizer.json"] {
        _ = try folder.write(deep, to: file)
      }
      _ = try folder.write([], to: "model.safetensors")
      #expect(throws: FileError.self) { try SigLIPCheckpoint(path: folder.path(".")) }
      #expect(throws: FileError.self) { try ImagePreprocessing(modelFolder: folder.path(".")) }
      #expect(throws: FileError.self) { try TextEncoder(path: folder.path(".")) }
    }
  }

  private static let oddArrays: [(name: String, shape: [Int], problem: String)] = [
    (
      "img/Transformer/encoderblock_0/MultiHeadDotProductAttention_0/query/kernel", [],
      "has shape [], expected 3 axes"
    ),
    ("img/Transformer/encoderblock_0/MultiHeadDotProductAttention_0/query/kernel", [0], "expected 3 axes"),
    ("txt/Encoder_0/encoderblock_0/MultiHeadDotProductAttention_0/query/kernel", [0, 0, 5], "a width of 0"),
    (
      "txt/Encoder_0/encoderblock_0/MultiHeadDotProductAttention_0/query/kernel", [8, 3, 2],
      "have shape [8, 3, 2]"
    ),
    ("img/Transformer/encoderblock_0/MlpBlock_0/Dense_0/kernel", [0], "has shape [0], expected 2 axes"),
    ("img/embedding/kernel", [], "has shape [], expected 4 axes"),
    ("img/embedding/kernel", [1 << 40, 0, 3, 16], "expected 1 to 4096"),
    ("img/pos_embedding", [1, 1 << 47, 0], "expected 1 to 4096"),
    ("txt/pos_embedding", [7], "has shape [7], expected 3 axes"),
    ("txt/Embed_0/embedding", [], "has shape [], expected 2 axes"),
    ("txt/head/kernel", [], "has shape [], expected 2 axes"),
    ("t", [2, 2], "t: expected shape [1], found [2, 2]"),
  ]

  @Test(arguments: oddArrays.indices) func arraysOfBigVision(_ index: Int) throws {
    let odd = Self.oddArrays[index]
    let folder = try TemporaryFolder()
    var arrays = try NPZFile(fixture("siglip_family/v1-16.npz")).tensors()
    arrays["params/\(odd.name)"] = .zeros(Shape(odd.shape))
    try NPZFile.write(arrays, to: folder.path("a.npz"))
    let line = Self.message { _ = try SigLIPCheckpoint(path: folder.path("a.npz")) }
    #expect(line.contains(odd.problem) && !line.contains("\n"), "\(line)")
  }

  @Test func stackedBlocksNeedAnAxis() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try CheckpointReference(.v1Short).checkpoint
    try checkpoint.write(to: folder.path("a.npz"), format: .bigVision, stacksBlocks: true)
    var arrays = try NPZFile(folder.path("a.npz")).tensors()
    let query = "params/img/Transformer/encoderblock/MultiHeadDotProductAttention_0/query/kernel"
    try #require(arrays[query] != nil)
    arrays[query] = Tensor(1)
    try NPZFile.write(arrays, to: folder.path("b.npz"))
    let line = Self.message { _ = try SigLIPCheckpoint(path: folder.path("b.npz")) }
    #expect(line.contains("has shape [], expected 4 axes"), "\(line)")
  }

  /// A temperature without an axis is a number all the same.
  @Test func singleNumbersNeedNoAxis() throws {
    let folder = try TemporaryFolder()
    let source = CheckpointReference.folder(.v1)
    var state = try SafetensorsFile(source + "/model.safetensors").tensors()
    let scale = try #require(state["logit_scale"])
    state["logit_scale"] = scale.reshape([])
    try FileManager.default.copyItem(atPath: source + "/config.json", toPath: folder.path("config.json"))
    try SafetensorsFile.write(state, to: folder.path("model.safetensors"))
    let model = try SigLIPCheckpoint(path: folder.path(".")).model
    #expect(model.logitScale.value == scale.reshape([1]))
  }

  @Test func indexesThatNameNoFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: CheckpointReference.folder(.v1) + "/config.json", toPath: folder.path("config.json"))
    func message(_ map: String) throws -> String {
      _ = try folder.write(Array("{\"weight_map\": \(map)}".utf8), to: "model.safetensors.index.json")
      return Self.message { _ = try SigLIPCheckpoint(path: folder.path(".")) }
    }
    #expect(try message("{}").contains("does not say which file holds what"))
    #expect(try message("{\"a\": 3}").contains("weight_map.a is 3, expected a string"))
    #expect(try message("{\"a\": \"../a\"}").contains("which is not a file beside it"))
    #expect(
      try message("{\"a\": \"\"}").contains("Cannot read") || message("{\"a\": \"\"}").contains("not a file"))
    let many = (0..<5000).map { "\"\($0)\": \"\\u001b\($0)\"" }.joined(separator: ",")
    let line = try message("{\(many)}")
    #expect(line.contains("and 4995 more is missing") && line.contains(#"\u{1B}0, "#), "\(line)")
  }

  // MARK: Sizes

  @Test func memoryIsRefusedByName() throws {
    let configuration = SigLIPConfiguration.base16()
    let line = Self.message { try configuration.checkMemory(path: "model", limit: 1 << 29) }
    #expect(
      line
        == "model: its model has 203155970 parameters, which take 775.0 MiB of memory; this process may use "
        + "512.0 MiB.")
    try configuration.checkMemory(path: "model", limit: 1 << 30)
    // Packed weights may take less: what the instruction set in use makes of them.
    let bytes = WeightPrecision.int8.bytesPerNumber
    #expect(bytes > 1 && bytes < 1.01 || bytes > 4 && bytes < 4.01)
    let packed = Self.message { try configuration.checkMemory(path: "model", packing: .int8, limit: 1 << 28) }
    #expect(bytes < 4 ? packed == "nothing was thrown" : packed.contains("775.0 MiB"))
    // The largest sizes that are allowed make numbers that still can be counted.
    var largest = configuration
    largest.vision = VisionConfiguration(
      imageSize: 4096, patchSize: 16, width: 16_384, depth: 256, heads: 16, hiddenWidth: 65_536)
    largest.text = TextConfiguration(
      vocabularySize: 1 << 22, contextLength: 65_536, width: 16_384, depth: 256, heads: 16,
      hiddenWidth: 65_536,
      outputWidth: 16_384)
    #expect(largest.problem == nil)
    #expect(Self.message { try largest.checkMemory(path: "model", limit: 1 << 40) }.contains("TiB of memory"))
  }

  /// Each of its sizes is within its bounds.
  @Test func aModelBeyondTheMemoryIsRefusedBeforeItIsMade() throws {
    let folder = try TemporaryFolder()
    let model = folder.path("model")
    try FileManager.default.copyItem(atPath: CheckpointReference.folder(.v1), toPath: model)
    let text = try String(contentsOfFile: model + "/config.json", encoding: .utf8)
      .replacingOccurrences(of: ": 16,", with: ": 16384,")
      .replacingOccurrences(of: "_layers\": 2", with: "_layers\": 256")
    _ = try folder.write(Array(text.utf8), to: "model/config.json")
    let line = Self.message { _ = try SigLIPCheckpoint(path: model) }
    #expect(line.hasPrefix("\(model): its model has 5") && line.contains("TiB of memory; "), "\(line)")
  }

  @Test func parametersAreThoseOfTheModel() {
    var projected = SigLIPConfiguration.base16()
    projected.text.outputWidth = nil
    let others: [SigLIPConfiguration] = [
      .base16NaFlex, .so400m14(), .so400m16(edition: .international), .giantOpt16(), projected,
    ]
    for configuration in others {
      let model = SigLIP.outline(configuration)
      #expect(configuration.parameterCount == model.parameters.reduce(0) { $0 + $1.shape.elementCount })
    }
  }

  @Test func modelsOfImpossibleSizesTrapWithASentence() async {
    func text(_ result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
    let heads = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var configuration = SigLIPConfiguration.base16()
      configuration.vision.heads = 0
      _ = SigLIP.outline(configuration)
    }
    #expect(text(heads).contains("VisionConfiguration: a number of heads of 0, expected 1 to 768"))
    let patch = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ =
        VisionConfiguration(
          imageSize: 16, patchSize: 0, width: 16, depth: 1, heads: 1, hiddenWidth: 16
        ).gridSize
    }
    #expect(text(patch).contains("VisionConfiguration: a patch size of 0, expected at least 1"))
    let depth = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var configuration = SigLIPConfiguration.base16()
      configuration.text.depth = 1 << 40
      _ = configuration.textMultiplyAdds
    }
    #expect(text(depth).contains("SigLIPConfiguration: its text tower has a depth of 1099511627776"))
  }

  @Test func descriptionsThatAreDecodedAreChecked() throws {
    let encoded = try JSONEncoder().encode(SigLIPConfiguration.base16())
    #expect(try JSONDecoder().decode(SigLIPConfiguration.self, from: encoded) == .base16())
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(
        SigLIPConfiguration.self, from: encoded.replacing("\"depth\":12", "\"depth\":1200000"))
    }
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(
        TextConfiguration.self, from: try JSONEncoder().encode(TextConfiguration.base).replacing("768", "767")
      )
    }
  }

  // MARK: What formats cannot say

  @Test(arguments: WeightFormat.allCases) func whatAFormatCannotSayIsRefused(_ format: WeightFormat) throws {
    let folder = try TemporaryFolder()
    let configuration = try CheckpointReference(.openClip).checkpoint.configuration
    func message(_ change: (inout SigLIPConfiguration) -> Void) -> String {
      var changed = configuration
      (changed.vision.activation, changed.text.activation) = (.gelu, .gelu)
      change(&changed)
      let checkpoint = SigLIPCheckpoint(model: .outline(changed), configuration: changed)
      defer { try? FileManager.default.removeItem(atPath: folder.path("out")) }
      return Self.message { try checkpoint.write(to: folder.path("out"), format: format) }
    }
    let isOwn = format == .pairwise
    func expect(_ problem: String, _ change: (inout SigLIPConfiguration) -> Void) {
      let line = message(change)
      #expect(isOwn ? line == "nothing was thrown" : line.contains(problem), "\(line)")
    }
    expect("this model pools texts by mean, ") { $0.text.pooling = .mean }
    expect("a token table with a bottleneck of 5 numbers, ") { $0.text.tokenBottleneck = 5 }
    expect("a projection behind its image tower") { $0.imageProjection = ImageProjection(width: 16) }
    expect("an EfficientNet-Lite0 as image tower") {
      $0.vision = .efficientNetLite0(imageSize: 32)
      $0.imageProjection = ImageProjection(width: 16)
    }
    #expect(message { _ in } == "nothing was thrown")
    for activation in Activation.allCases {
      let has =
        switch format {
        case .huggingFace, .pairwise: true
        case .bigVision: activation == .gelu
        case .openClip: activation == .gelu || activation == .geluExact
        }
      let problem = "this model has the activation \(activation), which "
      for line in [
        message { $0.vision.activation = activation }, message { $0.text.activation = activation },
      ] {
        #expect(has ? line == "nothing was thrown" : line.contains(problem), "\(line)")
      }
    }
    #expect(try folder.contents().isEmpty)
  }

  @Test func reasonsForNotWritingAreTheSystemsWords() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write([1], to: "file")
    let checkpoint = try CheckpointReference(.openClip).checkpoint
    for format in [WeightFormat.huggingFace, .openClip] {
      #expect(
        Self.message { try checkpoint.write(to: "", format: format) }
          == "Cannot write a file: its path is empty.")
      #expect(
        Self.message { try checkpoint.write(to: file + "/a", format: format) }
          == "Cannot write \(file)/a: Not a directory.")
    }
    #expect(try folder.contents() == ["file"])
  }

  @Test func errorsOfLongListsAreOneShortLine() {
    let odd = "\u{1B}[31m\n\u{202E}" + String(repeating: "x", count: 1 << 20)
    let names = (0..<10_000).map { "layer.\($0).weight" }
    let state = StateError(missing: names, unexpected: [odd], mismatched: names.map { ($0, [1], [2]) })
    #expect(state.description.contains("layer.4.weight and 9995 more; unexpected: "))
    #expect(state.description.hasSuffix("; 9995 more shapes differ"))
    let errors: [any Error] = [
      FileError(.malformed, odd, odd),
      FileError(.unsupported, odd, odd),
      FileError(.malformed, odd, odd, expected: odd, advice: odd),
      StateError(path: odd, missing: names, unexpected: [odd], mismatched: []), state,
    ]
    for error in errors {
      let line = "\(error)"
      #expect(
        line.utf8.count <= 4096 && line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E })
    }
  }
}

extension Data {
  /// A text with a part replaced everywhere.
  fileprivate func replacing(_ old: String, _ new: String) -> Data {
    Data(String(decoding: self, as: UTF8.self).replacingOccurrences(of: old, with: new).utf8)
  }
}
