import Foundation
import TestSupport
import Testing

import SigLIPModel

/// The package's own format, which says all that can be said of a model.
@Suite struct PairwiseFormatTests {
  private static let padded = ImagePreprocessing.efficientNetLite(imageSize: 48)

  /// A model that no published format can hold, as training leaves it.
  private static func checkpoint(_ configuration: SigLIPConfiguration = TowerTests.configuration())
    -> SigLIPCheckpoint
  {
    SigLIPCheckpoint(
      model: TowerTests.model(configuration), configuration: configuration,
      preprocessing: configuration.vision.isNaFlex
        ? .naFlex(patchSize: 4, maximumPatches: 9)
        : .efficientNetLite(imageSize: configuration.vision.imageSize),
      tokenizer: fixture("tokenizers/siglip.model"))
  }

  private static let images = [(9, 7), (3, 11)].map { width, height in
    RGBImage(width: width, height: height, pixels: (0..<width * height * 3).map { UInt8($0 * 37 % 256) })
  }

  private static func embeddings(_ checkpoint: SigLIPCheckpoint) throws -> Tensor {
    switch try checkpoint.imagePreprocessing()(images) {
    case .pixels(let pixels): withoutGradients { checkpoint.model.embed(images: Variable(pixels)).value }
    case .patches(let patches): withoutGradients { checkpoint.model.embed(patches: patches).value }
    }
  }

  @Test(arguments: [
    VisionConfiguration.efficientNetLite0(imageSize: 48), TowerTests.transformer, TowerTests.naFlex,
  ])
  func everythingIsReadAsItWasWritten(_ vision: VisionConfiguration) throws {
    var configuration = TowerTests.configuration(vision)
    configuration.text.dropout = 0.25
    configuration.text.activation = .quickGelu
    let checkpoint = Self.checkpoint(configuration)
    let folder = try TemporaryFolder()
    try checkpoint.write(to: folder.path("model"), format: .pairwise)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("model")).sorted() == [
        "model.safetensors", "pairwise_config.json", "preprocessing.json", "tokenizer.model",
      ])
    let file = try SafetensorsFile(folder.path("model/model.safetensors"))
    let paths =
      checkpoint.model.namedParameters().map(\.path) + checkpoint.model.namedBuffers().map(\.path)
    #expect(Set(file.names) == Set(paths))

    for path in [folder.path("model"), folder.path("model/model.safetensors")] {
      let copy = try SigLIPCheckpoint(path: path)
      #expect(copy.format == .pairwise && copy.configuration == configuration)
      let state = copy.model.stateDictionary()
      for (path, value) in checkpoint.model.stateDictionary() where file.names.contains(path) {
        #expect(state[path] == value, "\(path)")
      }
      #expect(try copy.imagePreprocessing() == checkpoint.preprocessing)
      #expect(try Self.embeddings(copy).scalars == Self.embeddings(checkpoint).scalars)
      let texts = ["a cat", "The real mountain view, again"]
      let tokens = try copy.textEncoder()(texts)
      #expect(tokens.shape == [2, 5])
      #expect(tokens.values == (try checkpoint.textEncoder()(texts)).values)
      // Nothing is dropped at first.
      let known = IndexTensor(tokens.values.map { $0 % 30 }, shape: tokens.shape)
      #expect(copy.model.embed(texts: known).value.scalars == copy.model.embed(texts: known).value.scalars)
    }
    #expect(try SigLIPCheckpoint.configuration(path: folder.path("model")) == configuration)
    #expect(throws: FileError.self, "it is there already") {
      try checkpoint.write(to: folder.path("model"), format: .pairwise)
    }
  }

  /// What others can say goes there and back with its weights, its preprocessing and its texts.
  @Test(arguments: [CheckpointReference.Case.v1, .naFlex])
  func modelsOfTransformersGoThereAndBack(_ name: CheckpointReference.Case) throws {
    let folder = try TemporaryFolder()
    let source = folder.path("source")
    try FileManager.default.copyItem(atPath: CheckpointReference.folder(name), toPath: source)
    let processor =
      name == .naFlex
      ? "\"image_processor_type\": \"Siglip2ImageProcessor\", \"patch_size\": 2, \"max_num_patches\": 7, \"resample\": 3"
      : "\"size\": 12, \"resample\": 2, \"image_mean\": 0.4, \"image_std\": [0.1, 0.2, 0.3]"
    _ = try folder.write(Array("{\(processor)}".utf8), to: "source/preprocessor_config.json")
    try FileManager.default.copyItem(
      atPath: fixture("tokenizers/siglip.model"), toPath: source + "/spiece.model")
    _ = try folder.write(
      Array("{\"tokenizer_class\": \"SiglipTokenizer\"}".utf8), to: "source/tokenizer_config.json")
    let first = try SigLIPCheckpoint(path: source)
    try first.write(to: folder.path("own"), format: .pairwise)
    let own = try SigLIPCheckpoint(path: folder.path("own"))
    try own.write(to: folder.path("back"), format: .huggingFace)
    let back = try SigLIPCheckpoint(path: folder.path("back"))
    for copy in [own, back] {
      #expect(copy.model.stateDictionary() == first.model.stateDictionary())
      #expect(copy.configuration == first.configuration)
      let (found, expected) = (try copy.imagePreprocessing(), try first.imagePreprocessing())
      #expect(found.geometry == expected.geometry && found.filter == expected.filter)
      for (a, b) in zip(
        found.normalization.mean + found.normalization.deviation,
        expected.normalization.mean + expected.normalization.deviation)
      {
        #expect(abs(a - b) <= 1e-6 * b)
      }
      let encoder = try copy.textEncoder()
      #expect(encoder.punctuation == .huggingFaceV1)
      #expect(encoder.row("hello, the_world!") == (try first.textEncoder()).row("hello, the_world!"))
    }
  }

  /// open_clip's way with punctuation is nowhere but in its configuration, which does not come along.
  @Test func textsOfOpenClipArePreparedAsBefore() throws {
    let folder = try TemporaryFolder()
    let source = folder.path("source")
    try FileManager.default.copyItem(atPath: CheckpointReference.folder(.openClip), toPath: source)
    try FileManager.default.copyItem(
      atPath: fixture("tokenizers/open_clip.json"), toPath: source + "/tokenizer.json")
    let first = try SigLIPCheckpoint(path: source)
    try first.write(to: folder.path("own"), format: .pairwise)
    let own = try SigLIPCheckpoint(path: folder.path("own"))
    #expect(try first.textEncoder().punctuation == .bigVisionEvaluator)
    let (a, b) = (try own.textEncoder(), try first.textEncoder())
    for text in ["hello, the_world!", "A Photo; of", ""] { #expect(a.row(text) == b.row(text), "\(text)") }
    #expect(try own.imagePreprocessing() == first.imagePreprocessing())
    // The size of its images is that of the model where its preprocessing says none.
    #expect(
      try first.imagePreprocessing().geometry == .shortestSide(12, cropWidth: 12, cropHeight: 12))
  }

  @Test func tokenizersGetTheNamesTheyAreFoundBy() throws {
    let folder = try TemporaryFolder()
    let names = [
      "siglip.model": "tokenizer.model", "gemma.json": "tokenizer.json",
      "clip.txt.gz": "bpe_simple_vocab_16e6.txt.gz",
    ]
    for (file, name) in names {
      let configuration = TowerTests.configuration(TowerTests.transformer)
      let checkpoint = SigLIPCheckpoint(
        model: TowerTests.model(configuration), configuration: configuration,
        tokenizer: fixture("tokenizers/\(file)"))
      let path = folder.path(file)
      try checkpoint.write(to: path, format: .pairwise)
      #expect(FileManager.default.fileExists(atPath: "\(path)/\(name)"))
      let (a, b) = (try SigLIPCheckpoint(path: path).textEncoder(), try checkpoint.textEncoder())
      #expect(a.row("the cat") == b.row("the cat") && a.punctuation == b.punctuation)
    }
    let missing = SigLIPCheckpoint(
      model: TowerTests.model(TowerTests.configuration()), configuration: TowerTests.configuration(),
      tokenizer: folder.path("nowhere"))
    #expect(throws: FileError.self) { try missing.write(to: folder.path("out"), format: .pairwise) }
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
  }

  // MARK: What others cannot say

  @Test(arguments: [WeightFormat.huggingFace, .openClip, .bigVision])
  func otherFormatsRefuseByName(_ format: WeightFormat) throws {
    let folder = try TemporaryFolder()
    func message(_ change: (inout SigLIPConfiguration) -> Void) throws -> String {
      var configuration = SigLIPConfiguration(
        vision: TowerTests.transformer, text: TowerTests.configuration().text)
      (configuration.text.pooling, configuration.text.tokenBottleneck) = (.last, nil)
      configuration.text.outputWidth = 16
      change(&configuration)
      let path = folder.path(UUID().uuidString)
      try SigLIPCheckpoint(
        model: TowerTests.model(configuration), configuration: configuration,
        preprocessing: configuration.imageProjection != nil || configuration.text.width == 24
          ? .efficientNetLite(imageSize: configuration.vision.imageSize) : nil
      ).write(to: path, format: .pairwise)
      do {
        try SigLIPCheckpoint(path: path).write(to: path + ".npz", format: format)
        _ = try SigLIPCheckpoint(path: path + ".npz")
        return "nothing was refused"
      } catch { return "\(error)" }
    }
    #expect(try message { _ in } == "nothing was refused")
    #expect(try message { $0.text.pooling = .mean }.contains("pools texts by mean"))
    #expect(try message { $0.text.tokenBottleneck = 5 }.contains("a bottleneck of 5 numbers"))
    #expect(try message { $0.text.width = 24 }.contains("its images are padded to squares"))
    let projected = try message {
      $0.imageProjection = ImageProjection(width: 12)
      $0.text.outputWidth = 12
    }
    #expect(projected.contains("a projection behind its image tower"), "\(projected)")
    let convolutional = try message {
      $0.vision = .efficientNetLite0(imageSize: 32)
      $0.text.outputWidth = 1280
    }
    #expect(convolutional.contains("an EfficientNet-Lite0 as image tower"), "\(convolutional)")
    #expect(try folder.contents().allSatisfy { !$0.hasSuffix("tmp") })
  }

  /// A CLIP model that is changed until no other format can say what it is.
  @Test(arguments: [WeightFormat.huggingFace, .openClip])
  func whatClipModelsHaveElsewhere(_ format: WeightFormat) throws {
    func problem(_ change: (inout SigLIPConfiguration) -> Void) throws -> String {
      let name = format == .huggingFace ? CheckpointReference.Case.clip : .openClipClip
      var configuration = try CheckpointReference(name).checkpoint.configuration
      change(&configuration)
      let folder = try TemporaryFolder()
      let checkpoint = SigLIPCheckpoint(model: .outline(configuration), configuration: configuration)
      do {
        try checkpoint.write(to: folder.path("model"), format: format)
      } catch { return "\(error)" }
      return ""
    }
    #expect(try problem { _ in } == "")
    #expect(try problem { $0.imageProjection?.hasBias = true }.contains("another projection of images"))
    #expect(try problem { $0.text.projectionHasBias = true }.contains("another projection of texts"))
    #expect(try problem { $0.text.isCausal = false }.contains("pools texts by endToken"))
    #expect(try problem { $0.text.pooling = .last }.contains("pools texts by last"))
    #expect(try problem { $0.vision.pooling = .attention }.contains("pools images by a head"))
    #expect(try problem { $0.vision.activation = .silu }.contains("silu") == (format == .openClip))
    #expect(try problem { $0.vision.activation = .geluExact }.contains("have one") == (format == .openClip))
    #expect(try problem { $0.vision.normEpsilon = 1e-6 }.contains("add 1e-5") == (format == .openClip))
    #expect(try problem { $0.objective = .sigmoid }.contains("bias b") == (format == .huggingFace))
    #expect(try problem { $0.family = .siglip }.contains("SigLIP models"))
    let network = try problem {
      $0.vision = .resNet(imageSize: 32, stages: [1, 1, 1, 1], channels: 2, width: 20)
      $0.imageProjection = nil
    }
    #expect(network.contains("residual network") == (format == .huggingFace))
  }

  @Test func aModelOfAnotherConfigurationIsNotWritten() throws {
    let folder = try TemporaryFolder()
    var other = TowerTests.configuration()
    other.text.tokenBottleneck = nil
    other.imageProjection?.hasBias = false
    let checkpoint = SigLIPCheckpoint(
      model: TowerTests.model(TowerTests.configuration()), configuration: other)
    let error = try #require(throws: StateError.self) {
      try checkpoint.write(to: folder.path("model"), format: .pairwise)
    }
    #expect(error.unexpected == ["image.projection.bias", "text.tokenProjection.weight"])
    #expect(error.mismatched.map(\.path) == ["text.tokenEmbedding.table"])
    #expect(try folder.contents().isEmpty)
  }

  @Test func resizedModelsHavePreprocessingOfTheirSize() throws {
    let folder = try TemporaryFolder()
    for (name, geometry) in [
      ("v1-64", ImagePreprocessing.Geometry.stretch(width: 20, height: 20)),
      ("open_clip-v1", .shortestSide(20, cropWidth: 20, cropHeight: 20)),
    ] {
      let source = folder.path(name)
      try FileManager.default.copyItem(atPath: fixture("siglip_family/\(name)"), toPath: source)
      if name == "v1-64" {
        _ = try folder.write(
          Array("{\"size\": 12, \"resample\": 3}".utf8), to: "v1-64/preprocessor_config.json")
      }
      let resized = try SigLIPCheckpoint(path: source).resized(imageSize: 20)
      #expect(try resized.imagePreprocessing().geometry == geometry)
      for format in [WeightFormat.pairwise, .huggingFace] where name == "v1-64" || format == .pairwise {
        try resized.write(to: "\(source)-\(format)", format: format)
        let copy = try SigLIPCheckpoint(path: "\(source)-\(format)")
        #expect(try copy.imagePreprocessing().geometry == geometry)
        #expect(copy.configuration.vision.imageSize == 20)
      }
    }
  }

  // MARK: Damage

  /// The line that comes of a folder in which something is changed.
  private static func message(
    _ change: (TemporaryFolder) throws -> Void, _ use: (SigLIPCheckpoint) throws -> Void = { _ in }
  ) throws -> String {
    let folder = try TemporaryFolder()
    // A small one: EfficientNet's weights are many megabytes.
    let configuration = TowerTests.configuration(TowerTests.transformer)
    try checkpoint(configuration).write(to: folder.path("model"), format: .pairwise)
    try change(folder)
    do {
      try use(SigLIPCheckpoint(path: folder.path("model")))
    } catch {
      let line = "\(error)"
      #expect(error is FileError || error is StateError, "\(error)")
      #expect(!line.contains("\n") && line.contains(folder.path("model")), "\(line)")
      return line
    }
    return "nothing was thrown"
  }

  private static func replacing(
    _ old: String, _ new: String, in file: String, _ folder: TemporaryFolder
  ) throws {
    let path = folder.path("model/\(file)")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try #require(text.contains(old), "\(text)")
    _ = try folder.write(Array(text.replacingOccurrences(of: old, with: new).utf8), to: "model/\(file)")
  }

  @Test(arguments: [
    ("\"version\" : 1", "\"version\" : 2", "it is of version 2, expected 1"),
    ("\"version\" : 1", "\"version\" : 1, \"more\" : 1", "\"more\" is none of version, configuration"),
    ("\"version\" : 1", "\"x\" : 1", "version is missing"),
    ("\"version\" : 1", "\"version\" : 1, \"version\" : 1", "the name \"version\" occurs twice"),
    ("\"version\" : 1", "\"version\" : \"1\"", "version is not a Int"),
    (
      "\"vocabularySize\" : 30", "\"vocabularySize\" : 4611686018427387904",
      "a vocabulary of 4611686018427387904"
    ),
    ("\"vocabularySize\" : 30", "\"vocabularySize\" : 1e30", "a number in it is too large"),
    ("\"vocabularySize\" : 30", "\"vocabularySize\" : null", "configuration.text.vocabularySize"),
    ("\"tokenBottleneck\" : 6", "\"tokenBottleneck\" : 0", "a token bottleneck of 0, expected 1 to 16384"),
    ("\"imageSize\" : 12", "\"imageSize\" : 100000", "an image size of 100000, expected 1 to 4096"),
    ("\"normalizesFeatures\" : true", "\"normalizesFeatures\" : 1", "normalizesFeatures"),
    ("\"isNaFlex\" : false", "\"architecture\" : \"\\u001b[2J\\n\"", "configuration.vision.architecture"),
    ("\"punctuation\" : \"bigVision\"", "\"punctuation\" : \"all\"", "punctuation"),
    ("\"family\" : \"siglip\"", "\"generation\" : 0", "it is of generation 0"),
    ("\"pooling\" : \"mean\"", "\"pooling\" : \"first\"", "configuration.text.pooling"),
    ("\"depth\" : 1", "\"depth\" : 1000000", "a depth of 1000000, expected 1 to 256"),
  ])
  func descriptionsOfNoModelAreRefused(_ old: String, _ new: String, _ problem: String) throws {
    let line = try Self.message { try Self.replacing(old, new, in: "pairwise_config.json", $0) }
    #expect(line.contains(problem) && line.contains("pairwise_config.json"), "\(line)")
  }

  @Test(arguments: [
    (
      "\"side\" : 12", "\"side\" : 13",
      "its preprocessing makes paddedSquare(13), but its image tower takes 12 x 12"
    ),
    ("\"side\" : 12", "\"side\" : 1000000", "a square's side of 1000000, expected 1 to 4096"),
    ("\"side\" : 12", "\"side\" : 12, \"width\" : 12", "\"width\" is none of name, side"),
    ("\"paddedSquare\"", "\"rotated\"", "geometry.name"),
    ("\"filter\" : \"bicubic\"", "\"filter\" : \"lanczos\"", "filter"),
    ("127", "1e400", "preprocessing.json"), ("127,", "", "2 means and 3 deviations, expected three each"),
    ("128", "0", "none of the second zero"),
  ])
  func preprocessingOfNoKindIsRefused(_ old: String, _ new: String, _ problem: String) throws {
    let line = try Self.message {
      if old == "127," {
        let path = $0.path("model/preprocessing.json")
        var text = try String(contentsOfFile: path, encoding: .utf8)
        let place = try #require(text.range(of: "127,"))
        text.removeSubrange(place)
        _ = try $0.write(Array(text.utf8), to: "model/preprocessing.json")
      } else {
        try Self.replacing(old, new, in: "preprocessing.json", $0)
      }
    } _: {
      _ = try $0.imagePreprocessing()
    }
    #expect(line.contains(problem), "\(line)")
  }

  @Test func whatIsMissingIsNamed() throws {
    func without(_ name: String, _ use: (SigLIPCheckpoint) throws -> Void = { _ in }) throws -> String {
      try Self.message({ try FileManager.default.removeItem(atPath: $0.path("model/\(name)")) }, use)
    }
    #expect(try without("model.safetensors").contains("pairwise_config.json but no model.safetensors"))
    #expect(
      try without("preprocessing.json") { _ = try $0.imagePreprocessing() }.contains(
        "has no preprocessing.json"))
    #expect(try without("tokenizer.model") { _ = try $0.textEncoder() }.contains("it holds no tokenizer"))
    #expect(try without("tokenizer.model") == "nothing was thrown")
    #expect(try without("pairwise_config.json").contains("it is not a SigLIP checkpoint"))
  }

  @Test func arraysThatDoNotFitAreListed() throws {
    func message(_ change: (inout [String: Tensor]) -> Void) throws -> String {
      try Self.message { folder in
        let path = folder.path("model/model.safetensors")
        var state = try SafetensorsFile(path).tensors()
        change(&state)
        try SafetensorsFile.write(state, to: path)
      }
    }
    let line = try message {
      $0["image.normalization.mean"] = nil
      $0["image.normalization.deviation"] = .zeros([15])
      $0["text.tokenProjection.weight"] = .zeros([6, 16])
      $0["extra"] = .zeros([1])
    }
    #expect(
      line.hasSuffix(
        "missing: image.normalization.mean; unexpected: extra; image.normalization.deviation: expected shape "
          + "[16], found [15]; text.tokenProjection.weight: expected shape [16, 6], found [6, 16]"))
    #expect(try message { $0["text.dropout"] = .zeros([16]) }.contains("unexpected: text.dropout"))
  }

  @Test func weightsCutAnywhereAreRefused() throws {
    for share in [0, 3, 50, 99] {
      let line = try Self.message {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: $0.path("model/model.safetensors")))
        _ = try $0.write([UInt8](bytes.prefix(bytes.count * share / 100)), to: "model/model.safetensors")
      }
      #expect(line.contains("model.safetensors is damaged"), "\(line)")
    }
  }

  /// Each of its sizes is within its bounds.
  @Test func aModelBeyondTheMemoryIsRefusedBeforeItIsMade() throws {
    let line = try Self.message {
      try Self.replacing(
        "\"vocabularySize\" : 30", "\"vocabularySize\" : 4194304", in: "pairwise_config.json", $0)
      try Self.replacing(
        "\"tokenBottleneck\" : 6", "\"tokenBottleneck\" : 16384", in: "pairwise_config.json", $0)
    }
    #expect(line.contains("its model has 687") && line.contains("of memory; "), "\(line)")
  }

  @Test func deepDescriptionsAreRefused() throws {
    for file in ["pairwise_config.json", "preprocessing.json"] {
      let line = try Self.message {
        _ = try $0.write(Array(String(repeating: "[", count: 200_000).utf8), to: "model/\(file)")
      } _: {
        _ = try $0.imagePreprocessing()
      }
      #expect(line.contains("\(file) is damaged: it is not valid JSON"), "\(line)")
    }
  }
}

/// Drawings in the middle of a white square.
@Suite struct PaddedSquareTests {
  @Test func paddingIsWhatTrainingOnDrawingsDoes() {
    let image = RGBImage(width: 30, height: 50, pixels: (0..<4500).map { UInt8($0 * 31 % 256) })
    let expected = image.paddedToSquare().resized(width: 24, height: 24, filter: .bicubic)
    let preprocessing = ImagePreprocessing.efficientNetLite(imageSize: 24)
    #expect(preprocessing.fit(image) == expected)
    guard case .pixels(let pixels) = preprocessing([image]) else {
      Issue.record("patches")
      return
    }
    #expect(pixels == PixelNormalization.efficientNetLite.tensor([expected]))
  }

  /// A square around it would have 3.6 thousand million pixels.
  @Test func longImagesAreMadeSmallerFirst() {
    let image = RGBImage(width: 60_000, height: 3, pixels: [UInt8](repeating: 0, count: 540_000))
    let fitted = ImagePreprocessing.efficientNetLite(imageSize: 32).fit(image)
    #expect(fitted.width == 32 && fitted.height == 32)
    #expect(fitted.pixels.first == 255)
  }

  @Test(arguments: [
    ImagePreprocessing.efficientNetLite(), .bigVision(imageSize: 224), .clip(imageSize: 336), .naFlex(),
  ])
  func preprocessingSurvivesJSON(_ preprocessing: ImagePreprocessing) throws {
    let encoded = try JSONEncoder().encode(preprocessing)
    #expect(try JSONDecoder().decode(ImagePreprocessing.self, from: encoded) == preprocessing)
  }
}
