import Foundation

/// The files inside a ZIP archive, stored or deflated; archives with 64-bit sizes can be read.
struct ZipArchive: Sendable {
  /// What is wrong with the archive.
  struct Problem: Error {
    let description: String
    init(_ description: String) { self.description = description }
  }

  struct Entry: Sendable {
    let name: String
    let method: Int
    let checksum: UInt32
    let compressedCount: Int
    let count: Int
    let offset: Int
    /// Whether the contents are not compressed.
    var isStored: Bool { method == 0 }
  }

  static let endSignature = 0x0605_4B50
  static let end64Signature = 0x0606_4B50
  static let locator64Signature = 0x0706_4B50
  static let centralSignature = 0x0201_4B50
  static let localSignature = 0x0403_4B50

  let entries: [Entry]
  private let reader: LittleEndianReader

  /// Reads the directory at the end of the archive.
  init(_ contents: Data) throws {
    reader = LittleEndianReader(contents)
    // The end record is 22 bytes and a comment of at most 65,535.
    let earliest = max(0, contents.count - 22 - 65_535)
    var end = contents.count - 22
    while end >= earliest, try reader.integer(at: end, bytes: 4) != Self.endSignature { end -= 1 }
    guard end >= earliest else { throw Problem("it has no end record: it is cut off or not a ZIP archive") }
    var number = try reader.integer(at: end + 10, bytes: 2)
    var size = try reader.integer(at: end + 12, bytes: 4)
    var position = try reader.integer(at: end + 16, bytes: 4)
    if end >= 20, try reader.integer(at: end - 20, bytes: 4) == Self.locator64Signature {
      let end64 = try reader.integer(at: end - 12, bytes: 8)
      guard try reader.integer(at: end64, bytes: 4) == Self.end64Signature else {
        throw Problem("its 64-bit end record is missing")
      }
      number = try reader.integer(at: end64 + 32, bytes: 8)
      size = try reader.integer(at: end64 + 40, bytes: 8)
      position = try reader.integer(at: end64 + 48, bytes: 8)
    }
    guard position <= end, size <= end - position, number <= size / 46 else {
      throw Problem("its directory of \(number) entries does not lie inside the file")
    }
    var entries: [Entry] = []
    var names: Set<String> = []
    for _ in 0..<number {
      let (entry, next) = try Self.entry(at: position, reader)
      guard names.insert(entry.name).inserted else { throw Problem("it holds \"\(entry.name)\" twice") }
      entries.append(entry)
      position = next
    }
    // Entries of an honest archive do not share their bytes, so together they hold no more than the file can.
    let total = entries.reduce(0) { $0.addingReportingOverflow($1.count).overflow ? Int.max : $0 + $1.count }
    guard total <= Inflate.allowedCount(from: contents.count) else {
      throw Problem("its \(contents.count) bytes cannot hold the \(total) that its directory claims")
    }
    // Local headers have 30 bytes and the name at least.
    let ordered = entries.sorted { $0.offset < $1.offset }
    for (entry, next) in zip(ordered, ordered.dropFirst())
    where entry.compressedCount > next.offset - entry.offset - 30 - entry.name.utf8.count {
      throw Problem("\"\(entry.name)\" and \"\(next.name)\" overlap")
    }
    self.entries = entries
  }

  private static func entry(at position: Int, _ reader: LittleEndianReader) throws -> (Entry, next: Int) {
    guard try reader.integer(at: position, bytes: 4) == centralSignature else {
      throw Problem("its directory is damaged at byte \(position)")
    }
    let flags = try reader.integer(at: position + 8, bytes: 2)
    let nameCount = try reader.integer(at: position + 28, bytes: 2)
    let extraCount = try reader.integer(at: position + 30, bytes: 2)
    let commentCount = try reader.integer(at: position + 32, bytes: 2)
    guard let name = String(data: try reader.data(at: position + 46, count: nameCount), encoding: .utf8)
    else {
      throw Problem("the name of an entry is not valid UTF-8")
    }
    guard flags & 1 == 0 else { throw Problem("\"\(name)\" is encrypted") }
    var compressedCount = try reader.integer(at: position + 20, bytes: 4)
    var count = try reader.integer(at: position + 24, bytes: 4)
    var offset = try reader.integer(at: position + 42, bytes: 4)
    // A 64-bit extra field holds, in this order, the values whose 32-bit fields are all ones.
    var extra = position + 46 + nameCount
    let extraEnd = extra + extraCount
    while extra + 4 <= extraEnd {
      let kind = try reader.integer(at: extra, bytes: 2)
      let length = try reader.integer(at: extra + 2, bytes: 2)
      if kind == 1 {
        var field = extra + 4
        func widen(_ value: inout Int) throws {
          guard value == 0xFFFF_FFFF else { return }
          guard field + 8 <= extra + 4 + length else {
            throw Problem("\"\(name)\" has a damaged 64-bit size")
          }
          value = try reader.integer(at: field, bytes: 8)
          field += 8
        }
        try widen(&count)
        try widen(&compressedCount)
        try widen(&offset)
      }
      extra += 4 + length
    }
    let entry = Entry(
      name: name, method: try reader.integer(at: position + 10, bytes: 2),
      checksum: UInt32(try reader.integer(at: position + 16, bytes: 4)), compressedCount: compressedCount,
      count: count, offset: offset)
    return (entry, extraEnd + commentCount)
  }

  /// The decompressed bytes of an entry, after comparing their checksum if `verifying`; of a stored entry they are part
  /// of the archive's memory map.
  func contents(of entry: Entry, verifying: Bool = true) throws -> Data {
    guard try reader.integer(at: entry.offset, bytes: 4) == Self.localSignature else {
      throw Problem("\"\(entry.name)\" does not start where the directory says")
    }
    let start =
      try entry.offset + 30 + reader.integer(at: entry.offset + 26, bytes: 2)
      + reader.integer(at: entry.offset + 28, bytes: 2)
    let stored = try reader.data(at: start, count: entry.compressedCount)
    let contents: Data
    switch entry.method {
    case 0:
      guard entry.count == entry.compressedCount else { throw Problem("\"\(entry.name)\" has two sizes") }
      contents = stored
    case 8:
      do {
        contents = try stored.withUnsafeBytes { try Inflate.decompress($0, outputCount: entry.count) }
      } catch let problem as Inflate.Problem {
        throw Problem("\"\(entry.name)\" cannot be decompressed: \(problem.description)")
      }
    default: throw Problem("\"\(entry.name)\" is compressed by method \(entry.method), expected 0 or 8")
    }
    guard !verifying || checksum(contents, isMapped: entry.isStored) == entry.checksum else {
      throw Problem("\"\(entry.name)\" has a wrong checksum")
    }
    return contents
  }
}

/// Bounds-checked access to little-endian fields.
private struct LittleEndianReader: Sendable {
  private let contents: Data

  init(_ contents: Data) { self.contents = contents }

  /// An unsigned integer; one too large for `Int` is a problem of the file as well.
  func integer(at position: Int, bytes: Int) throws -> Int {
    var value: UInt64 = 0
    for (i, byte) in try data(at: position, count: bytes).enumerated() {
      value |= UInt64(byte) << UInt64(8 * i)
    }
    guard let integer = Int(exactly: value), integer <= Int.max / 4 else {
      throw ZipArchive.Problem("the value at byte \(position) is impossible")
    }
    return integer
  }

  func data(at position: Int, count: Int) throws -> Data {
    guard position >= 0, count >= 0, position <= contents.count, count <= contents.count - position else {
      throw ZipArchive.Problem("it ends before byte \(position) + \(count)")
    }
    let start = contents.startIndex + position
    return contents[start..<start + count]
  }
}

extension Data {
  mutating func append(littleEndian value: Int, bytes: Int) {
    for i in 0..<bytes { append(UInt8(truncatingIfNeeded: value >> (8 * i))) }
  }
}

/// CRC-32 as ZIP and gzip use it.
struct Checksum {
  private var state: UInt32 = 0xFFFF_FFFF
  /// Of the bytes so far.
  var value: UInt32 { ~state }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    checksumTable.withUnsafeBufferPointer { table in
      var crc = state
      for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
      state = crc
    }
  }
}

/// The checksum of a file; pages of a memory map are let go of as they have been read.
func checksum(_ data: Data, isMapped: Bool = false) -> UInt32 {
  data.withUnsafeBytes { bytes in
    var checksum = Checksum()
    for start in stride(from: 0, to: bytes.count, by: 1 << 22) {
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<Swift.min(start + 1 << 22, bytes.count)])
      checksum.update(part)
      if isMapped { releaseMappedPages(part) }
    }
    return checksum.value
  }
}

private let checksumTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
}
