/// A member of a tar archive, right or not.
public struct TarMember {
  /// Its header, of 512 bytes whose sum ``archive(_:)`` fills in, and what follows it.
  public var header: [UInt8]
  /// What follows the header.
  public var contents: [UInt8]
  /// Whether the sum of the header is right.
  public var hasRightSum = true

  /// A file, or what else its type says.
  public init(_ name: String, _ contents: [UInt8], type: Character = "0", size: Int? = nil) {
    header = [UInt8](repeating: 0, count: 512)
    self.contents = contents
    set(Array(name.utf8.prefix(100)), at: 0)
    set(Array("0000644\0".utf8), at: 100)
    let digits = String(size ?? contents.count, radix: 8)
    set(Array((String(repeating: "0", count: 11 - digits.count) + digits).utf8), at: 124)
    set([type.asciiValue!], at: 156)
    set(Array("ustar\u{0}00".utf8), at: 257)
  }

  /// A file of text.
  public init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

  /// What pax says of the next member.
  public static func pax(_ records: [(name: String, value: String)]) -> TarMember {
    let text = records.map { record in
      let rest = " \(record.name)=\(record.value)\n"
      var count = rest.utf8.count
      while String(count).utf8.count + rest.utf8.count != count {
        count = String(count).utf8.count + rest.utf8.count
      }
      return "\(count)\(rest)"
    }
    return TarMember("PaxHeaders/x", Array(text.joined().utf8), type: "x")
  }

  /// Writes over a part of the header.
  public mutating func set(_ bytes: [UInt8], at place: Int) {
    header.replaceSubrange(place..<place + bytes.count, with: bytes)
  }

  /// The header with its sum, and the contents filled up to a block.
  public var bytes: [UInt8] {
    var header = header
    if hasRightSum {
      header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
      let digits = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
      let sum = Array((String(repeating: "0", count: 6 - digits.count) + digits + "\0 ").utf8)
      header.replaceSubrange(148..<156, with: sum)
    }
    return header + contents + [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
  }

  /// An archive with its mark of end.
  public static func archive(_ members: [TarMember]) -> [UInt8] {
    members.flatMap(\.bytes) + [UInt8](repeating: 0, count: 1024)
  }
}

/// A gzip member that holds bytes as they are, in blocks of at most `blockCount`.
public func gzip(_ bytes: [UInt8], blockCount: Int = 65_535) -> [UInt8] {
  var result: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  for start in stride(from: 0, through: max(0, bytes.count - 1), by: blockCount) {
    let block = bytes[start..<min(start + blockCount, bytes.count)]
    let length = UInt16(block.count)
    result.append(start + blockCount >= bytes.count ? 1 : 0)
    for word in [length, ~length] { result += [UInt8(word & 0xFF), UInt8(word >> 8)] }
    result += block
  }
  var sum: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
  }
  for word in [~sum, UInt32(truncatingIfNeeded: bytes.count)] {
    result += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
  }
  return result
}
