import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  private let counting = Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3])

  @Test(arguments: ElementType.allCases)
  func readsEveryElementType(type: ElementType) throws {
    let file = try SafetensorsFile(fixture("files/types.safetensors"))
    let entry = try #require(file[type.rawValue])
    #expect(entry.elementType == type && entry.shape == [2, 3])
    let expected = type == .bool ? Tensor([0, 1, 1, 1, 1, 1], shape: [2, 3]) : counting
    #expect(try file.tensor(named: type.rawValue) == expected)
    if type.isInteger {
      #expect(try file.indices(named: type.rawValue).values == expected.scalars.map { Int32($0) })
    } else {
      #expect(throws: FileError.self) { try file.indices(named: type.rawValue) }
    }
  }

  @Test func readsHalfPrecisionExactly() throws {
    let file = try SafetensorsFile(fixture("files/types.safetensors"))
    let half = try file.tensor(named: "special.F16").scalars
    #expect(half.map(\.bitPattern) == (try file.tensor(named: "special.F32").scalars.map(\.bitPattern)))
    let brain = try file.tensor(named: "special.BF16").scalars
    let expected: [Float] = [-0.0, 0.333984375, -65536, 0x1p-24, -0x1p-15, .infinity, -.infinity]
    #expect(brain.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test func readsMetadataNamesAndOddShapes() throws {
    let file = try SafetensorsFile(fixture("files/types.safetensors"))
    #expect(file.metadata == ["format": "pt", "note": "a \"b\" \\ ü"])
    #expect(try file.tensor(named: "scalar") == Tensor(2.5))
    #expect(try file.tensor(named: "empty").shape == [3, 0])
    #expect(try file.bytes(named: "naïve \"name\"\\ with\ttab") == [7])
    #expect(try file.tensors().count == file.names.count)
    #expect(throws: FileError(.missing, file.path, "array named \"none\"")) {
      try file.tensor(named: "none")
    }
    #expect(throws: FileError.self) { try file.indices(named: "wide") }
    #expect(try file.tensor(named: "wide") == Tensor([0x1p31]))
  }

  @Test(arguments: [ElementType.float64, .float32, .float16, .bfloat16])
  func writesWhatItReads(type: ElementType) throws {
    let folder = try TemporaryFolder()
    let tensors = [
      "b": counting.transpose(0, 1), "a\n\"\\é": Tensor(-1.5), "z": Tensor.zeros([0, 4]),
    ]
    let path = folder.path("model.safetensors")
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
    try SafetensorsFile.write(tensors, to: path, metadata: ["k\u{1}": "v"], as: type)
    let file = try SafetensorsFile(path)
    #expect(try file.tensors() == tensors)
    #expect(file.metadata == ["k\u{1}": "v"])
    #expect(file.names.allSatisfy { file[$0]?.elementType == type })
    #expect(try folder.contents() == ["model.safetensors"])
  }

  @Test func writesIntegersAndBytesAligned() throws {
    let folder = try TemporaryFolder()
    var writer = SafetensorsWriter()
    writer.add(bytes: [9, 8, 7], shape: [3, 1], named: "bytes")
    writer.add(IndexTensor([-1, 1 << 30], shape: [2]), named: "indices")
    writer.add(Tensor([1, 2, 3]), named: "half", as: .float16)
    let path = folder.path("mixed.safetensors")
    try writer.write(to: path)
    let file = try SafetensorsFile(path)
    #expect(file.names == ["indices", "half", "bytes"])
    #expect(try file.indices(named: "indices") == IndexTensor([-1, 1 << 30], shape: [2]))
    #expect(try file.bytes(named: "bytes") == [9, 8, 7])
    #expect(try file.tensor(named: "half") == Tensor([1, 2, 3]))
    let start = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8).first ?? 1
    #expect(start % 8 == 0)
  }

  @Test func reportsWhatCannotBeWritten() throws {
    let folder = try TemporaryFolder()
    #expect(throws: FileError.self) {
      try SafetensorsFile.write([:], to: folder.path("no/such/folder.safetensors"))
    }
    try FileManager.default.createDirectory(atPath: folder.path("taken"), withIntermediateDirectories: false)
    #expect(throws: FileError.self) { try SafetensorsFile.write([:], to: folder.path("taken")) }
    #expect(try folder.contents() == ["taken"])
  }

  /// Rounding to 16 bits is to nearest, ties to even: checked at the ends, ties and neighbours.
  @Test func roundsToHalfPrecision() {
    let cases: [(Float, UInt16)] = [
      (1, 0x3C00), (-2, 0xC000), (65504, 0x7BFF), (65519.996, 0x7BFF), (65520, 0x7C00), (-.infinity, 0xFC00),
      (1 + 0x1p-11, 0x3C00), (1 + 0x3p-11, 0x3C02), (0x1p-14, 0x0400), (0x1p-24, 0x0001), (0x1p-25, 0),
      (0x1.8p-25, 0x0001), (0x1.FFFp-15, 0x0400), (-0.0, 0x8000),
    ]
    for (value, bits) in cases { #expect(HalfPrecision.half(value) == bits, "\(value)") }
    for bits in UInt16.min...UInt16.max where bits & 0x7C00 != 0x7C00 || bits & 0x3FF == 0 {
      if HalfPrecision.half(HalfPrecision.float(half: bits)) != bits { Issue.record("half \(bits)") }
      if HalfPrecision.brain(HalfPrecision.float(brain: bits)) != bits { Issue.record("brain \(bits)") }
    }
    #expect(HalfPrecision.float(half: HalfPrecision.half(.nan)).isNaN)
    #expect(HalfPrecision.float(brain: HalfPrecision.brain(.nan)).isNaN)
    #expect(HalfPrecision.brain(1 + 0x1p-8) == 0x3F80 && HalfPrecision.brain(1 + 0x3p-8) == 0x3F82)
  }
}

@Suite struct DamagedSafetensorsTests {
  /// A file with the given header and data.
  private static func file(_ header: String, data: Int = 8) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
      + Array(repeating: 0, count: data)
  }

  private static func entry(_ shape: String, _ offsets: String, _ type: String = "F32") -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  /// Contents, and words of the sentence that must come out.
  static let damaged: [(bytes: [UInt8], words: String)] = [
    ([], "0 bytes"),
    ([1, 2, 3], "3 bytes"),
    ([255, 255, 255, 255, 255, 255, 255, 255], "18446744073709551615 bytes"),
    ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "9 bytes"),
    ([0, 0, 0, 0, 0, 0, 0, 0], "start with '{'"),
    (file("[]"), "start with '{'"),
    (file("{"), "expected '\"'"),
    (file(#"{"a"}"#), "expected ':'"),
    (file("{} x", data: 0), "unexpected text"),
    ([4, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22], "UTF-8"),
    (file(#"{"a":"# + String(repeating: "[", count: 100_000)), "nested"),
    (file(#"{"a":{"b":\u0041}}"#), "expected a value"),
    (file(#"{"\ud800":1}"#), "surrogate"),
    (file(#"{"a":1}"#), "not a JSON object"),
    (file(#"{"__metadata__":{"a":1}}"#), "not a string"),
    (file(#"{"a":{"dtype":"F32","shape":[2]}}"#), "data_offsets"),
    (file(#"{"a":\#(entry("[2]", "[0,8]")),"a":\#(entry("[2]", "[0,8]"))}"#), "occurs twice"),
    (file(#"{"a":\#(entry("[2]", "[0,8]", "F4"))}"#), "F4"),
    (file(#"{"a":\#(entry("[2.0]", "[0,8]"))}"#), "exactly dtype"),
    (file(#"{"a":\#(entry("[2]", "[0,8,9]"))}"#), "exactly dtype"),
    (file(#"{"a":\#(entry("[-2]", "[0,8]"))}"#), "shape [-2]"),
    (file(#"{"a":\#(entry("[4294967296,4294967296]", "[0,8]"))}"#), "impossible shape"),
    (file(#"{"a":\#(entry("[4611686018427387904]", "[0,8]"))}"#), "impossible shape"),
    (file(#"{"a":\#(entry("[99999999999999999999]", "[0,8]"))}"#), "exactly dtype"),
    (file(#"{"a":\#(entry("[3]", "[0,8]"))}"#), "does not take the 8 bytes"),
    (file(#"{"a":\#(entry("[2]", "[8,0]"))}"#), "impossible data_offsets"),
    (file(#"{"a":\#(entry("[2]", "[-8,0]"))}"#), "impossible data_offsets"),
    (file(#"{"a":\#(entry("[2]", "[0,8]")),"b":\#(entry("[1]", "[4,8]"))}"#), "overlaps"),
    (file(#"{"a":\#(entry("[1]", "[4,8]"))}"#), "hole"),
    (file(#"{"a":\#(entry("[2]", "[0,8]"))}"#, data: 7), "take 8 bytes, but the file holds 7"),
    (file(#"{"a":\#(entry("[2]", "[0,8]"))}"#, data: 9), "take 8 bytes, but the file holds 9"),
  ]

  @Test(arguments: damaged.indices)
  func refuses(index: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.damaged[index].bytes, to: "damaged.safetensors")
    let error = try #require(throws: FileError.self) { try SafetensorsFile(path) }
    #expect(error.kind == .malformed && error.path == path, "\(error)")
    #expect(error.description.contains(Self.damaged[index].words))
  }

  @Test func refusesEveryTruncation() throws {
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("files/types.safetensors"))))
    let folder = try TemporaryFolder()
    for count in stride(from: 0, to: whole.count, by: 37) {
      let path = try folder.write(Array(whole[..<count]), to: "cut.safetensors")
      #expect(throws: FileError.self) { try SafetensorsFile(path) }
    }
  }

  @Test func refusesMissingFilesAndFolders() throws {
    let folder = try TemporaryFolder()
    for path in [folder.path("none"), folder.path("")] {
      let error = try #require(throws: FileError.self) { try SafetensorsFile(path) }
      #expect(error.kind == .unreadable, "\(error)")
    }
  }

  @Test func refusesMoreAxesThanTensorsHave() throws {
    let folder = try TemporaryFolder()
    let header = #"{"a":\#(Self.entry("[1,1,1,1,1,1,1,1,2]", "[0,8]"))}"#
    let file = try SafetensorsFile(folder.write(Self.file(header), to: "axes.safetensors"))
    #expect(throws: FileError.self) { try file.tensor(named: "a") }
    #expect(try file.bytes(named: "a").count == 8)
  }
}
