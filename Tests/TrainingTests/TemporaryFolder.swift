import Foundation

/// A folder of a test's own, which goes with the object.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appending(path: "training-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: url.appending(path: name)) }
}
