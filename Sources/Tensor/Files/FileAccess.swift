import Foundation

/// Maps a file into memory, so that only the pages that are read are loaded.
func mapFile(_ path: String) throws -> Data { try readFile(path, options: .alwaysMapped) }

/// Reads a file, or throws ``TensorError/unreadable(path:reason:)``.
package func readFile(_ path: String, options: Data.ReadingOptions = []) throws -> Data {
  do {
    return try Data(contentsOf: URL(fileURLWithPath: path), options: options)
  } catch {
    throw TensorError.unreadable(path: path, reason: reason(of: error))
  }
}

/// Writes a file beside its final place and renames it, so that readers never see half a file.
///
/// - Parameter body: Receives a function that appends bytes.
package func writeAtomically(_ path: String, _ body: ((Data) throws -> Void) throws -> Void) throws {
  let temporary = path + ".\(UUID().uuidString).tmp"
  guard FileManager.default.createFile(atPath: temporary, contents: nil) else {
    throw TensorError.unwritable(path: path, reason: "its folder does not exist or does not allow writing")
  }
  do {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: temporary))
    defer { try? handle.close() }
    try body { try handle.write(contentsOf: $0) }
    try handle.synchronize()
    guard rename(temporary, path) == 0 else {
      throw TensorError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  } catch {
    try? FileManager.default.removeItem(atPath: temporary)
    if error is TensorError { throw error }
    throw TensorError.unwritable(path: path, reason: reason(of: error))
  }
}

/// The system's words for a Foundation error, without its domain and code.
private func reason(of error: any Error) -> String {
  let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError) ?? (error as NSError)
  if code.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(code.code))) }
  let words = error.localizedDescription
  return words.hasSuffix(".") ? String(words.dropLast()) : words
}
