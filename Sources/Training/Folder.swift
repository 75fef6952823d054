import Foundation
import Optim

/// Makes a folder and those above it that are missing; one that is there is left as it is.
///
/// - Throws: ``FileError``.
func makeFolder(_ folder: URL) throws {
  if mkdir(folder.path, 0o777) == 0 { return }
  if errno == ENOENT, folder.pathComponents.count > 1 {
    try makeFolder(folder.deletingLastPathComponent())
    if mkdir(folder.path, 0o777) == 0 { return }
  }
  let reason = systemReason()
  var status = stat()
  guard stat(folder.path, &status) == 0 else { throw FileError(.unwritable, folder.path, reason) }
  if status.st_mode & S_IFMT == S_IFDIR { return }
  throw FileError(.unwritable, folder.path, "it is there and is not a folder")
}
