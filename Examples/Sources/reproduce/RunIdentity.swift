import Foundation
import SigLIPModel

/// What tells runs apart: a digest of the configuration, the contents of the files that it names, and the instructions of
/// the CPU, whose rounding differs. Where files are, how many threads load and what a report shows are no part of it.
struct RunIdentity {
  private var digests: [String: String] = [:]

  /// The name of a run's folder, 16 hexadecimal digits.
  ///
  /// - Throws: ``FileError`` for a file that cannot be read.
  mutating func id(of configuration: TrainingConfiguration) throws -> String {
    var configuration = configuration
    configuration.output = "-"
    let share = configuration.loader.maximumDamagedShare
    configuration.loader = LoaderConfiguration()
    configuration.loader.maximumDamagedShare = share
    configuration.checkpoints = CheckpointConfiguration()
    configuration.evaluation.pictures = 0
    try replacePaths(in: &configuration.data)
    if var data = configuration.evaluation.data {
      try replacePaths(in: &data)
      configuration.evaluation.data = data
    }
    if var data = configuration.evaluation.heldOut {
      try replacePaths(in: &data)
      configuration.evaluation.heldOut = data
    }
    let model = configuration.model
    configuration.model.checkpoint = try digest(model.checkpoint)
    configuration.model.tokenizer = try digest(model.tokenizer)
    configuration.model.image?.checkpoint = try digest(model.image?.checkpoint)
    configuration.model.image?.efficientNetLite0 = try digest(model.image?.efficientNetLite0)
    configuration.model.text?.checkpoint = try digest(model.text?.checkpoint)
    let text = configuration.json + Compute.rounding
    return String(SHA256.digest(Array(text.utf8)).prefix(16))
  }

  private mutating func replacePaths(in data: inout DataConfiguration) throws {
    for index in data.sources.indices {
      data.sources[index].path = try digest(data.sources[index].path) ?? ""
      data.sources[index].labels = try digest(data.sources[index].labels)
    }
  }

  /// What stands for a path: the digest of a file, or of all files of a folder. What is neither, such as a pattern, stands
  /// for itself.
  private mutating func digest(_ path: String?) throws -> String? {
    guard let path else { return nil }
    if let known = digests[path] { return known }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return path }
    var value = ""
    if isFolder.boolValue {
      let isEmoji = EmojiData.fileNames.allSatisfy { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
      // Emoji lie beside other things that are no data.
      let names =
        isEmoji ? EmojiData.fileNames : try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
      var digest = SHA256()
      for name in names {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
        if isFolder.boolValue { continue }
        digest.update(Array("\(name) \(try SHA256.digest(ofFile: "\(path)/\(name)"))\n".utf8))
      }
      value = digest.finish()
    } else {
      value = try SHA256.digest(ofFile: path)
    }
    digests[path] = "sha256:\(value)"
    return digests[path]
  }
}
