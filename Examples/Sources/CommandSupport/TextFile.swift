import Foundation

/// The text of a file or pipe.
///
/// - Throws: ``CommandError`` when it cannot be read, is not UTF-8 or does not end within 256 MiB.
public func readText(_ path: String) throws -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw CommandError.system("cannot read \(path)") }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &part, part.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw CommandError.system("cannot read \(path)") }
    if count == 0 { break }
    bytes += part[..<count]
    if bytes.count > 1 << 28 { throw CommandError("\(path): expected a text of at most 256 MiB") }
  }
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw CommandError("\(path): it is not UTF-8 text")
  }
  return text
}
