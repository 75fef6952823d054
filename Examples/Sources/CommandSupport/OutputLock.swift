import Foundation

/// Keeps two programs from writing to one place at the same time. The system lets go of the lock when a program ends,
/// however it ends.
public enum OutputLock {
  /// Does work while a file, which is there only meanwhile, is locked.
  ///
  /// - Parameters:
  ///   - path: The file, such as `runs/a/.lock`; it holds the number of the process that has it.
  ///   - place: What is locked, for the message.
  /// - Throws: ``CommandError`` when another process has the lock, naming it, or the file cannot be made.
  public static func withLock<Result>(_ path: String, of place: String, _ work: () throws -> Result) throws
    -> Result
  {
    let descriptor = try lock(path, of: place)
    defer {
      // Gone before it is unlocked: who opened it meanwhile finds that it is not the one at the path any more.
      unlink(path)
      close(descriptor)
    }
    return try work()
  }

  private static func lock(_ path: String, of place: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
      guard descriptor >= 0 else { throw CommandError.system("cannot write \(path)") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let isTaken = errno == EWOULDBLOCK
        let reason = CommandError.system("cannot lock \(path)")
        let owner = isTaken ? owner(descriptor) : ""
        close(descriptor)
        throw isTaken
          ? CommandError("\(place): \(owner) is writing there; wait for its end or choose another") : reason
      }
      if isAt(path, descriptor) {
        ftruncate(descriptor, 0)
        if StandardStreams.write("\(getpid())\n".utf8, to: descriptor) { return descriptor }
        let reason = CommandError.system("cannot write \(path)")
        unlink(path)
        close(descriptor)
        throw reason
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
