import Foundation
import Optim
import Testing
import Training

@Suite struct FileLockTests {
  @Test func oneAtATimeHasTheLock() throws {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    let lock = folder.path("lock")
    // One that a program has left when it was killed is free.
    try Data("1\n".utf8).write(to: URL(filePath: lock))
    let result = try FileLock.withLock(lock, of: "there") {
      let owner = try String(contentsOfFile: lock, encoding: .utf8)
      #expect(owner == "\(getpid())\n")
      let error = #expect(throws: FileError.self) {
        try FileLock.withLock(lock, of: "there") { _ = Issue.record("it was locked") }
      }
      #expect(
        error?.description
          == "Cannot write there: process \(getpid()) is writing there; wait for its end or choose another.")
      return 7
    }
    #expect(result == 7 && !FileManager.default.fileExists(atPath: lock))
    try FileLock.withLock(lock, of: "there") {}
    #expect(throws: CancellationError.self) {
      try FileLock.withLock(lock, of: "there") { throw CancellationError() }
    }
    #expect(!FileManager.default.fileExists(atPath: lock))
    let missing = #expect(throws: FileError.self) { try FileLock(folder.path("none/lock"), of: "there") }
    #expect(missing?.description.hasPrefix("Cannot write \(folder.path("none/lock"))") ?? false)
  }
}
