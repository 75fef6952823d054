import Tensor

/// The members of a tar archive: those of ustar, with the long names and sizes of GNU tar and POSIX (pax).
///
/// Names are names: nothing is ever written where they point.
struct TarArchive: Sendable {
  /// Something in an archive.
  struct Member {
    let name: String
    /// Whether it is a file, and no folder, link or device.
    let isFile: Bool
    /// Where its bytes stand: beyond the end of the file if that is cut off.
    let contents: Range<Int>
    /// Where the next one begins.
    var end: Int { TarArchive.roundedUp(contents.upperBound) }
  }

  /// The length of a header; everything begins at a multiple of it.
  static let blockCount = 512
  /// No honest name is longer, nor all that pax says of a member.
  private static let maximumExtension = 1 << 20
  /// Places in a file of such members are numbers still.
  private static let maximumSize = 1 << 60

  let file: OpenFile
  /// Why its end is missing, if that is known.
  var cut: String?

  /// The member that begins at a place; nil at the archive's end.
  ///
  /// - Throws: ``FileError``, malformed where there is no right header.
  func member(at start: Int) throws -> Member? {
    var place = start
    var name: String?
    var size: Int?
    while place < file.count || name != nil || size != nil {
      let header = try block(at: place)
      if header.allSatisfy({ $0 == 0 }) { return nil }
      try verify(header, at: place)
      let ownSize = try number(header[124..<136], at: place)
      place += Self.blockCount
      switch header[156] {
      case UInt8(ascii: "L"): name = text(try contents(at: place, count: ownSize)[...])
      case UInt8(ascii: "x"):
        for record in try records(try contents(at: place, count: ownSize), at: place) {
          if record.name == "path" { name = record.value }
          if record.name == "size" { size = try checked(Int(record.value), at: place) }
        }
      // The name of a link, and what pax says of all members.
      case UInt8(ascii: "K"), UInt8(ascii: "g"): break
      case let type:
        let name = name ?? self.name(header)
        if type == UInt8(ascii: "S") { place = try endOfSparseMap(header, at: place) }
        // Links, folders and devices have no contents, whatever their size.
        let count = UInt8(ascii: "1")...UInt8(ascii: "6") ~= type ? 0 : size ?? ownSize
        // Before POSIX a folder was a file with a slash.
        let isFile =
          type == 0 && !name.hasSuffix("/") || type == UInt8(ascii: "0") || type == UInt8(ascii: "7")
        return Member(name: name, isFile: isFile, contents: place..<place + count)
      }
      place = Self.roundedUp(place + ownSize)
    }
    return nil
  }

  private static func roundedUp(_ place: Int) -> Int { (place + blockCount - 1) / blockCount * blockCount }

  private func damaged(_ problem: String) -> FileError { FileError(.malformed, file.path, problem) }

  /// The archive ends where it should not.
  func ends(in part: String) -> FileError { damaged("it ends in \(part)" + (cut.map { " (\($0))" } ?? "")) }

  /// A header, or what goes on with one.
  private func block(at place: Int) throws -> [UInt8] {
    let block = try file.bytes(at: place, count: Self.blockCount)
    if block.count < Self.blockCount { throw ends(in: "the header at byte \(place)") }
    return block
  }

  /// The contents of a member that says something of the next one.
  private func contents(at place: Int, count: Int) throws -> [UInt8] {
    if count > Self.maximumExtension {
      throw damaged("\(count) bytes of names at byte \(place), expected at most \(Self.maximumExtension)")
    }
    let bytes = try file.bytes(at: place, count: count)
    if bytes.count < count { throw ends(in: "the names at byte \(place)") }
    return bytes
  }

  /// Behind the blocks that say more of a sparse file of GNU tar.
  private func endOfSparseMap(_ header: [UInt8], at start: Int) throws -> Int {
    var place = start
    var isContinued = header[482] != 0
    while isContinued {
      isContinued = try block(at: place)[504] != 0
      place += Self.blockCount
    }
    return place
  }

  // MARK: Fields

  /// Compares the sum of a header's bytes, in which the sum's own field counts as spaces. Some old programs added bytes with
  /// signs.
  private func verify(_ header: [UInt8], at place: Int) throws {
    func sum(_ value: (UInt8) -> Int) -> Int {
      header.reduce(8 * 32) { $0 + value($1) } - header[148..<156].reduce(0) { $0 + value($1) }
    }
    let stored = try? number(header[148..<156], at: place)
    if stored != sum({ Int($0) }) && stored != sum({ Int(Int8(bitPattern: $0)) }) {
      throw damaged("the header at byte \(place) has a wrong checksum")
    }
  }

  /// Digits between spaces, or, where the first bit is set, a big-endian number.
  private func number(_ field: ArraySlice<UInt8>, at place: Int) throws -> Int {
    if let first = field.first, first & 0x80 != 0 {
      // The next bit is the sign.
      let bytes = [first & 0x7F] + field.dropFirst()
      return try checked(
        bytes.reduce(0) { value, byte in value.flatMap { $0 >> 52 == 0 ? $0 << 8 | Int(byte) : nil } },
        at: place)
    }
    let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
    return try checked(digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8), at: place)
  }

  private func checked(_ number: Int?, at place: Int) throws -> Int {
    guard let number, 0...Self.maximumSize ~= number else {
      throw damaged("the header at byte \(place) has an impossible number")
    }
    return number
  }

  /// A text that a zero may end.
  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The name that a header itself has: GNU tar has other fields where POSIX has the beginning of long names.
  private func name(_ header: [UInt8]) -> String {
    let isPOSIX = header[257..<263].elementsEqual("ustar\0".utf8)
    let prefix = isPOSIX ? text(header[345..<500]) : ""
    return (prefix.isEmpty ? "" : prefix + "/") + text(header[..<100])
  }

  /// Records of pax: `27 path=name of the member`, each with its own length and a line break.
  private func records(_ bytes: [UInt8], at place: Int) throws -> [(name: String, value: String)] {
    var result: [(name: String, value: String)] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != 0x20 }
      guard let count = Int(String(decoding: digits, as: UTF8.self)), count > digits.count + 1,
        count <= rest.count,
        case let record = rest[rest.startIndex + digits.count + 1..<rest.startIndex + count],
        record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "="))
      else { throw damaged("the names at byte \(place) are no records of pax") }
      result.append(
        (
          String(decoding: record[..<equals], as: UTF8.self),
          String(decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
        ))
      rest = rest.dropFirst(count)
    }
    return result
  }
}
