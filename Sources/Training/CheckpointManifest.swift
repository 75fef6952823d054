import Foundation
import Optim

/// What stands beside a checkpoint's state: what it is of, and how to tell that it is whole.
struct CheckpointManifest: Encodable {
  static let fileName = "manifest.json"
  static let stateName = "state.safetensors"
  private static let format = "pairwise-checkpoint"

  let format: String
  let version: Int
  let library: String
  let step: Int
  let metrics: [String: Double]
  let notes: [String: String]

  init(_ checkpoint: Checkpoint) {
    (format, version, library) = (CheckpointManifest.format, 1, libraryVersion)
    (step, notes) = (checkpoint.step, checkpoint.notes)
    // JSON has no others.
    metrics = checkpoint.metrics.filter { $0.value.isFinite }
  }

  /// - Throws: ``FileError``.
  init(file path: String) throws {
    let file = try JSONNode(file: path)
    (format, version) = (try file["format"].string(), try file["version"].integer())
    guard format == CheckpointManifest.format, version == 1 else {
      throw FileError(
        .unsupported, path, "it says format \"\(format.oneLine(limit: 90))\", version \(version)",
        expected: "\"\(CheckpointManifest.format)\", version 1")
    }
    library = try file["library"].string()
    step = try file["step"].size()
    metrics = try Dictionary(
      uniqueKeysWithValues: file["metrics"].members().map { ($0.name, try $0.node.number()) })
    notes = try Dictionary(
      uniqueKeysWithValues: file["notes"].members().map { ($0.name, try $0.node.string()) })
  }
}

/// The version that checkpoints name.
let libraryVersion = "0.2"

/// A file of checksums as `sha256sum` writes and checks it.
enum Checksums {
  static let fileName = "SHA256SUMS"

  /// Writes the checksums of files in a folder.
  ///
  /// - Throws: ``FileError``.
  static func write(_ names: [String], in folder: URL) throws {
    let lines = try names.map { "\(try SHA256.digest(ofFile: folder.appending(path: $0).path))  \($0)\n" }
    try Data(lines.joined().utf8).writeWhole(to: folder.appending(path: fileName).path)
  }

  /// Compares the checksums of files in a folder.
  ///
  /// - Throws: ``FileError`` naming the one that differs.
  static func verify(_ names: [String], in folder: URL) throws {
    let path = folder.appending(path: fileName).path
    let lines = String(decoding: try readFile(path, maximumBytes: 4096), as: UTF8.self).split(separator: "\n")
    for name in names {
      guard let line = lines.first(where: { $0.hasSuffix("  " + name) }) else {
        throw FileError(.malformed, path, "it does not name \(name)")
      }
      let file = folder.appending(path: name).path
      let sum = try SHA256.digest(ofFile: file)
      if sum != line.dropLast(name.count + 2) {
        throw FileError(
          .malformed, file, "its SHA-256 is \(sum)",
          expected: "what \(fileName) says: \(String(line).oneLine(limit: 90))")
      }
    }
  }
}
