import Foundation
import NN

extension SigLIPCheckpoint {
  /// Files that mean the same beside every format, copied along.
  private static let companions = [
    "tokenizer.json", "tokenizer.model", "spiece.model", "tokenizer_config.json", "special_tokens_map.json",
  ]

  /// Writes the checkpoint in a format: a new folder for Hugging Face and open_clip, a new file for big_vision. It appears
  /// at `path` whole or not at all; what lies there already is left alone.
  ///
  /// A text tower without a projection is given an identity for Hugging Face, whose models always have one; reading leaves
  /// it out again. Dropout is a matter of training and not written.
  ///
  /// - Parameters:
  ///   - stacksBlocks: Whether big_vision's blocks are stacked in one array, as where it scans over them.
  ///   - elementType: A floating-point type to round to.
  ///   - progress: Told before each array which part of them is written; an error it throws ends the writing.
  /// - Throws: ``FileError`` when the path is taken or the format has no such models, or when it cannot be
  ///   written.
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
      try write(arrays, to: path, format, elementType)
    } catch {
      throw ended ?? error
    }
  }

  private func write(
    _ arrays: [WeightMapping.Assembled], to path: String, _ format: WeightFormat, _ elementType: ElementType
  ) throws {
    switch format {
    case .bigVision:
      try NPZFile.write(
        arrays.map { ("params/" + $0.name, $0.tensor) }, to: path, as: elementType)
    case .huggingFace:
      try writeFolder(path) { folder in
        try writeJSON(configuration.huggingFaceConfig, to: folder + "/config.json")
        if let preprocessor = companion("preprocessor_config.json") {
          try copyFile(preprocessor, to: folder + "/preprocessor_config.json")
        } else {
          let isBicubic = self.format != .bigVision && configuration.generation == 1
          try writeJSON(
            configuration.huggingFacePreprocessor(isBicubic: isBicubic),
            to: folder + "/preprocessor_config.json")
        }
        try write(arrays, to: folder + "/model.safetensors", elementType)
      }
    case .openClip:
      try writeFolder(path) { folder in
        try writeJSON(configuration.openClipConfig, to: folder + "/open_clip_config.json")
        try write(arrays, to: folder + "/open_clip_model.safetensors", elementType)
      }
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
      for name in SigLIPCheckpoint.companions {
        guard let source = companion(name) else { continue }
        try copyFile(source, to: "\(temporary)/\(name)")
      }
      guard rename(temporary, path) == 0 else { throw unwritable() }
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
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
    let values = Dictionary(uniqueKeysWithValues: model.namedParameters().map { ($0.path, $0.parameter) })
    let groups = Dictionary(grouping: placements(of: model), by: \.name)
    var arrays = groups.map { name, parts in
      let ordered = parts.sorted { ($0.rows?.lowerBound ?? 0) < ($1.rows?.lowerBound ?? 0) }
      let shape = Shape(ordered[0].arrayShape)
      return Assembled(name: name, shape: shape) {
        let pieces = ordered.compactMap { part in values[part.path].map { part.encode($0.value) } }
        return (pieces.count == 1 ? pieces[0] : Tensor.concatenate(pieces, axis: 0)).reshape(shape)
      }
    }
    if format == .huggingFace && configuration.text.outputWidth == nil {
      let width = configuration.text.width
      arrays.append(Assembled(name: "text_model.head.weight", shape: [width, width]) { .eye(width) })
      arrays.append(Assembled(name: "text_model.head.bias", shape: [width]) { .zeros([width]) })
    }
    return arrays.sorted { $0.name < $1.name }
  }
}

/// Writes an object as an indented file with sorted names.
private func writeJSON(_ members: [String: Any], to path: String) throws {
  var data = try JSONSerialization.data(
    withJSONObject: members, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  data.append(UInt8(ascii: "\n"))
  try data.writeWhole(to: path)
}
