import Foundation

extension Data {
  /// Writes a file in one step: whoever opens `path` sees what was there before or all of these bytes. What is there and is
  /// not a file, such as a device, is not replaced.
  ///
  /// - Throws: ``FileError``.
  public func writeWhole(to path: String) throws {
    try writeAtomically(path) { append in try append(self) }
  }
}
