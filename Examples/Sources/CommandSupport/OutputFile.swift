import Foundation

/// Refuses what cannot become a file, before work is spent on what it should hold.
///
/// - Parameter option: What the path was given as, such as `--output`.
/// - Throws: ``CommandError``.
public func checkOutputFile(_ path: String, option: String) throws {
  switch kind(of: path) {
  case .file:
    if access(path, W_OK) != 0 { throw CommandError.system("\(option) \(path)") }
  case .folder: throw CommandError("\(option) \(path): it is a folder, expected a file or a new name")
  case .other: throw CommandError("\(option) \(path): it is there and is not a file")
  case .missing:
    if path.hasSuffix("/") {
      throw CommandError("\(option) \(path): expected a file's name, found a folder's")
    }
  }
  try checkFolder(around: path, option: option)
}

/// Refuses a path at which nothing new can be made, before work is spent on what it should hold.
///
/// - Parameter option: What the path was given as, such as `--to`.
/// - Throws: ``CommandError``.
public func checkNewOutput(_ path: String, option: String) throws {
  var status = stat()
  if lstat(path, &status) == 0 {
    throw CommandError("\(option) \(path): it is there already; remove it or choose another name")
  }
  try checkFolder(around: path, option: option)
}

/// Refuses what cannot become a folder of files, or be one, before work is spent on what it should hold; those above it may
/// be missing.
///
/// - Parameter option: What the path was given as, such as `--output`.
/// - Throws: ``CommandError``.
public func checkOutputFolder(_ path: String, option: String) throws {
  if path.isEmpty { throw CommandError("\(option): expected a path, found nothing") }
  var there = path
  while kind(of: there) == .missing { there = parent(of: there) }
  guard kind(of: there) == .folder else {
    let what = there == path ? "it is there" : "\(there) is there"
    throw CommandError("\(option) \(path): \(what) and is not a folder")
  }
  if access(there, W_OK | X_OK) != 0 {
    throw CommandError.system("\(option) \(path): cannot write in \(there)")
  }
}

private func checkFolder(around path: String, option: String) throws {
  if path.isEmpty { throw CommandError("\(option): expected a path, found nothing") }
  let folder = parent(of: path)
  guard kind(of: folder) == .folder else {
    throw CommandError("\(option) \(path): there is no folder \(folder)")
  }
  if access(folder, W_OK | X_OK) != 0 {
    throw CommandError.system("\(option) \(path): cannot write in \(folder)")
  }
}

/// Refuses to replace a file that the command reads.
///
/// - Throws: ``CommandError``.
public func checkOutput(_ path: String, option: String, isNoneOf inputs: [String?]) throws {
  var output = stat()
  guard stat(path, &output) == 0 else { return }
  for case let input? in inputs {
    var status = stat()
    if stat(input, &status) == 0, status.st_ino == output.st_ino, status.st_dev == output.st_dev {
      throw CommandError("\(option) \(path): it would replace \(input), which is read")
    }
  }
}

private enum Kind { case missing, file, folder, other }

/// What a path leads to, through symbolic links.
private func kind(of path: String) -> Kind {
  var status = stat()
  guard stat(path, &status) == 0 else { return .missing }
  switch status.st_mode & S_IFMT {
  case S_IFREG: return .file
  case S_IFDIR: return .folder
  default: return .other
  }
}

/// The folder that a path is in.
private func parent(of path: String) -> String {
  let trimmed = path.reversed().drop { $0 == "/" }.reversed()
  guard let slash = trimmed.lastIndex(of: "/") else { return path.hasPrefix("/") ? "/" : "." }
  return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}
