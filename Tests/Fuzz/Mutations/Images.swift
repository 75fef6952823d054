/// The chunks of a PNG file, written again with lengths and checksums that fit, but for what is changed on purpose.
struct PNGParts {
  private var chunks: [(name: [UInt8], data: [UInt8])] = []

  private static let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: PNGParts.start) else { return nil }
    var place = 8
    while place + 12 <= bytes.count {
      let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - place - 12 else { return nil }
      chunks.append((Array(bytes[place + 4..<place + 8]), Array(bytes[place + 8..<place + 8 + length])))
      place += 12 + length
    }
  }

  private func bytes(_ dice: inout Dice) -> [UInt8] {
    chunks.reduce(into: PNGParts.start) { bytes, chunk in
      let length = dice.once(in: 40) ? dice.pick(Values.integers) : chunk.data.count
      let sum = dice.once(in: 40) ? dice.pick(Values.integers) : Bytes.checksum(chunk.name + chunk.data)
      bytes += Bytes.bigEndian(length, 4) + chunk.name + chunk.data + Bytes.bigEndian(sum, 4)
    }
  }

  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var parts = PNGParts(bytes), !parts.chunks.isEmpty else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    for _ in 0..<dice.few() where !parts.chunks.isEmpty { parts.mutate(&dice, donor: PNGParts(donor)) }
    bytes = parts.bytes(&dice)
  }

  private mutating func mutate(_ dice: inout Dice, donor: PNGParts?) {
    let place = dice.below(chunks.count)
    switch dice.below(10) {
    case 0: chunks.remove(at: place)
    case 1: chunks.insert(chunks[place], at: dice.below(chunks.count + 1))
    case 2: chunks.swapAt(place, dice.below(chunks.count))
    case 3:
      // The header: width, height, depth, colour type, compression, filter, interlacing.
      guard let header = chunks.indices.first(where: { chunks[$0].data.count == 13 }) else { return }
      let field = dice.below(7)
      if field < 2 {
        Bytes.set(&chunks[header].data, at: field * 4, to: dice.pick(Values.integers), width: 4, isBig: true)
      } else {
        chunks[header].data[6 + field] = dice.pick([0, 1, 2, 3, 4, 6, 8, 16, 32, 255])
      }
    case 4:
      let names = [
        "IHDR", "PLTE", "tRNS", "gAMA", "eXIf", "IDAT", "IEND", "iCCP", "tEXt", "zTXt", "sBIT", "aaaa",
      ]
      chunks[place].name = Array(dice.pick(names).utf8)
    case 5: chunks.insert((Array("eXIf".utf8), ExifParts.make(&dice)), at: min(1, chunks.count))
    case 6:
      if let donor, !donor.chunks.isEmpty { chunks[place] = dice.pick(donor.chunks) }
    default: Bytes.mutate(&chunks[place].data, &dice, donor: [])
    }
  }
}

/// The segments of a JPEG file, written again with lengths that fit, but for what is changed on purpose.
struct JPEGParts {
  private var segments: [(marker: UInt8, data: [UInt8])] = []
  /// From the start of the first scan.
  private var rest: [UInt8] = []

  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
    var place = 2
    while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
      let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
      guard length >= 2, place + 2 + length <= bytes.count else { return nil }
      segments.append((bytes[place + 1], Array(bytes[place + 4..<place + 2 + length])))
      place += 2 + length
    }
    rest = Array(bytes[min(place, bytes.count)...])
  }

  private func bytes(_ dice: inout Dice) -> [UInt8] {
    segments.reduce(into: [0xFF, 0xD8]) { bytes, segment in
      let length =
        dice.once(in: 40) ? dice.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 65_535]) : segment.data.count + 2
      if dice.once(in: 40) { bytes += [0xFF, 0xFF] }
      bytes += [0xFF, segment.marker] + Bytes.bigEndian(length, 2) + segment.data
    } + rest
  }

  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var parts = JPEGParts(bytes), !parts.segments.isEmpty else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    for _ in 0..<dice.few() where !parts.segments.isEmpty { parts.mutate(&dice, donor: JPEGParts(donor)) }
    bytes = parts.bytes(&dice)
  }

  private mutating func mutate(_ dice: inout Dice, donor: JPEGParts?) {
    let place = dice.below(segments.count)
    switch dice.below(11) {
    case 0: segments.remove(at: place)
    case 1: segments.insert(segments[place], at: dice.below(segments.count + 1))
    case 2: segments.swapAt(place, dice.below(segments.count))
    case 3:
      segments[place].marker = dice.pick([
        0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE, 0xD8, 0xD9, 0x01,
      ])
    case 4:
      // The frame: depth, height, width, components.
      guard let frame = segments.firstIndex(where: { (0xC0...0xC2).contains($0.marker) }) else { return }
      let (field, width) = dice.pick([(0, 1), (1, 2), (3, 2), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1)])
      Bytes.set(&segments[frame].data, at: field, to: dice.pick(Values.integers), width: width, isBig: true)
    case 5:
      let name = Array("Exif\0\0".utf8).prefix(dice.once(in: 6) ? dice.below(7) : 6)
      segments.insert((0xE1, name + ExifParts.make(&dice)), at: dice.below(segments.count + 1))
    case 6, 7: Bytes.mutate(&rest, &dice, donor: [])
    case 8: if let donor, !donor.segments.isEmpty { segments[place] = dice.pick(donor.segments) }
    default: Bytes.mutate(&segments[place].data, &dice, donor: [])
    }
  }
}

/// Exif data: a TIFF header and a directory of a few entries, right or nearly so.
enum ExifParts {
  static func make(_ dice: inout Dice) -> [UInt8] {
    let isBig = dice.once(in: 2)
    func number(_ value: Int, _ width: Int) -> [UInt8] {
      isBig ? Bytes.bigEndian(value, width) : Bytes.littleEndian(value, width)
    }
    func odd(_ value: Int) -> Int { dice.once(in: 8) ? dice.pick(Values.integers) : value }
    var bytes = Array((isBig ? "MM" : "II").utf8) + number(odd(42), 2) + number(odd(8), 4)
    let entries = dice.below(4)
    bytes += number(odd(entries), 2)
    for _ in 0..<entries {
      bytes += number(dice.pick([0x0112, 0x0112, 0x0100, 0x8769]), 2) + number(odd(3), 2) + number(odd(1), 4)
      bytes += number(odd(1 + dice.below(9)), 2) + [0, 0]
    }
    if dice.once(in: 6) { Bytes.mutate(&bytes, &dice, donor: []) }
    return dice.once(in: 6) ? Array(bytes.prefix(dice.below(bytes.count + 1))) : bytes
  }
}

/// Portable pixmaps: the numbers of the header, then pixels.
enum PixmapParts {
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    // Three numbers and the kind make four words.
    var (words, place) = ([String](), 0)
    while words.count < 4, place < bytes.count {
      let word = bytes[place...].prefix { $0 > 0x20 }
      if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
      place = word.endIndex + 1
    }
    guard words.count == 4, place <= bytes.count, !dice.once(in: 4) else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    let pixels = bytes[place...]
    for _ in 0..<dice.few() {
      let word = dice.below(4)
      switch dice.below(4) {
      case 0 where word == 0: words[0] = dice.pick(["P1", "P2", "P3", "P4", "P5", "P6", "P7", "p6", "P"])
      case 1: words[word] = dice.pick(Values.tokens)
      case 2: words[word] += dice.pick([" ", "#", "# comment\n", "\n", "\u{0}", "9", "0"])
      default: if let number = Int(words[word]) { words[word] = "\(Values.edited(number, &dice))" }
      }
    }
    bytes = Array(words.joined(separator: dice.pick([" ", "\n", "\t", "\n#c\n"])).utf8) + [0x0A] + pixels
    if dice.once(in: 4) { Bytes.mutate(&bytes, &dice, donor: donor) }
  }
}
