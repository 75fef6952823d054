import Foundation
import NN

extension SigLIPCheckpoint {
  /// Writes the checkpoint in a format: a new file for big_vision, a new folder for all others. It appears at `path` whole
  /// or not at all; what lies there already is left alone.
  ///
  /// A text tower without a projection is given an identity for Hugging Face, whose models always have one; reading leaves
  /// it out again. Dropout is a matter of training and only written in this package's own
  /// format.
  ///
  /// - Parameters:
  ///   - stacksBlocks: Whether big_vision's blocks are stacked in one array, as where it scans over them.
  ///   - elementType: A floating-point type to round to.
  ///   - progress: Told before each array which part of them is written; an error it throws ends the writing.
  /// - Throws: ``FileError`` when the path is taken or the format has no such models, or when it cannot be
  ///   written; ``StateError`` when ``configuration`` is not that of the model.
  public func write(
    to path: String, format: WeightFormat, stacksBlocks: Bool = false, elementType: ElementType = .float32,
    progress: @escaping (Double) throws -> Void = { _ in }
  ) throws {
    if FileManager.default.fileExists(atPath: path) {
      throw FileError(.unsupported, path, "it is there already", advice: "remove it or choose another name")
    }
    if let problem = format.problem(with: configuration) {
      throw FileError(.unsupported, path, problem)
    }
    try checkModel()
    let preprocessing = format == .pairwise || saysMore ? try imagePreprocessing() : nil
    if let problem = preprocessing.flatMap({ format.problem(with: $0, of: configuration.family) }) {
      throw FileError(.unsupported, path, problem)
    }
    let isStacked = stacksBlocks && format == .bigVision
    let mapping = WeightMapping(
      format: format, configuration: configuration, isStacked: (isStacked, isStacked))
    var written = 0
    var ended: (any Error)?
    let all = mapping.arrays(of: model)
    let arrays = all.map { array in
      WeightMapping.Assembled(name: array.name, shape: array.shape) {
        do { try progress(Double(written) / Double(all.count)) } catch {
          ended = error
          throw error
        }
        written += 1
        return try array.tensor()
      }
    }
    do {
      try write(arrays, to: path, format, elementType, preprocessing)
    } catch {
      throw ended ?? error
    }
  }

  /// Whether more is known of how images are prepared than files of the published formats say.
  private var saysMore: Bool { preprocessing != nil || format == .pairwise && !folder.isEmpty }

  /// Refuses a model that is not of the configuration, which would be written and could not be read.
  private func checkModel() throws {
    var shapes: [String: Shape] = [:]
    let outline = SigLIP.outline(configuration)
    for (path, parameter) in outline.namedParameters() { shapes[path] = parameter.shape }
    for (path, buffer) in outline.namedBuffers() { shapes[path] = buffer.value.shape }
    var (unexpected, mismatched): ([String], [(path: String, expected: Shape, found: Shape)]) = ([], [])
    let found =
      model.namedParameters().map { ($0.path, $0.parameter.shape) }
      + model.namedBuffers().map { ($0.path, $0.buffer.value.shape) }
    for (path, shape) in found {
      guard let expected = shapes.removeValue(forKey: path) else {
        unexpected.append(path)
        continue
      }
      if shape != expected { mismatched.append((path, expected, shape)) }
    }
    if !(shapes.isEmpty && unexpected.isEmpty && mismatched.isEmpty) {
      throw StateError(missing: shapes.keys.sorted(), unexpected: unexpected, mismatched: mismatched)
    }
  }

  /// - Parameter preprocessing: What is to be said of images; what the format's own code does if nil.
  private func write(
    _ arrays: [WeightMapping.Assembled], to path: String, _ format: WeightFormat, _ elementType: ElementType,
    _ preprocessing: ImagePreprocessing?
  ) throws {
    switch format {
    case .bigVision:
      try NPZFile.write(
        arrays.map { ("params/" + $0.name, $0.tensor) }, to: path, as: elementType)
    case .huggingFace:
      try writeFolder(path) { folder in
        try writeJSON(configuration.huggingFaceConfig, to: folder + "/config.json")
        if preprocessing == nil, let preprocessor = companion("preprocessor_config.json") {
          try copyFile(preprocessor, to: folder + "/preprocessor_config.json")
        } else {
          try writeJSON(
            configuration.huggingFacePreprocessor(preprocessing ?? transformersPreprocessing),
            to: folder + "/preprocessor_config.json")
        }
        try write(arrays, to: folder + "/model.safetensors", elementType)
      }
    case .openClip:
      try writeFolder(path) { folder in
        let preprocessing = preprocessing ?? configuration.openClipPreprocessing
        try writeJSON(configuration.openClipConfig(preprocessing), to: folder + "/open_clip_config.json")
        try write(arrays, to: folder + "/open_clip_model.safetensors", elementType)
      }
    case .pairwise:
      let texts = try tokenizerFiles.isEmpty ? nil : textEncoder().punctuation
      try writeFolder(path) { folder in
        let description = PairwiseDescription(configuration: configuration, punctuation: texts)
        try encode(description, to: "\(folder)/\(PairwiseDescription.fileName)")
        try encode(preprocessing, to: "\(folder)/\(PairwiseDescription.preprocessingFileName)")
        try write(arrays, to: folder + "/model.safetensors", elementType)
      }
    }
  }

  /// What transformers does with images of such a model; big_vision's are resized bilinearly there too.
  private var transformersPreprocessing: ImagePreprocessing {
    let (vision, size) = (configuration.vision, configuration.vision.imageSize)
    if vision.isNaFlex {
      return .naFlex(patchSize: vision.patchSize, maximumPatches: vision.gridSize * vision.gridSize)
    }
    return switch configuration.family {
    case .clip: .clip(imageSize: size)
    case .siglip where format != .bigVision: .huggingFaceV1(imageSize: size)
    case .siglip, .siglip2: .huggingFaceV2(imageSize: size)
    }
  }

  private func write(_ arrays: [WeightMapping.Assembled], to path: String, _ type: ElementType) throws {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for array in arrays { writer.add(shape: array.shape, named: array.name, as: type, array.tensor) }
    try writer.write(to: path)
  }

  /// Fills a folder beside its final place and renames it.
  private func writeFolder(_ path: String, _ body: (String) throws -> Void) throws {
    func unwritable() -> FileError { FileError(.unwritable, path, systemReason()) }
    let temporary = path.isEmpty ? "" : "\(path).\(UUID().uuidString).tmp"
    guard mkdir(temporary, 0o777) == 0 else { throw unwritable() }
    do {
      try body(temporary)
      for (name, source) in try tokenizerFiles { try copyFile(source, to: "\(temporary)/\(name)") }
      guard rename(temporary, path) == 0 else { throw unwritable() }
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
  }
}

extension SigLIPCheckpoint {
  /// Files of a tokenizer, under the names that they have in every format.
  fileprivate var tokenizerFiles: [(name: String, path: String)] {
    get throws {
      let tokenizer = tokenizer ?? folder
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: tokenizer, isDirectory: &isFolder) else {
        if self.tokenizer == nil { return [] }
        throw FileError(.unreadable, tokenizer, "there is no such file or folder")
      }
      if isFolder.boolValue {
        return TextEncoder.fileNames.compactMap { name in [name].firstFile(in: tokenizer).map { (name, $0) } }
      }
      return [(try TextEncoder.fileName(of: tokenizer), tokenizer)]
    }
  }
}

extension WeightMapping {
  /// An array to be written, put together when it is asked for.
  struct Assembled {
    let name: String
    let shape: Shape
    let tensor: () throws -> Tensor
  }

  /// All arrays of a model in the format.
  func arrays(of model: SigLIP) -> [Assembled] {
    var arrays = placements(of: model).arrays(of: model)
    if format == .huggingFace && configuration.text.outputWidth == nil {
      let width = configuration.text.width
      arrays.append(Assembled(name: "text_model.head.weight", shape: [width, width]) { .eye(width) })
      arrays.append(Assembled(name: "text_model.head.bias", shape: [width]) { .zeros([width]) })
    }
    return arrays.sorted { $0.name < $1.name }
  }
}

extension [WeightPlacement] {
  /// The arrays of a model that these are all parameters and buffers of, in the order of their names.
  func arrays(of model: any Module) -> [WeightMapping.Assembled] {
    let values = Dictionary(
      uniqueKeysWithValues: model.namedParameters().map { ($0.path, $0.parameter.value) }
        + model.namedBuffers().map { ($0.path, $0.buffer.value) })
    return Dictionary(grouping: self, by: \.name).map { name, parts in
      let ordered = parts.sorted { ($0.rows?.lowerBound ?? 0) < ($1.rows?.lowerBound ?? 0) }
      let shape = Shape(ordered[0].arrayShape)
      return WeightMapping.Assembled(name: name, shape: shape) {
        let pieces = ordered.compactMap { part in values[part.path].map(part.encode) }
        return (pieces.count == 1 ? pieces[0] : Tensor.concatenate(pieces, axis: 0)).reshape(shape)
      }
    }.sorted { $0.name < $1.name }
  }
}

/// Writes an object as an indented file with sorted names.
private func writeJSON(_ members: [String: Any], to path: String) throws {
  var data = try JSONSerialization.data(
    withJSONObject: members, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  data.append(UInt8(ascii: "\n"))
  try data.writeWhole(to: path)
}

/// Writes a value as an indented file with sorted names.
private func encode(_ value: some Encodable, to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try (encoder.encode(value) + [UInt8(ascii: "\n")]).writeWhole(to: path)
}
