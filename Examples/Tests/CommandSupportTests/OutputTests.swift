import CommandSupport
import Foundation
import Testing

@Suite struct OutputTests {
  /// Does something in a folder that holds `file`, `folder` and the named pipe `pipe`.
  private func withFolder(_ body: (_ path: (String) -> String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder + "/folder", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("text".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
    #expect(mkfifo(folder + "/pipe", 0o600) == 0)
    try body { folder + "/" + $0 }
  }

  private func message(_ body: () throws -> Void) -> String {
    #expect(throws: CommandError.self, performing: body)?.description ?? ""
  }

  @Test func whatCannotBecomeAFileIsRefused() throws {
    try withFolder { path in
      try checkOutputFile(path("new"), option: "--output")
      try checkOutputFile(path("file"), option: "--output")
      for (name, words) in [
        ("folder", "it is a folder"), ("pipe", "it is there and is not a file"), ("new/", "found a folder's"),
        ("none/new", "there is no folder \(path("none"))"),
        ("file/new", "there is no folder \(path("file"))"),
      ] {
        let message = message { try checkOutputFile(path(name), option: "--output") }
        #expect(message.hasPrefix("--output \(path(name)): ") && message.contains(words), "\(message)")
      }
      #expect(message { try checkOutputFile("", option: "--to") } == "--to: expected a path, found nothing")
      #expect(message { try checkOutputFile("/dev/null", option: "--to") }.contains("is not a file"))
    }
  }

  @Test func whatCannotBecomeAFolderIsRefused() throws {
    try withFolder { path in
      for name in ["new", "folder", "folder/a/b", "new/", "none/new"] {
        try checkOutputFolder(path(name), option: "--output")
      }
      try checkOutputFolder("new", option: "--output")
      #expect(
        message { try checkOutputFolder(path("file"), option: "--to") }
          == "--to \(path("file")): it is there and is not a folder")
      for name in ["file/new", "file/a/b"] {
        #expect(
          message { try checkOutputFolder(path(name), option: "--to") }
            == "--to \(path(name)): \(path("file")) is there and is not a folder")
      }
      #expect(message { try checkOutputFolder(path("pipe"), option: "--to") }.contains("not a folder"))
      #expect(message { try checkOutputFolder("", option: "--to") } == "--to: expected a path, found nothing")
      #expect(!FileManager.default.fileExists(atPath: path("new")))
    }
  }

  @Test func whatIsThereIsNotReplaced() throws {
    try withFolder { path in
      try checkNewOutput(path("new"), option: "--to")
      try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: "nowhere")
      for name in ["file", "folder", "link", "pipe"] {
        #expect(message { try checkNewOutput(path(name), option: "--to") }.contains("it is there already"))
      }
      #expect(message { try checkNewOutput("", option: "--to") } == "--to: expected a path, found nothing")
    }
  }

  @Test func whatIsReadIsNotReplaced() throws {
    try withFolder { path in
      try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: "file")
      try checkOutput(path("new"), option: "--html", isNoneOf: [path("file"), nil])
      try checkOutput(path("file"), option: "--html", isNoneOf: [path("new")])
      let message = message {
        try checkOutput(path("link"), option: "--html", isNoneOf: [nil, path("file")])
      }
      #expect(message.contains("it would replace \(path("file")), which is read"))
    }
  }

  @Test func textsAreReadFromFilesOnly() throws {
    try withFolder { path in
      #expect(try readText(path("file")) == "text")
      try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: path("file")))
      #expect(message { _ = try readText(path("file")) }.contains("it is not UTF-8 text"))
      #expect(message { _ = try readText(path("none")) }.contains("No such file or directory"))
      #expect(message { _ = try readText(path("folder")) }.contains("Is a directory"))
    }
  }

  @Test func nothingInATextIsObeyed() {
    #expect("a\u{1B}[31m\nb\u{202E}".shown == "a\\u{1B}[31m\\nb\\u{202E}")
    #expect("é日本👩\u{200D}🚀".shown == "é日本👩\u{200D}🚀")
    let error = CommandError("photos/x\ny.jpg: cannot be read")
    #expect(error.description == "photos/x\\ny.jpg: cannot be read")
  }

  @Test func errorsOfFoundationAreTheSystemsWords() {
    let missing = #expect(throws: (any Error).self) {
      try Data("x".utf8).write(to: URL(fileURLWithPath: "/none/none"))
    }
    #expect(["The file doesn’t exist.", "No such file or directory"].contains(reason(of: missing!)))
    let closed = FileHandle(fileDescriptor: open("/dev/null", O_RDONLY), closeOnDealloc: true)
    let unwritten = #expect(throws: (any Error).self) { try closed.write(contentsOf: Data("x".utf8)) }
    #expect(reason(of: unwritten!) == "Bad file descriptor")
  }
}
