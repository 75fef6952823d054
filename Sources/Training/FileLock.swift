import Foundation
import Optim

/// Keeps two programs from writing to one place at the same time. It is let go when the object is, and by the system when a
/// program ends, however it ends.
public final class FileLock: Sendable {
  private let path: String
  private let descriptor: Int32

  /// Locks a file, which is there only meanwhile.
  ///
  /// - Parameters:
  ///   - path: The file, such as `runs/a/.lock`; it holds the number of the process that has it.
  ///   - place: What is locked, for the message.
  /// - Throws: ``FileError`` when another process has the lock, naming it, or the file cannot be made.
  public init(_ path: String, of place: String) throws {
    self.path = path
    descriptor = try FileLock.lock(path, of: place)
  }

  deinit {
    // Gone before it is unlocked: who opened it meanwhile finds that it is not the one at the path any more.
    unlink(path)
    close(descriptor)
  }

  /// Does work while a file is locked; see ``init(_:of:)``.
  public static func withLock<Result>(_ path: String, of place: String, _ work: () throws -> Result) throws
    -> Result
  {
    let lock = try FileLock(path, of: place)
    return try withExtendedLifetime(lock) { try work() }
  }

  private static func lock(_ path: String, of place: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
      guard descriptor >= 0 else { throw FileError(.unwritable, path, systemReason()) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let isTaken = errno == EWOULDBLOCK
        let reason = systemReason()
        let owner = isTaken ? owner(descriptor) : ""
        close(descriptor)
        throw isTaken
          ? FileError(
            .unwritable, place, "\(owner) is writing there", advice: "wait for its end or choose another")
          : FileError(.unwritable, path, reason)
      }
      if isAt(path, descriptor) {
        let name = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0, pwrite(descriptor, name, name.count, 0) == name.count {
          return descriptor
        }
        let reason = systemReason()
        unlink(path)
        close(descriptor)
        throw FileError(.unwritable, path, reason)
      }
      close(descriptor)
    }
  }

  /// Whether the file that is open is the one at the path, not one that was removed.
  private static func isAt(_ path: String, _ descriptor: Int32) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  private static func owner(_ descriptor: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &text, text.count, 0)
    let number = Int(
      String(decoding: text.prefix(max(count, 0)), as: UTF8.self).trimmingCharacters(
        in: .whitespacesAndNewlines))
    return number.map { "process \($0)" } ?? "another process"
  }
}
