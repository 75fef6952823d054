import Tensor

/// Deflate streams that any bytes can be put into, and gzip around them.
enum Deflate {
  /// Stored blocks, or literals and runs in the fixed code (RFC 1951, 3.2.4 and 3.2.6).
  static func encode(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
    if dice.once(in: 2) { return stored(bytes) }
    var bits = BitWriter()
    bits.append(0b011, 3)
    var place = 0
    while place < bytes.count {
      let byte = bytes[place]
      var run = 1
      while run < 259, place + run < bytes.count, bytes[place + run] == byte { run += 1 }
      literal(Int(byte), &bits)
      if run == 259 {
        // Length 258 is code 285, distance 1 is code 0.
        literal(285, &bits)
        bits.append(0, 5)
        place += 259
      } else {
        place += 1
      }
    }
    literal(256, &bits)
    return bits.bytes
  }

  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for start in stride(from: 0, through: max(0, bytes.count - 1), by: 65_535) {
      let end = min(start + 65_535, bytes.count)
      let length = Bytes.littleEndian(end - start, 2)
      result += [end == bytes.count ? 1 : 0] + length + length.map { ~$0 } + bytes[start..<end]
    }
    return result
  }

  private static func literal(_ symbol: Int, _ bits: inout BitWriter) {
    switch symbol {
    case ..<144: bits.append(reversed: 0x30 + symbol, 8)
    case ..<256: bits.append(reversed: 0x190 + symbol - 144, 9)
    case ..<280: bits.append(reversed: symbol - 256, 7)
    default: bits.append(reversed: 0xC0 + symbol - 280, 8)
    }
  }

  private struct BitWriter {
    var bytes: [UInt8] = []
    private var used = 8

    mutating func append(_ value: Int, _ count: Int) {
      for i in 0..<count {
        if used == 8 {
          bytes.append(0)
          used = 0
        }
        bytes[bytes.count - 1] |= UInt8(value >> i & 1) << UInt8(used)
        used += 1
      }
    }

    /// Codes begin with their highest bit.
    mutating func append(reversed value: Int, _ count: Int) {
      for i in (0..<count).reversed() { append(value >> i & 1, 1) }
    }
  }
}

extension ZipParts.Entry {
  /// The contents, decompressed; nil where they are damaged.
  var contents: [UInt8]? {
    if method == 0 { return stored }
    let trailer = Bytes.littleEndian(checksum, 4) + Bytes.littleEndian(count, 4)
    return try? Gzip.decompress([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + stored + trailer)
  }
}

enum GzipParts {
  /// Changes what is inside of a gzip file, as the name of that suggests, and compresses it again.
  static func mutate(_ bytes: inout [UInt8], of name: String, _ dice: inout Dice, donor: [UInt8]) {
    guard var contents = try? Gzip.decompress(bytes) else { return Bytes.mutate(&bytes, &dice, donor: donor) }
    if !dice.once(in: 4) { Formats.mutate(&contents, of: name, &dice, donor: []) }
    bytes = encode(contents, &dice)
  }

  /// A gzip file of any bytes, with optional fields in its header and a trailer that fits, but for what is changed.
  private static func encode(_ contents: [UInt8], _ dice: inout Dice) -> [UInt8] {
    var flags: UInt8 = dice.once(in: 6) ? dice.byte() : 0
    var header: [UInt8] = []
    if flags & 4 != 0 { header += Bytes.littleEndian(dice.pick([0, 1, 4, 65_535]), 2) + [1, 2, 3, 4] }
    if flags & 8 != 0 { header += Array("name".utf8) + (dice.once(in: 2) ? [0] : []) }
    if flags & 16 != 0 { header += Array("comment".utf8) + (dice.once(in: 2) ? [0] : []) }
    if dice.once(in: 20) { flags ^= dice.byte() }
    var compressed = Deflate.encode(contents, &dice)
    if dice.once(in: 6) { Bytes.mutate(&compressed, &dice, donor: contents) }
    let sum = dice.once(in: 12) ? dice.pick(Values.integers) : Bytes.checksum(contents)
    let count = dice.once(in: 8) ? dice.pick(Values.integers) : contents.count
    return [0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3] + header + compressed + Bytes.littleEndian(sum, 4)
      + Bytes.littleEndian(count, 4)
  }
}
