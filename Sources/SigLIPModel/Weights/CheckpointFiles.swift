import Foundation

/// What a path leads to: the format, the configuration, and the arrays.
struct CheckpointFiles {
  let format: WeightFormat
  let folder: String
  let configuration: SigLIPConfiguration
  let source: any WeightSource
  /// Whether the towers' blocks are stacked in one array.
  let isStacked: (image: Bool, text: Bool)

  private init(
    _ format: WeightFormat, folder: String, _ configuration: SigLIPConfiguration, _ source: any WeightSource,
    isStacked: (image: Bool, text: Bool) = (false, false)
  ) {
    self.format = format
    self.folder = folder
    self.configuration = configuration
    self.source = source
    self.isStacked = isStacked
  }

  init(_ path: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(.unreadable, path, "there is no such file or folder")
    }
    if isFolder.boolValue {
      try self.init(folder: path)
    } else if path.hasSuffix(".npz") {
      try self.init(archive: path)
    } else if path.hasSuffix(".safetensors") || ArrayFilesSource.torchEndings.contains(where: path.hasSuffix)
    {
      try self.init(weights: path)
    } else {
      throw FileError.notACheckpoint(
        path, "it is another file", expected: "a folder, .safetensors, .npz, .pt or .bin")
    }
  }

  private init(folder: String) throws {
    func find(_ names: String...) -> String? {
      names.map { URL(fileURLWithPath: folder).appendingPathComponent($0).path }
        .first { FileManager.default.fileExists(atPath: $0) }
    }
    if let config = find(PairwiseDescription.fileName) {
      guard let weights = find("model.safetensors") else {
        throw FileError.notACheckpoint(
          folder, "it has \(PairwiseDescription.fileName) but no model.safetensors")
      }
      self.init(
        .pairwise, folder: folder, try PairwiseDescription(path: config).configuration,
        try ArrayFilesSource(file: weights))
    } else if let config = find("open_clip_config.json") {
      guard
        let weights = find(
          "open_clip_model.safetensors", "model.safetensors", "open_clip_pytorch_model.bin")
      else {
        throw FileError.notACheckpoint(
          folder, "it has open_clip_config.json but no open_clip_model.safetensors")
      }
      self.init(
        .openClip, folder: folder, try SigLIPConfiguration(openClipConfig: config),
        try ArrayFilesSource(file: weights))
    } else if let config = find("config.json") {
      guard
        let weights = find(
          "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
          "pytorch_model.bin.index.json")
      else {
        throw FileError.notACheckpoint(
          folder, "it has config.json but neither model.safetensors nor model.safetensors.index.json"
        )
      }
      let configuration = try SigLIPConfiguration(huggingFaceConfig: config)
      let source =
        try weights.hasSuffix(".json") ? ArrayFilesSource(index: weights) : ArrayFilesSource(file: weights)
      self.init(.huggingFace, folder: folder, configuration, source)
    } else {
      let archives = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter {
        $0.hasSuffix(".npz")
      }
      guard let archives, archives.count == 1 else {
        throw FileError.notACheckpoint(
          folder, "what it should hold is not there",
          expected:
            "config.json and model.safetensors, open_clip_config.json and open_clip_model.safetensors, "
            + "\(PairwiseDescription.fileName) and model.safetensors, or one .npz file in it")
      }
      try self.init(archive: URL(fileURLWithPath: folder).appendingPathComponent(archives[0]).path)
    }
  }

  private init(archive path: String) throws {
    let source = try NPZSource(path)
    let (configuration, isStacked) = try SigLIPConfiguration.bigVision(source)
    self.init(
      .bigVision, folder: URL(fileURLWithPath: path).deletingLastPathComponent().path, configuration, source,
      isStacked: isStacked)
  }

  /// A single safetensors file or one of PyTorch's, whose names tell which configuration to look for beside it. OpenAI's have
  /// none: the arrays' shapes are it.
  private init(weights path: String) throws {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let source = try ArrayFilesSource(file: path)
    if source.names.contains("logitScale") {
      let config = folder.appendingPathComponent(PairwiseDescription.fileName).path
      self.init(
        .pairwise, folder: folder.path, try PairwiseDescription(path: config).configuration, source)
      return
    }
    let isOpenClip = source.names.contains { $0.hasPrefix("visual.") }
    let config = folder.appendingPathComponent(isOpenClip ? "open_clip_config.json" : "config.json").path
    if isOpenClip && !FileManager.default.fileExists(atPath: config) {
      self.init(.openClip, folder: folder.path, try SigLIPConfiguration.openAI(source), source)
      return
    }
    self.init(
      isOpenClip ? .openClip : .huggingFace, folder: folder.path,
      try isOpenClip
        ? SigLIPConfiguration(openClipConfig: config) : SigLIPConfiguration(huggingFaceConfig: config),
      source)
  }
}

extension FileError {
  /// What is at a path is no checkpoint.
  static func notACheckpoint(_ path: String, _ found: String, expected: String? = nil) -> FileError {
    FileError(.unsupported, path, "it is not a SigLIP checkpoint: \(found)", expected: expected)
  }
}
