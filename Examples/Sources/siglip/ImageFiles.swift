import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// The image files of a folder, and telling of those that could not be read.
struct ImageFiles {
  /// In the order of their paths' bytes.
  private(set) var entries: [ImageIndex.Entry] = []
  /// What is called an image and cannot be one, and folders that cannot be read.
  private(set) var failures: [any Error] = []

  /// Image files below a folder; hidden ones are left out, and symbolic links to folders are not followed.
  ///
  /// - Throws: ``CommandError`` when the folder cannot be read or holds nothing that is called an image.
  init(below folder: String) throws {
    if folder.isEmpty { throw CommandError("expected a folder, found an empty path") }
    guard opens(folder, as: "") else { throw failures[0] }
    var next = 0
    while next < folders.count {
      if next > 0 { _ = opens(folder + "/" + folders[next], as: folders[next]) }
      next += 1
    }
    if entries.isEmpty && failures.isEmpty {
      throw CommandError(
        "\(folder) holds no image: expected \(RGBImage.fileExtensions.sorted().joined(separator: ", ")) files"
      )
    }
    entries.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Folders found, as paths relative to the first, which is empty; they are read in this order.
  private var folders = [""]

  /// Sorts what a folder holds into files, folders and failures.
  private mutating func opens(_ folder: String, as relative: String) -> Bool {
    guard let directory = opendir(folder) else {
      failures.append(CommandError("cannot read the folder \(folder): \(String(cString: strerror(errno)))"))
      return false
    }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes.first == UInt8(ascii: ".") { continue }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        // Its repaired name would be that of no file.
        let repaired = folder + "/" + String(decoding: bytes, as: UTF8.self)
        if RGBImage.isImageName(repaired) {
          failures.append(CommandError("\(repaired): its name is not UTF-8"))
        }
        continue
      }
      add(relative.isEmpty ? name : relative + "/" + name, at: folder + "/" + name)
    }
    return true
  }

  private mutating func add(_ relative: String, at path: String) {
    var (own, target) = (stat(), stat())
    let isThere = lstat(path, &own) == 0
    if isThere && own.st_mode & S_IFMT == S_IFDIR { return folders.append(relative) }
    if !RGBImage.isImageName(path) { return }
    if !isThere || stat(path, &target) != 0 {
      failures.append(CommandError("cannot read \(path): \(String(cString: strerror(errno)))"))
    } else if target.st_mode & S_IFMT == S_IFREG {
      entries.append(ImageIndex.Entry(path: relative, target))
    } else if target.st_mode & S_IFMT != S_IFDIR {
      failures.append(CommandError("cannot read \(path): it is not a file"))
    }
  }

  /// One line on standard error for each file that was left out.
  static func report(_ failures: [any Error]) {
    for failure in failures { printError("\(failure)") }
  }
}

/// The status of a command that did its work without some files.
let filesLeftOut = ExitCode(2)

/// JSON of a value, for people to read too.
func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
