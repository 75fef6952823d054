import Foundation

/// Reads a file, or throws ``TensorError/unreadable(path:reason:)``.
package func readFile(_ path: String) throws -> Data { try mapFile(path).withUnsafeBytes { Data($0) } }

/// Maps a file into memory, so that only the pages that are read are loaded.
func mapFile(_ path: String) throws -> Data {
  func unreadable() -> TensorError {
    .unreadable(path: path, reason: String(cString: strerror(errno)))
  }
  let descriptor = open(path, O_RDONLY)
  guard descriptor >= 0 else { throw unreadable() }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw unreadable() }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw TensorError.unreadable(path: path, reason: "it is not a file")
  }
  let count = Int(status.st_size)
  if count == 0 { return Data() }
  guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
    throw unreadable()
  }
  return Data(bytesNoCopy: address, count: count, deallocator: .custom { munmap($0, $1) })
}

/// Lets go of the pages that lie wholly within a part of a mapped file and have been read: should they be read again,
/// they are loaded again.
func releaseMappedPages(_ bytes: UnsafeRawBufferPointer) {
  guard let base = bytes.baseAddress else { return }
  let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
  let first = (UInt(bitPattern: base) + page - 1) / page * page
  let end = (UInt(bitPattern: base) + UInt(bytes.count)) / page * page
  guard end > first, let start = UnsafeMutableRawPointer(bitPattern: first) else { return }
  madvise(start, Int(end - first), MADV_DONTNEED)
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
