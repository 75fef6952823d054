import Foundation

/// The folder `Tests`.
private let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

/// Path of a committed fixture, such as `files/types.safetensors`.
public func fixture(_ name: String) -> String {
  tests.appendingPathComponent("Fixtures").appendingPathComponent(name).path
}

/// A folder of a test's own, removed when the test lets go of it.
public final class TemporaryFolder {
  private let url: URL

  /// Creates the folder.
  public init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("pairwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Path of a file in the folder.
  public func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Names of the files in the folder.
  public func contents() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path)
  }

  /// Writes a file and gives its path.
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }
}

/// Path of a file of the examples' data, such as `names.tsv`.
public func exampleData(_ name: String) -> String {
  tests.deletingLastPathComponent().appendingPathComponent("Examples/Data").appendingPathComponent(name).path
}
