import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct NumPyFileTests {
  private let counting = Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3])

  @Test func readsOrdersAndTypes() throws {
    #expect(try NPYFile.tensor(fixture("files/row_major.npy")) == counting)
    #expect(try NPYFile.tensor(fixture("files/bfloat16.npy")) == counting)
    #expect(try NPYFile.tensor(fixture("files/scalar.npy")) == Tensor(2.5))
    let expected = Tensor.arange(0, 24).reshape([2, 3, 4])
    #expect(try NPYFile.tensor(fixture("files/column_major.npy")) == expected)
    let indices = try NPYFile.indices(fixture("files/column_major.npy"))
    #expect(indices.values == (0..<24).map { Int32($0) } && indices.shape == [2, 3, 4])
  }

  @Test(arguments: ["big_endian", "text"])
  func refusesUnsupportedTypes(name: String) throws {
    let path = fixture("files/\(name).npy")
    let error = try #require(throws: FileError.self) { try NPYFile.tensor(path) }
    #expect(error.kind == .unsupported, "\(error)")
  }

  @Test(arguments: [ElementType.float64, .float32, .float16, .bfloat16])
  func writesWhatItReads(type: ElementType) throws {
    let folder = try TemporaryFolder()
    for tensor in [counting.transpose(0, 1), Tensor(3), Tensor([1, 2]), Tensor.zeros([2, 0, 3])] {
      try NPYFile.write(tensor, to: folder.path("a.npy"), as: type)
      #expect(try NPYFile.tensor(folder.path("a.npy")) == tensor)
    }
    let tensors = ["a/b": counting, "c": Tensor(-1)]
    try NPZFile.write(tensors, to: folder.path("a.npz"), as: type)
    #expect(try NPZFile(folder.path("a.npz")).tensors() == tensors)
  }

  @Test func writesTheHeaderThatNumPyWrites() throws {
    let folder = try TemporaryFolder()
    try NPYFile.write(counting, to: folder.path("a.npy"))
    let written = try Data(contentsOf: URL(fileURLWithPath: folder.path("a.npy")))
    #expect(written == (try Data(contentsOf: URL(fileURLWithPath: fixture("files/row_major.npy")))))
  }

  @Test(arguments: ["stored", "deflated"])
  func readsArchives(name: String) throws {
    let file = try NPZFile(fixture("files/\(name).npz"))
    #expect(
      Set(file.names)
        == ["params/kernel", "params/bias", "flags", "half", "counting", "noise", "zeros"])
    for name in ["params/kernel", "params/bias", "half"] {
      #expect(try file.tensor(named: name) == counting)
    }
    #expect(try file.tensor(named: "flags") == Tensor([1, 0, 1, 0, 1, 0], shape: [2, 3]))
    #expect(try file.tensor(named: "zeros") == Tensor.zeros([3, 1000]))
    #expect(try file.indices(named: "counting").values == (0..<4000).map { Int32($0 / 3 % 50) })
    let noise = try file.bytes(named: "noise")
    #expect(noise == (try NPZFile(fixture("files/stored.npz")).bytes(named: "noise")) && noise.count == 300)
    #expect(try file.entry(named: "counting")?.elementType == .int32)
    #expect(try file.entry(named: "none") == nil)
    #expect(throws: FileError(.missing, file.path, "array named \"none\"")) {
      try file.tensor(named: "none")
    }
  }
}

@Suite struct DamagedNumPyFileTests {
  private static func file(_ header: String, data: Int = 24, version: UInt8 = 1) -> [UInt8] {
    [0x93] + Array("NUMPY".utf8) + [version, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + Array(repeating: 0, count: data)
  }

  static let damaged: [(bytes: [UInt8], words: String)] = [
    ([], "npy file"),
    (Array("NUMPY.....".utf8), "npy file"),
    (file("{}", version: 4), "version 4"),
    (Array(file("{}", data: 0)[..<11]), "should take 2 bytes"),
    (file("{}"), "missing"),
    (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)"), "expected ','"),
    (file("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}"), "expected 'False'"),
    (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}"), "expected a size"),
    (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x"), "unexpected text"),
    (file("{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3)}"), "occurs twice"),
    (file("{'descr': '<f4', 'extra': '<f4', 'shape': (2, 3)}"), "unknown entry 'extra'"),
    (file("{'descr': '<f4"), "does not end"),
    (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", data: 23), "takes 24 bytes, found 23"),
    (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", data: 25), "takes 24 bytes, found 25"),
    (
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
      "impossible"
    ),
    (
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}"),
      "impossible"
    ),
  ]

  @Test(arguments: damaged.indices)
  func refuses(index: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.damaged[index].bytes, to: "damaged.npy")
    let error = try #require(throws: FileError.self) { try NPYFile.tensor(path) }
    #expect(error.description.contains(Self.damaged[index].words), "\(error)")
  }

  /// An archive cut anywhere, or with any byte changed, must give an error or the right arrays: never a crash.
  @Test(arguments: ["stored", "deflated"])
  func survivesDamage(name: String) throws {
    let path = fixture("files/\(name).npz")
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let expected = try NPZFile(path).tensors()
    let folder = try TemporaryFolder()
    for count in stride(from: 0, to: whole.count, by: whole.count / 40) {
      let cut = try folder.write(Array(whole[..<count]), to: "cut.npz")
      #expect(throws: FileError.self) { try NPZFile(cut) }
    }
    for position in stride(from: 0, to: whole.count, by: whole.count / 300) {
      var changed = whole
      changed[position] ^= 1 << UInt8(position % 8)
      let changedPath = try folder.write(changed, to: "changed.npz")
      do {
        let tensors = try NPZFile(changedPath).tensors()
        for (name, tensor) in tensors where expected[name] != nil { #expect(tensor == expected[name]) }
      } catch is FileError {}
    }
  }

  @Test func refusesFalseSizes() throws {
    // The directory entry claims 2^31 bytes out of a few: refused before anything is allocated.
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("files/deflated.npz"))))
    let directory = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    bytes.replaceSubrange(directory + 24..<directory + 28, with: [0, 0, 0, 0x80])
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "bomb.npz")
    let error = try #require(throws: FileError.self) { try NPZFile(path) }
    #expect(error.description.contains("cannot hold"))
  }
}
