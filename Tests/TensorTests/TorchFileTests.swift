import Foundation
import Tensor
import TestSupport
import Testing

/// Files of PyTorch, and what pretends to be one.
@Suite struct TorchFileTests {
  @Test(arguments: ["state", "training", "script"])
  func tensorsAreThoseOfPyTorch(_ name: String) throws {
    let file = try TorchFile(fixture("torch_files/\(name).pt"))
    let expected = try SafetensorsFile(
      fixture("torch_files/\(name == "training" ? "state" : name).safetensors"))
    #expect(Set(file.names) == Set(expected.names) && file.names.count == expected.names.count)
    for name in expected.names {
      let (entry, wanted) = (try #require(file.entry(named: name)), try #require(expected[name]))
      #expect(entry.elementType == wanted.elementType && entry.shape == Array(wanted.shape), "\(name)")
      #expect(try file.tensor(named: name) == expected.tensor(named: name), "\(name)")
    }
    #expect(file.entry(named: "nothing") == nil)
    #expect(throws: FileError.self) { try file.tensor(named: "nothing") }
    #expect(try file.tensors().count == expected.names.count)
  }

  @Test func functionsAreRefusedByName() throws {
    let error = #expect(throws: FileError.self) { try TorchFile(fixture("torch_files/system.pt")) }
    #expect(error?.description.contains("it asks for posix.system, which is not run") ?? false, "\(error!)")
    let legacy = #expect(throws: FileError.self) { try TorchFile(fixture("torch_files/legacy.pt")) }
    #expect(legacy?.description.contains("the format of PyTorch before 1.6") ?? false)
  }

  /// A pickle, in text with the instructions' letters, and why it is refused.
  @Test(arguments: [
    ("cbuiltins\neval\n(X\u{4}\u{0}\u{0}\u{0}1+1.tR.", "it asks for builtins.eval, which is not run"),
    ("cos\nsystem\n.", "it asks for os.system"),
    ("}X\u{1}\u{0}\u{0}\u{0}aios\nsystem\n", "the instruction 105"),
    ("N.", "it holds no dictionary of tensors"), (".", "takes what is not there"), ("", "ends in the middle"),
    ("}(NN", "ends in the middle"), ("}NNNu.", "takes what is not there"),
    ("h\u{5}.", "recalls what it did not remember"),
    ("NN\u{85}R.", "calls what is no function"), ("]N}s.", "adds to what is no dictionary"),
    ("X\u{FF}\u{FF}\u{FF}\u{7F}", "ends in the middle"),
    ("ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"),
    ("c__torch__.A\nB\n)R.", "calls what is no function"), ("NQ.", "another value where a list is expected"),
    ("X\u{1}\u{0}\u{0}\u{0}aX\u{1}\u{0}\u{0}\u{0}b\u{93}.", "it asks for a.b"),
    ("\u{80}\u{5}.", "of protocol 5, expected 2 to 4"), ("\u{8A}\u{9}123456789.", "too large a number"),
    ("]q\u{1}h\u{1}ah\u{1}ctorch._utils\n_rebuild_parameter\nh\u{1}R.", "a parameter that is no tensor"),
  ])
  func hostilePickles(_ program: String, _ problem: String) throws {
    let folder = try TemporaryFolder()
    let bytes = program.unicodeScalars.map { UInt8($0.value) }
    let path = try folder.write(Self.archive(["a/data.pkl": bytes]), to: "x.pt")
    let error = #expect(throws: FileError.self) { try TorchFile(path) }
    #expect(error?.description.contains(problem) ?? false, "\(error!)")
    #expect(!(error?.description.contains("\n") ?? true))
  }

  /// Nesting a million deep, a dictionary in itself, and one that is everywhere in another, thirty times over.
  @Test func deepNestingTakesNoStackAndNoTime() throws {
    let folder = try TemporaryFolder()
    func refusal(_ pickle: [UInt8]) throws -> String {
      let path = try folder.write(Self.archive(["a/data.pkl": pickle]), to: "deep.pt")
      do {
        return "\(try TorchFile(path).names.count) names"
      } catch let error as FileError { return error.description }
    }
    let tuples = [UInt8](repeating: 0x85, count: 1_000_000)
    #expect(try refusal(Array("N".utf8) + tuples + Array(".".utf8)).contains("no dictionary"))
    let lists = [UInt8](repeating: UInt8(ascii: "]"), count: 500_000)
    let appends = [UInt8](repeating: UInt8(ascii: "a"), count: 499_999)
    #expect(try refusal(lists + appends + Array(".".utf8)).contains("no dictionary"))
    func text(_ name: String) -> [UInt8] {
      Array("X".utf8) + [UInt8(name.count), 0, 0, 0] + Array(name.utf8)
    }
    let endless = Array("}q\u{1}".utf8) + text("a") + Array("h\u{1}s.".utf8)
    #expect(try refusal(endless).contains("more than 64 deep"))
    var bomb: [UInt8] = Array("}q\0".utf8)
    for level in 1...30 {
      // A dictionary whose two members are both the one before.
      bomb += Array("}".utf8) + text("a") + Array("h".utf8) + [UInt8(level - 1)] + Array("s".utf8)
      bomb += text("b") + Array("h".utf8) + [UInt8(level - 1)] + Array("s".utf8)
      bomb += Array("q".utf8) + [UInt8(level)]
    }
    #expect(try refusal(bomb + Array(".".utf8)).contains("holds more than"))
    let long = Array("}X".utf8) + [0, 8, 0, 0] + [UInt8](repeating: 97, count: 2048) + Array("Ns.".utf8)
    #expect(try refusal(long).contains("a name of more than 1024 bytes"))
  }

  /// A tensor of a storage of four numbers, with an offset, sizes and strides.
  @Test(arguments: [
    (0, [4], [1], ""), (1, [3], [1], ""), (0, [2, 2], [1, 2], ""), (3, [0], [1], ""), (0, [], [], ""),
    (1, [4], [1], "reaches element 4 of a storage of 4"),
    (0, [2, 3], [3, 1], "has 6 elements of a storage of 4"),
    (0, [1 << 20, 1 << 20], [0, 0], "elements of a storage of 4"), (-1, [2], [1], "strides [1] from -1 on"),
    (0, [2], [-1], "strides [-1]"), (0, [2], [1 << 62], "reaches element"), (0, [2, 2], [1], "strides [1]"),
    (0, [-2], [1], "impossible shape"), (0, [3, 2], [1 << 62, 1 << 62], "elements of a storage"),
    (0, [1, 3], [1, 1 << 62], "strides"), (5, [0], [1], "reaches element"),
  ])
  func viewsLieInTheirStorage(_ offset: Int, _ sizes: [Int], _ strides: [Int], _ problem: String) throws {
    func integer(_ value: Int) -> [UInt8] {
      [0x8A, 8] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func tuple(_ values: [Int]) -> [UInt8] { Array("(".utf8) + values.flatMap(integer) + Array("t".utf8) }
    func text(_ name: String) -> [UInt8] {
      Array("X".utf8) + [UInt8(name.count), 0, 0, 0] + Array(name.utf8)
    }
    var pickle = Array("}".utf8) + text("x") + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
    pickle += text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu") + integer(4)
    pickle +=
      Array("tQ".utf8) + integer(offset) + tuple(sizes) + tuple(strides)
      + Array("\u{89}NtRs.".unicodeScalars.map { UInt8($0.value) })
    let folder = try TemporaryFolder()
    let numbers: [Float] = [1, 2, 3, 4]
    let path = try folder.write(
      Self.archive(["a/data.pkl": pickle, "a/data/0": numbers.withUnsafeBytes { Array($0) }]), to: "x.pt")
    if problem.isEmpty {
      let tensor = try TorchFile(path).tensor(named: "x")
      #expect(Array(tensor.shape) == sizes)
      let wanted: [Float] =
        sizes == [2, 2] ? [1, 3, 2, 4] : Array(numbers.dropFirst(offset).prefix(sizes.reduce(1, *)))
      #expect(tensor.scalars == wanted)
    } else {
      let error = #expect(throws: FileError.self) { try TorchFile(path) }
      #expect(error?.description.contains(problem) ?? false, "\(error!)")
    }
  }

  @Test func archivesThatDoNotFit() throws {
    let folder = try TemporaryFolder()
    func refusal(_ archive: [UInt8]) throws -> String {
      let path = try folder.write(archive, to: "x.pt")
      return #expect(throws: FileError.self) { try TorchFile(path) }?.description ?? ""
    }
    #expect(try refusal(Array("not an archive".utf8)).contains("not a ZIP archive"))
    #expect(try refusal(Self.archive(["a/other": [1]])).contains("0 files named data.pkl"))
    let pickle = Array("}.".utf8)
    #expect(
      try refusal(Self.archive(["a/data.pkl": pickle, "b/data.pkl": pickle])).contains("2 files named"))
    #expect(
      try refusal(Self.archive(["a/data.pkl": pickle, "a/byteorder": Array("big".utf8)]))
        .contains("byte order is \"big\""))
    // Two entries of the directory for the same bytes.
    #expect(
      try refusal(Self.archive(["a/data.pkl": pickle, "a/data/0": [1, 2, 3]], overlapping: true)).contains(
        "overlap"))
  }

  /// A ZIP archive of stored files.
  private static func archive(_ files: [String: [UInt8]], overlapping: Bool = false) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var (body, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let text = Array(name.utf8)
      var fields: [UInt8] = [0, 0, 0, 0, 0, 0, 0x21, 0]
      for number in [Int(checksum(bytes)), bytes.count, bytes.count] { fields += little(number, 4) }
      fields += little(text.count, 2)
      fields += [0, 0]
      directory += little(0x0201_4B50, 4)
      directory += [20, 0, 20, 0]
      directory += fields
      directory += [UInt8](repeating: 0, count: 10)
      directory += little(overlapping ? 0 : body.count, 4)
      directory += text
      body += little(0x0403_4B50, 4)
      body += [20, 0]
      body += fields
      body += text
      body += bytes
    }
    var end = little(0x0605_4B50, 4)
    end += [0, 0, 0, 0]
    for (number, width) in [(files.count, 2), (files.count, 2), (directory.count, 4), (body.count, 4)] {
      end += little(number, width)
    }
    end += [0, 0]
    return body + directory + end
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
    }
    return ~crc
  }
}
