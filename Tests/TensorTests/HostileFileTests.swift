import Foundation
import TestSupport
import Testing

import Tensor

/// Files that somebody made to break their reader: every one is an error of one line, and takes no more memory than it is
/// worth.
@Suite struct HostileFileTests {
  private static func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
      + Array(repeating: 0, count: data)
  }

  private static func npy(_ shape: String, isColumnMajor: Bool, type: String = "<f4") -> [UInt8] {
    let header =
      "{'descr': '\(type)', 'fortran_order': \(isColumnMajor ? "True" : "False"), 'shape': (\(shape))}"
    return [0x93] + Array("NUMPY".utf8) + [
      1, 0, UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8),
    ]
      + Array(header.utf8)
  }

  /// Shapes without elements whose strides no integer holds, and some that are just large.
  static let shapes = [
    "0, 4611686018427387904, 4", "4611686018427387904, 4, 0", "0, 4294967296, 4294967296",
    "0, 9223372036854775807", "1, 0, 281474976710657",
  ]

  @Test(arguments: shapes) func shapesThatOverflowAreRefused(_ shape: String) throws {
    let folder = try TemporaryFolder()
    let header = #"{"a":{"dtype":"U8","shape":[\#(shape)],"data_offsets":[0,0]}}"#
    let tensors = try folder.write(Self.safetensors(header), to: "a.safetensors")
    #expect(throws: FileError.self) { try SafetensorsFile(tensors) }
    for isColumnMajor in [false, true] {
      let array = try folder.write(Self.npy(shape, isColumnMajor: isColumnMajor), to: "a.npy")
      let error = #expect(throws: FileError.self) { try NPYFile.tensor(array) }
      #expect(error?.description.contains("impossible shape") ?? false)
      #expect(throws: FileError.self) { try NPYFile.indices(array) }
    }
  }

  /// What passes the check must be good for every order of axes and every view.
  @Test(arguments: [
    "0, 281474976710656", "281474976710656, 0, 1", "0, 3, 5", "4, 0", "0, 1, 2, 3, 4, 5, 6, 7",
  ])
  func emptyArraysOfLargeShapesAreRead(_ shape: String) throws {
    let folder = try TemporaryFolder()
    for isColumnMajor in [false, true] {
      let path = try folder.write(Self.npy(shape, isColumnMajor: isColumnMajor), to: "a.npy")
      let tensor = try NPYFile.tensor(path)
      #expect(tensor.shape.description == "[\(shape)]" && tensor.count == 0)
      #expect(tensor.permute(Array((0..<tensor.rank).reversed())).contiguous().scalars.isEmpty)
      let integers = try folder.write(
        Self.npy(shape, isColumnMajor: isColumnMajor, type: "<i4"), to: "b.npy")
      #expect(try NPYFile.indices(integers).values.isEmpty)
    }
  }

  @Test func shapesOfManyAxesAreRefused() throws {
    let folder = try TemporaryFolder()
    let ones = String(repeating: "1,", count: 100_000)
    let path = try folder.write(
      Self.safetensors(#"{"a":{"dtype":"U8","shape":[\#(ones)1],"data_offsets":[0,1]}}"#, data: 1), to: "a")
    let error = #expect(throws: FileError.self) { try SafetensorsFile(path) }
    #expect(error?.description.hasSuffix("array \"a\" has 100001 axes, expected at most 64.") ?? false)
  }

  @Test func rowsOfASingleNumberAreThatNumber() throws {
    let folder = try TemporaryFolder()
    try SafetensorsFile.write(["a": Tensor(2.5)], to: folder.path("a"))
    let array = try SafetensorsFile(folder.path("a")).array("a")
    #expect(try array.tensor(rows: 0..<1) == Tensor(2.5))
    #expect(throws: FileError.self) { try array.tensor(rows: 0..<2) }
  }

  // MARK: Bombs

  /// A gzip member of zeros: a deflate stream of one block that repeats its first byte, 258 at a time.
  private static func zeros(count: Int) -> (deflated: [UInt8], count: Int) {
    // Fixed codes: literal 0 is 00110000, length 258 is 11000101, distance 1 is 00000, the end is 0000000.
    var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
    let repeats = (count - 1) / 258
    for _ in 0..<repeats { bits += [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0] }
    bits += [0, 0, 0, 0, 0, 0, 0]
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() { bytes[index / 8] |= bit << UInt8(index % 8) }
    return (bytes, 1 + repeats * 258)
  }

  private static func inflated(_ bytes: [UInt8], count: Int) throws -> Data {
    try bytes.withUnsafeBytes { try Inflate.decompress($0, outputCount: count) }
  }

  @Test func compressedZerosOfMegabytesAreReadAndOfMoreRefused() throws {
    let (small, smallCount) = Self.zeros(count: 1 << 20)
    #expect(try Self.inflated(small, count: smallCount).count == smallCount)
    // 155 times as large as the file: refused before memory is taken for it.
    let (large, largeCount) = Self.zeros(count: 70_000_000)
    let problem = #expect(throws: Inflate.Problem.self) { try Self.inflated(large, count: largeCount) }
    #expect(problem?.description.contains("cannot hold") ?? false)
    let trailer =
      [UInt8](repeating: 0, count: 4) + (0..<4).map { UInt8(truncatingIfNeeded: largeCount >> (8 * $0)) }
    #expect(throws: Gzip.Problem.self) {
      try Gzip.decompress([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + large + trailer)
    }
  }

  @Test func valuesOfAJSONFileAreCounted() throws {
    let bytes = Array("[1,[2,{\"a\":3}],4]".utf8)
    #expect(throws: Never.self) { try JSONReader.read(bytes, maximumCount: 7) }
    let problem = #expect(throws: JSONReader.Problem.self) { try JSONReader.read(bytes, maximumCount: 6) }
    #expect(problem?.description.contains("more than 6 values") ?? false)
  }

  @Test func largeFilesAreNotReadWhole() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([], to: "sparse")
    #expect(truncate(path, 1 << 40) == 0)
    let error = #expect(throws: FileError.self) { try readFile(path, maximumBytes: 1 << 20) }
    #expect(error?.description.hasSuffix("it has 1099511627776 bytes, expected at most 1048576.") ?? false)
  }

  /// A terabyte that takes no room on the disk.
  @Test func arraysLargerThanMemoryAreRefused() throws {
    let folder = try TemporaryFolder()
    let header = #"{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}"#
    let path = try folder.write(Self.safetensors(header), to: "a")
    #expect(truncate(path, off_t(8 + header.utf8.count) + 1 << 40) == 0)
    let file = try SafetensorsFile(path)
    let error = #expect(throws: FileError.self) { try file.tensor(named: "a") }
    #expect(
      error?.description.contains("array \"a\": it takes 4.0 TiB of memory, this process may use") ?? false)
    #expect(throws: FileError.self) { try file.indices(named: "a") }
    #expect(throws: FileError.self) { try file.bytes(named: "a") }
    #expect(try file.array("a").tensor(rows: 7..<9) == .zeros([2]))
  }

  @Test func pipesAreNotWaitedFor() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    let error = #expect(throws: FileError.self) { try SafetensorsFile(folder.path("pipe")) }
    #expect(error?.description.hasSuffix("it is not a file.") ?? false)
  }

  // MARK: Messages

  static let odd = "a\u{1B}[31m\nb\r\u{7F}\u{9B}2J\u{202E}c\u{2066}\u{2028}\u{200B}\u{FEFF}\t\u{0}"

  /// Whether a terminal shows it as one line and obeys nothing in it.
  private static func isPlain(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
      switch $0.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    } && text.utf8.count <= 4096
  }

  @Test func charactersThatATerminalObeysAreEscaped() {
    #expect(
      Self.odd.oneLine()
        == #"a\u{1B}[31m\nb\r\u{7F}\u{9B}2J\u{202E}c\u{2066}\u{2028}\u{200B}\u{FEFF}\t\u{0}"#)
    let kept = "Grüße, 日本語 \u{1F469}\u{200D}\u{1F4BB} e\u{301} نیم\u{200C}فاصله"
    #expect(kept.oneLine() == kept)
  }

  @Test func longTextsKeepTheirEnds() {
    let long = "start" + String(repeating: "x", count: 1_000_000) + "end"
    let line = long.oneLine(limit: 90)
    #expect(
      line == "start" + String(repeating: "x", count: 55) + " ... (999918 characters left out) ... "
        + String(repeating: "x", count: 27) + "end")
    #expect((0..<12).map(String.init).listed(limit: 3) == "0, 1, 2 and 9 more")
    #expect(["a", "b"].listed() == "a, b")
  }

  @Test func everyErrorIsOneLine() {
    let odd = Self.odd + String(repeating: "\u{1B}", count: 1 << 20)
    let errors: [any Error] = [
      FileError(.unreadable, odd, odd), FileError(.unwritable, odd, odd),
      FileError(.malformed, odd, odd), FileError(.missing, odd, "array named \"\(odd)\""),
      FileError(.unsupported, odd, "array \"\(odd)\": \(odd)"),
    ]
    for error in errors {
      #expect(Self.isPlain("\(error)"))
      #expect(error.localizedDescription == "\(error)")
    }
  }

  @Test func namesOfAFileAreEscapedInItsErrors() throws {
    let folder = try TemporaryFolder()
    let name = #"x\u001b[2J\n\u202e"#
    let path = try folder.write(
      Self.safetensors(#"{"\#(name)":{"dtype":"\#(name)","shape":[1],"data_offsets":[0,1]}}"#, data: 1),
      to: "a")
    let error = #expect(throws: FileError.self) { try SafetensorsFile(path) }
    #expect(Self.isPlain(error?.description ?? "\n"))
    #expect(error?.description.contains(#"x\u{1B}[2J\n\u{202E}"#) ?? false)
  }

  @Test func reasonsAreTheSystemsWords() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write([1], to: "file")
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return ""
    }
    func write(_ path: String) -> String { message { try SafetensorsFile.write([:], to: path) } }
    #expect(write("") == "Cannot write a file: its path is empty.")
    #expect(
      write(folder.path("none/a")) == "Cannot write \(folder.path("none/a")): No such file or directory.")
    #expect(write(file + "/a") == "Cannot write \(file)/a: Not a directory.")
    #expect(write(folder.path("")) == "Cannot write \(folder.path("")): it is there and is not a file.")
    #expect(message { _ = try SafetensorsFile("") } == "Cannot read a file: its path is empty.")
    #expect(message { try copyFile(folder.path("none"), to: file) }.hasSuffix("No such file or directory."))
    #expect(try folder.contents() == ["file"])
  }

  // MARK: Memory

  @Test func memoryHasALimit() {
    #expect(SystemMemory.limit > 1 << 28)
    #expect(SystemMemory.words(1023) == "1023 bytes" && SystemMemory.words(3 << 29) == "1.5 GiB")
  }
}
