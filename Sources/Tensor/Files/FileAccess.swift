import Foundation

/// Reads a file.
///
/// - Parameter maximumBytes: A larger file is refused before memory is taken for it.
/// - Throws: ``FileError``.
package func readFile(_ path: String, maximumBytes: Int) throws -> [UInt8] {
  let file = try OpenFile(path)
  if file.count > maximumBytes {
    throw FileError(.unreadable, path, "it has \(file.count) bytes", expected: "at most \(maximumBytes)")
  }
  return try file.bytes(at: 0, count: file.count)
}

/// The system's words for what went wrong in the last call, such as "No such file or directory".
package func systemReason() -> String { String(cString: strerror(errno)) }

/// Opens a file for reading, and tells how many bytes it has.
private func openFile(_ path: String) throws -> (descriptor: Int32, count: Int) {
  func unreadable() -> FileError { FileError(.unreadable, path, systemReason()) }
  // Without waiting: a named pipe would keep the program until somebody writes.
  let descriptor = open(path, O_RDONLY | O_NONBLOCK)
  guard descriptor >= 0 else { throw unreadable() }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    defer { close(descriptor) }
    throw unreadable()
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    close(descriptor)
    throw FileError(.unreadable, path, "it is not a file")
  }
  return (descriptor, Int(status.st_size))
}

/// Maps a file into memory, so that only the pages that are read are loaded.
///
/// For large files whose writers rename them into place, as ours do: a page that somebody cuts off, or that the disk fails
/// to give, ends the process. ``OpenFile`` throws then.
package func mapFile(_ path: String) throws -> Data {
  let (descriptor, count) = try openFile(path)
  defer { close(descriptor) }
  if count == 0 { return Data() }
  guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
    throw FileError(.unreadable, path, systemReason())
  }
  return Data(bytesNoCopy: address, count: count, deallocator: .custom { munmap($0, $1) })
}

/// Lets go of the pages that lie wholly within a part of a mapped file and have been read: should they be read again,
/// they are loaded again.
package func releaseMappedPages(_ bytes: UnsafeRawBufferPointer) {
  guard let base = bytes.baseAddress else { return }
  let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
  let first = (UInt(bitPattern: base) + page - 1) / page * page
  let end = (UInt(bitPattern: base) + UInt(bytes.count)) / page * page
  guard end > first, let start = UnsafeMutableRawPointer(bitPattern: first) else { return }
  madvise(start, Int(end - first), MADV_DONTNEED)
}

/// Writes bytes behind those that an open file has.
private func append(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
  var written = 0
  while written < bytes.count {
    let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw FileError(.unwritable, path, systemReason()) }
    written += count
  }
}

/// Writes a file beside its final place and renames it, so that readers never see half a file.
///
/// - Parameter body: Receives a function that appends bytes.
/// - Throws: ``FileError`` with the system's reason, or what `body` throws.
package func writeAtomically(_ path: String, _ body: ((Data) throws -> Void) throws -> Void) throws {
  func unwritable() -> FileError { FileError(.unwritable, path, systemReason()) }
  var status = stat()
  if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
    throw FileError(.unwritable, path, "it is there and is not a file")
  }
  let temporary = path.isEmpty ? "" : path + ".\(UUID().uuidString).tmp"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o666)
  guard descriptor >= 0 else { throw unwritable() }
  var isOpen = true
  do {
    try body { data in
      try data.withUnsafeBytes { try append($0, to: descriptor, path) }
    }
    guard fsync(descriptor) == 0 else { throw unwritable() }
    isOpen = false
    guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw unwritable() }
  } catch {
    if isOpen { close(descriptor) }
    unlink(temporary)
    throw error
  }
}

/// A file that stays open and is read where it is wanted, from several threads at once.
package final class OpenFile: Sendable {
  /// What errors call it.
  package let path: String
  /// How many bytes it has.
  package let count: Int
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: ``FileError``.
  package init(_ path: String) throws {
    self.path = path
    (descriptor, count) = try openFile(path)
  }

  /// Writes a file that has no name on the disk and is gone with this object.
  ///
  /// - Parameter body: Receives a function that appends bytes.
  /// - Throws: ``FileError`` with the system's reason, or what `body` throws.
  package init(
    temporaryFor path: String,
    _ body: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory.path
    var name = Array("\(folder)/pairwise-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    guard descriptor >= 0 else { throw FileError(.unwritable, folder, systemReason()) }
    unlink(name)
    var count = 0
    do {
      try body { bytes in
        try append(bytes, to: descriptor, folder)
        count += bytes.count
      }
    } catch {
      close(descriptor)
      throw error
    }
    (self.path, self.count, self.descriptor) = (path, count, descriptor)
  }

  deinit { close(descriptor) }

  /// Bytes from a place on: fewer than `count` where the file ends.
  ///
  /// - Throws: ``FileError``.
  package func bytes(at start: Int, count: Int) throws -> [UInt8] {
    let count = max(0, min(count, self.count - start))
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let read = pread(
          descriptor, buffer.baseAddress! + initialized, count - initialized, off_t(start + initialized))
        if read < 0 && errno == EINTR { continue }
        guard read >= 0 else { throw FileError(.unreadable, path, systemReason()) }
        if read == 0 { break }
        initialized += read
      }
    }
  }
}

/// Copies a file, in one step for whoever opens `target`.
///
/// - Throws: ``FileError``.
package func copyFile(_ source: String, to target: String) throws {
  let file = try OpenFile(source)
  try writeAtomically(target) { append in
    for start in stride(from: 0, to: file.count, by: 1 << 24) {
      let count = min(1 << 24, file.count - start)
      let bytes = try file.bytes(at: start, count: count)
      if bytes.count < count {
        throw FileError(
          .unreadable, source, "it ends at byte \(start + bytes.count)",
          expected: "\(file.count) bytes, as before")
      }
      try append(Data(bytes))
    }
  }
}
