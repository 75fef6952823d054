import Foundation
import NN

/// A SigLIP model read from files, with what was found beside it.
///
/// Reading is strict: every name that is missing, unexpected or of another shape is an error. Numbers are converted to
/// `Float` as they are read from the mapped file, whose pages are let go of, so that memory holds the weights once.
public struct SigLIPCheckpoint {
  /// The folder or file that was read.
  public let path: String
  /// The folder in which tokenizer and preprocessing files would lie.
  public let folder: String
  /// How the weights were stored.
  public let format: WeightFormat
  /// The model's sizes.
  public let configuration: SigLIPConfiguration
  /// The model; one that was read is in the mode for inference.
  public let model: SigLIP
  /// How images are prepared, where that is not what ``folder`` says.
  public let preprocessing: ImagePreprocessing?
  /// The tokenizer's file, or a folder with one, where that is not ``folder``.
  public let tokenizer: String?

  /// A model to be written; `path` and `folder` say where files that belong to it would lie, if anywhere.
  public init(
    model: SigLIP, configuration: SigLIPConfiguration, format: WeightFormat = .huggingFace, path: String = "",
    folder: String = "", preprocessing: ImagePreprocessing? = nil, tokenizer: String? = nil
  ) {
    self.path = path
    self.folder = folder
    self.format = format
    self.configuration = configuration
    self.model = model
    self.preprocessing = preprocessing
    self.tokenizer = tokenizer
  }

  /// Reads a checkpoint.
  ///
  /// - Parameters:
  ///   - path: A folder that transformers or open_clip reads or that ``WeightFormat/pairwise`` writes, one of its
  ///     safetensors files, or big_vision's `.npz` file.
  ///   - packing: What the weights of linear layers are rounded to while they are read, for inference: they are kept as
  ///     products of that precision read them, and in no other way (`packWeights(precision:keepingNumbers:)`). Single
  ///     precision that stays as it is, if not given.
  /// - Throws: ``StateError`` for arrays that do not fit the configuration, ``FileError`` for files that cannot be read or are damaged.
  public init(path: String, packing: WeightPrecision? = nil) throws {
    let files = try CheckpointFiles(path)
    var configuration = files.configuration
    try configuration.checkMemory(path: path, packing: packing)
    var model = SigLIP.outline(configuration)
    let mapping = WeightMapping(
      format: files.format, configuration: configuration, isStacked: files.isStacked)
    let layers = Dictionary(
      uniqueKeysWithValues: model.namedModules().compactMap { path, module in
        (module as? Linear).map { ("\(path).weight", $0) }
      })
    try mapping.load(model, from: files.source) { path in
      // The projection is looked at below.
      guard let packing, path != "text.projection.weight" else { return }
      layers[path]?.packWeight(precision: packing, keepingNumbers: false)
    }
    if files.format == .huggingFace, let projection = (model.text as? TextTransformer)?.projection,
      projection.isIdentity
    {
      // transformers cannot leave the projection out: see ``write(to:format:stacksBlocks:elementType:)``.
      configuration.text.outputWidth = nil
      model = SigLIPCheckpoint.moved(model, to: configuration) { path, value in
        path.hasPrefix("text.projection.") ? nil : value
      }
    }
    if let packing { model.packWeights(precision: packing, keepingNumbers: false) }
    model.evaluate()
    self.init(
      model: model, configuration: configuration, format: files.format, path: path, folder: files.folder)
  }

  /// The sizes of a checkpoint's model, without reading its weights.
  ///
  /// - Throws: As ``init(path:)``.
  public static func configuration(path: String) throws -> SigLIPConfiguration {
    try CheckpointFiles(path).configuration
  }

  /// The path of the first of these files that lies beside the weights.
  public func companion(_ names: String...) -> String? { names.firstFile(in: folder) }

  /// How images are prepared for the model: what the checkpoint's files say, or else what the code does that reads them.
  ///
  /// - Throws: ``FileError`` when a file is damaged, missing in this package's own format, or asks for images that the model
  ///   does not take.
  public func imagePreprocessing() throws -> ImagePreprocessing {
    let stated = try folder.isEmpty ? nil : ImagePreprocessing(modelFolder: folder)
    let found = try preprocessing ?? stated ?? standardPreprocessing
    let (vision, size) = (configuration.vision, configuration.vision.imageSize)
    let fits =
      switch found.geometry {
      case .stretch(let width, let height), .shortestSide(_, let width, let height):
        !vision.isNaFlex && width == size && height == size
      case .paddedSquare(let side): !vision.isNaFlex && side == size
      case .patches(let patchSize, _): vision.isNaFlex && patchSize == vision.patchSize
      }
    if !fits {
      throw FileError(
        .unsupported, folder,
        "its preprocessing makes \(found.geometry), but its image tower takes "
          + (vision.isNaFlex ? "patches of \(vision.patchSize) pixels" : "\(size) x \(size) pixels"))
    }
    return found
  }

  /// What the source's own code does where a checkpoint says nothing.
  private var standardPreprocessing: ImagePreprocessing {
    get throws {
      let (vision, size) = (configuration.vision, configuration.vision.imageSize)
      switch (vision.architecture, format) {
      case (_, .pairwise) where !folder.isEmpty:
        throw FileError(.missing, folder, PairwiseDescription.preprocessingFileName)
      case (.efficientNetLite0, _): return .efficientNetLite(imageSize: size)
      case (.naFlex, _): return .naFlex(patchSize: vision.patchSize)
      case (.resNet, _): return .clip(imageSize: size)
      case (.transformer, .openClip) where configuration.family == .clip: return .clip(imageSize: size)
      case (.transformer, .bigVision): return .bigVision(imageSize: size)
      case (.transformer, .openClip): return .openCLIP(imageSize: size)
      case (.transformer, .huggingFace), (.transformer, .pairwise):
        return switch configuration.family {
        case .siglip: .huggingFaceV1(imageSize: size)
        case .siglip2: .huggingFaceV2(imageSize: size)
        case .clip: .clip(imageSize: size)
        }
      }
    }
  }

  /// What makes the model's rows of tokens of texts.
  ///
  /// - Throws: ``FileError`` when there is no tokenizer, it cannot be read, or is not one for the text tower.
  public func textEncoder() throws -> TextEncoder {
    let path = tokenizer ?? folder
    let encoder = try TextEncoder(path: path, contextLength: configuration.text.contextLength)
    if configuration.text.pooling == .endToken, let problem = encoder.problemOfEndToken {
      throw FileError(.unsupported, path, "its tokenizer \(problem)")
    }
    return encoder
  }

  /// The model as it is now, to embed images and texts in several tasks at once.
  ///
  /// - Throws: `StateError` when ``configuration`` is not that of the model.
  public func frozen() throws -> Frozen<SigLIP> {
    try Frozen(model) { [configuration] _ in SigLIP.outline(configuration) }
  }

  /// The model for images of another size, its learned positions resized, if it has any. NaFlex models, which resize
  /// theirs to each image, are for all sizes already: traps.
  ///
  /// - Parameter method: That of the checkpoint's source if not given.
  public func resized(imageSize: Int, by method: PositionResize? = nil) -> SigLIPCheckpoint {
    var target = configuration
    target.vision.imageSize = imageSize
    if configuration.vision.isNaFlex || target.problem != nil {
      programmerError("resized: a size of \(imageSize) for a model of \(configuration.vision)")
    }
    let side = target.vision.gridSize
    let isResNet = target.vision.architecture == .resNet
    let positions = target.imageTowerPath + (isResNet ? ".pool" : "") + ".positionEmbedding"
    let resize = method ?? format.positionResize
    let model = SigLIPCheckpoint.moved(model, to: target) { path, value in
      if path != positions { return value }
      // A class token, and the mean of a residual network's pixels, have no place in the image.
      let first = isResNet || target.vision.pooling == .classToken ? 1 : 0
      let patches = resize(value[first...].contiguous(), height: side, width: side)
      return .concatenate([value[..<first].contiguous(), patches])
    }
    let preprocessing = (try? imagePreprocessing())?.resized(imageSize: imageSize)
    return SigLIPCheckpoint(
      model: model, configuration: target, format: format, path: path, folder: folder,
      preprocessing: preprocessing, tokenizer: tokenizer)
  }

  /// A model of another configuration with the parameters and buffers of this one as `transform` changes them, nil for left out.
  private static func moved(
    _ model: SigLIP, to configuration: SigLIPConfiguration, _ transform: (String, Tensor) -> Tensor?
  ) -> SigLIP {
    let result = SigLIP.outline(configuration)
    let values = model.stateDictionary()
    for (path, parameter) in result.namedParameters() {
      if let value = values[path].flatMap({ transform(path, $0) }) { parameter.value = value }
    }
    for (path, buffer) in result.namedBuffers() {
      if let value = values[path].flatMap({ transform(path, $0) }) { buffer.value = value }
    }
    return result
  }
}

extension WeightFormat {
  /// How the source resizes positions.
  public var positionResize: PositionResize {
    switch self {
    case .huggingFace: .bicubic
    case .bigVision: .linearZoom
    case .openClip, .pairwise: .bicubicAntialiased
    }
  }
}

extension [String] {
  /// The path of the first of these names that is a file in a folder.
  func firstFile(in folder: String) -> String? {
    if folder.isEmpty { return nil }
    return lazy.map { URL(fileURLWithPath: folder).appendingPathComponent($0).path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }
}

extension ImagePreprocessing {
  /// The same for images of another size.
  fileprivate func resized(imageSize: Int) -> ImagePreprocessing {
    var result = self
    switch geometry {
    case .stretch: result.geometry = .stretch(width: imageSize, height: imageSize)
    case .shortestSide(let side, let width, _):
      result.geometry = .shortestSide(
        (side * imageSize + width / 2) / width, cropWidth: imageSize, cropHeight: imageSize)
    case .paddedSquare: result.geometry = .paddedSquare(imageSize)
    case .patches: break
    }
    return result
  }
}

extension Linear {
  /// Whether it changes nothing.
  fileprivate var isIdentity: Bool {
    inputs == outputs && weight.value == .eye(inputs) && (bias.map { $0.value == .zeros([outputs]) } ?? true)
  }
}
