import ArgumentParser
import Foundation
import SigLIPModel

/// Finding image files, and telling of those that could not be read.
enum ImageFiles {
  /// Endings of image files' names, readable by this build or not.
  private static let extensions: Set<String> = RGBImage.readableExtensions.union(["jpg", "jpeg", "png"])

  static func isImage(_ path: String) -> Bool { extensions.contains(pathExtension(path)) }

  /// Image files below a folder in order of their names, as paths relative to it; hidden ones are left out.
  static func below(_ folder: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
      let enumerator = FileManager.default.enumerator(atPath: folder)
    else { throw CommandError("\(folder) is not a folder") }
    var files: [String] = []
    for case let path as String in enumerator {
      if path.split(separator: "/").last?.hasPrefix(".") == true {
        enumerator.skipDescendants()
      } else if isImage(path) {
        files.append(path)
      }
    }
    if files.isEmpty {
      throw CommandError(
        "\(folder) holds no image: expected \(extensions.sorted().joined(separator: ", ")) files")
    }
    return files.sorted()
  }

  /// One line on standard error for each file that was left out.
  static func report(_ failures: [any Error]) {
    for failure in failures { printError("\(failure)") }
  }

  private static func pathExtension(_ path: String) -> String {
    URL(fileURLWithPath: path).pathExtension.lowercased()
  }
}

/// The status of a command that did its work without some files.
let filesLeftOut = ExitCode(2)

/// Writes a line to standard error.
func printError(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// JSON of a value, for people to read too.
func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
