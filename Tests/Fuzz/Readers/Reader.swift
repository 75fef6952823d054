import Foundation
import Tensor
import TestSupport

/// What a reader is given: a file, or the files of a folder.
struct Input {
  var files: [(name: String, bytes: [UInt8])]

  init(_ files: [(name: String, bytes: [UInt8])]) { self.files = files }

  /// One file.
  init(_ name: String, _ bytes: [UInt8]) { files = [(name, bytes)] }
}

/// An input on its way through a reader.
struct Sample {
  let input: Input
  /// A folder that holds the input's files.
  let folder: String
  /// Its number.
  let index: Int
  /// For choices of how what was read is used.
  var dice: Dice

  /// The first file.
  var bytes: [UInt8] { input.files.first?.bytes ?? [] }
  /// Where the first file is.
  var path: String { folder + "/" + (input.files.first?.name ?? "") }
  /// Refusals of parts of the input, beside the one that `read` throws.
  var refusals: [any Error] = []

  /// Does something that may be refused and is not the last thing to be tried.
  mutating func attempt(_ body: () throws -> Void) {
    do { try body() } catch { refusals.append(error) }
  }
}

/// Something that reads files: where its inputs come from, and what is done with them.
struct Reader: Sendable {
  let name: String
  /// How many inputs it gets, relative to the others.
  let share: Int
  /// Whether the files must be on disk.
  var isOnDisk = true
  /// Which files are changed.
  var changes: @Sendable (String) -> Bool = { _ in true }
  /// Inputs that are right.
  let seeds: @Sendable () throws -> [Input]
  /// Reads an input and uses what it gets; throws what the library throws.
  let read: @Sendable (inout Sample) throws -> Void

  static let all =
    arrayReaders + textReaders + imageReaders + checkpointReaders + stateReaders + dataReaders
    + exampleReaders

  /// The input of a number, the same for the same seed.
  func input(_ index: Int, seed: UInt64, from seeds: [Input]) -> (Input, Dice) {
    var dice = Dice(seed: seed, reader: name, index: index)
    var input = dice.pick(seeds)
    // Now and then a file as it is shows that the seeds are right.
    if dice.once(in: 64) { return (input, dice) }
    let donor = dice.pick(seeds)
    let changed = input.files.indices.filter { changes(input.files[$0].name) }
    for _ in 0..<(dice.once(in: 8) ? 2 : 1) {
      let place = dice.pick(changed)
      let name = input.files[place].name
      let end = name.split(separator: ".").last
      let other = donor.files.first { $0.name.split(separator: ".").last == end }?.bytes ?? []
      if input.files.count > 1 && dice.once(in: 24) {
        input.files[place].bytes = dice.once(in: 2) ? other : dice.pick(input.files).bytes
      } else {
        Formats.mutate(&input.files[place].bytes, of: name, &dice, donor: other)
      }
    }
    if input.files.count > 1 && dice.once(in: 40) { input.files.remove(at: dice.below(input.files.count)) }
    return (input, dice)
  }
}

/// Reads each part of the values once, so that what was not checked shows.
func use(_ tensor: Tensor) {
  _ = tensor.sum().item()
  if tensor.count > 0 { _ = tensor.max().item() }
  _ = tensor.contiguous().scalars.last
  _ = tensor.count < 100 ? tensor.description : ""
}

enum Seeds {
  /// A file of the fixtures, under its own name or another one.
  static func fixture(_ path: String, as name: String? = nil) throws -> Input {
    try Input(name ?? String(path.split(separator: "/").last ?? ""), bytes(TestSupport.fixture(path)))
  }

  /// A folder of the fixtures without what tests compare with.
  static func folder(_ path: String) throws -> Input {
    let folder = TestSupport.fixture(path)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0 != "expected.safetensors" && $0 != "gradient.safetensors" }
    return Input(try names.map { ($0, try bytes(folder + "/" + $0)) })
  }

  /// Files that the fixtures hold as arrays of bytes.
  static func packed(in path: String, where isWanted: (String) -> Bool) throws -> [(
    name: String, bytes: [UInt8]
  )] {
    let file = try SafetensorsFile(TestSupport.fixture(path))
    return try file.names.filter(isWanted).sorted().map { ($0, try file.bytes(named: $0)) }
  }

  /// What a function writes to a path.
  static func written(_ name: String, _ write: (String) throws -> Void) throws -> Input {
    let path = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString + "-" + name
    defer { try? FileManager.default.removeItem(atPath: path) }
    try write(path)
    return try Input(name, bytes(path))
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
  }
}
