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
  /// The model.
  public let model: SigLIP

  /// A model to be written; `path` and `folder` say where files that belong to it would lie, if anywhere.
  public init(
    model: SigLIP, configuration: SigLIPConfiguration, format: WeightFormat = .huggingFace, path: String = "",
    folder: String = ""
  ) {
    self.path = path
    self.folder = folder
    self.format = format
    self.configuration = configuration
    self.model = model
  }

  /// Reads a checkpoint.
  ///
  /// - Parameter path: A folder that transformers or open_clip reads, one of its safetensors files, or big_vision's `.npz`
  ///   file.
  /// - Throws: ``StateError`` for arrays that do not fit the configuration, ``FileError`` for files that cannot be read or are damaged.
  public init(path: String) throws {
    let files = try CheckpointFiles(path)
    var configuration = files.configuration
    try configuration.checkMemory(path: path)
    var model = SigLIP.outline(configuration)
    let mapping = WeightMapping(
      format: files.format, configuration: configuration, isStacked: files.isStacked)
    try mapping.load(model, from: files.source)
    if files.format == .huggingFace, let projection = model.text.projection, projection.isIdentity {
      // transformers cannot leave the projection out: see ``write(to:format:stacksBlocks:elementType:)``.
      configuration.text.outputWidth = nil
      model = SigLIPCheckpoint.moved(model, to: configuration) { path, value in
        path.hasPrefix("text.projection.") ? nil : value
      }
    }
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
  public func companion(_ names: String...) -> String? {
    names.map { URL(fileURLWithPath: folder).appendingPathComponent($0).path }
      .first { FileManager.default.fileExists(atPath: $0) }
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
    let positions = target.imageTowerPath + ".positionEmbedding"
    let model = SigLIPCheckpoint.moved(model, to: target) { path, value in
      path == positions
        ? (method ?? format.positionResize)(value, height: side, width: side) : value
    }
    return SigLIPCheckpoint(
      model: model, configuration: target, format: format, path: path, folder: folder)
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
    case .openClip: .bicubicAntialiased
    }
  }
}

extension Linear {
  /// Whether it changes nothing.
  fileprivate var isIdentity: Bool {
    inputs == outputs && weight.value == .eye(inputs) && (bias.map { $0.value == .zeros([outputs]) } ?? true)
  }
}
