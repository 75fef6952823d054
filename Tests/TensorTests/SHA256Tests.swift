import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct SHA256Tests {
  /// Of FIPS 180-4's examples; lengths around the end of a block were computed with Python's hashlib.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (String(repeating: "x", count: 1), "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    (String(repeating: "x", count: 55), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"),
    (String(repeating: "x", count: 56), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"),
    (String(repeating: "x", count: 63), "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"),
    (String(repeating: "x", count: 64), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"),
    (String(repeating: "x", count: 65), "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"),
    (String(repeating: "x", count: 119), "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"),
    (String(repeating: "x", count: 120), "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"),
    (String(repeating: "x", count: 127), "70156a14adbabf98cff3a71c7084b417abf057a8efd27329ca36b7202c87d81f"),
    (String(repeating: "x", count: 128), "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"),
  ])
  func digestsAreThoseOfTheStandard(text: String, digest: String) {
    #expect(SHA256.digest(text.utf8) == digest)
    var parts = SHA256()
    for part in text.utf8.split(separator: UInt8(ascii: "h"), omittingEmptySubsequences: false) {
      parts.update(part)
      parts.update("h".utf8)
    }
    #expect(parts.finish() == SHA256.digest((text + "h").utf8))
  }

  @Test func aMillionLetters() {
    #expect(
      SHA256.digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func filesAreDigested() throws {
    let folder = try TemporaryFolder()
    try Data("abc".utf8).writeWhole(to: folder.path("file"))
    #expect(try SHA256.digest(ofFile: folder.path("file")) == SHA256.digest("abc".utf8))
    #expect(throws: FileError.self) { try SHA256.digest(ofFile: folder.path("none")) }
  }

  /// A device, a pipe or a folder is not a file to put another in the place of.
  @Test func onlyFilesAreReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x")
    try Data("one".utf8).writeWhole(to: path)
    try Data("two".utf8).writeWhole(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "two")
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    for other in [folder.path("pipe"), "/dev/null", "/"] {
      #expect(throws: FileError(.unwritable, other, "it is there and is not a file")) {
        try Data("three".utf8).writeWhole(to: other)
      }
    }
  }
}
