import Foundation
import NN

extension SourceConfiguration {
  /// Data as a command line has them: a path, a JSON object with the keys of a training's `data`, or the path of a `.json` file
  /// with one, whose paths begin at its folder.
  ///
  /// - Throws: ``ConfigurationError``, ``FileError``.
  public init(describedBy text: String) throws {
    if text.first(where: { !$0.isWhitespace }) == "{" {
      self = try SourceConfiguration.decoded(Array(text.utf8), name: "data")
    } else if text.lowercased().hasSuffix(".json") {
      self = try SourceConfiguration.decoded(readFile(text, maximumBytes: 1 << 24), name: text)
      let folder = URL(filePath: text).deletingLastPathComponent().relativePath
      func there(_ path: String) -> String { path.hasPrefix("/") ? path : folder + "/" + path }
      path = there(path)
      labels = labels.map(there)
      imageFolder = imageFolder.map(there)
    } else {
      self.init(path: text)
    }
  }

  private static func decoded(_ bytes: [UInt8], name: String) throws -> SourceConfiguration {
    // For its messages, and because it refuses what others read in one way or another, such as a key that is there twice.
    _ = try JSONNode(bytes, name: name)
    do {
      return try JSONDecoder().decode(SourceConfiguration.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw FileError(.unsupported, name, "it describes no data: \(error)")
    }
  }

  /// The images, each once, with all their captions.
  ///
  /// - Throws: ``FileError``, ``ConfigurationError``, and what else a source throws.
  public func images() throws -> any ImageTextSource { try open().images }
}
