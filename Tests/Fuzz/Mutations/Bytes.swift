/// Changes that know nothing of a format.
enum Bytes {
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    let count = bytes.count
    let place = dice.below(count)
    // Headers come first and directories last, so ends are more often changed than their share.
    let end = dice.once(in: 3) ? min(count, place + 16) : count
    switch dice.below(14) {
    case 0, 1, 2: if count > 0 { bytes[place] ^= 1 << UInt8(dice.below(8)) }
    case 3: if count > 0 { bytes[place] = dice.pick([0, 1, 0x7F, 0x80, 0xFE, 0xFF, 0x22, 0x0A]) }
    case 4: bytes.removeSubrange(min(place, end)..<end)
    case 5: bytes.removeSubrange(place..<min(count, place + 1 + dice.below(8)))
    case 6: bytes.removeFirst(min(count, dice.below(16)))
    case 7: bytes.insert(contentsOf: (0..<dice.below(9)).map { _ in dice.byte() }, at: place)
    case 8: bytes.append(contentsOf: (0..<dice.below(40)).map { _ in dice.byte() })
    case 9:
      bytes.insert(contentsOf: bytes[place..<min(count, place + dice.below(64))], at: dice.below(count + 1))
    case 10:
      set(
        &bytes, at: place, to: dice.pick(Values.integers), width: dice.pick([2, 4, 8]),
        isBig: dice.once(in: 2))
    case 11: for i in place..<min(count, place + 1 + dice.below(16)) { bytes[i] = 0 }
    case 12 where !donor.isEmpty:
      let from = dice.below(donor.count)
      let piece = donor[from..<min(donor.count, from + 1 + dice.below(200))]
      bytes.replaceSubrange(place..<min(count, place + dice.pick([0, piece.count])), with: piece)
    default: if count > 0 { bytes[min(place, dice.below(64))] = dice.byte() }
    }
  }

  /// Writes a number over the bytes from a place on, as far as there are any.
  static func set(_ bytes: inout [UInt8], at place: Int, to value: Int, width: Int, isBig: Bool = false) {
    for i in 0..<width where place + i < bytes.count && place + i >= 0 {
      bytes[place + i] = UInt8(truncatingIfNeeded: value >> (8 * (isBig ? width - 1 - i : i)))
    }
  }

  static func littleEndian(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func bigEndian(_ value: Int, _ width: Int) -> [UInt8] { littleEndian(value, width).reversed() }

  static func littleEndian(in bytes: ArraySlice<UInt8>) -> Int {
    bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The same number of bytes at another length: cut, or repeated.
  static func stretched(_ bytes: [UInt8], to count: Int) -> [UInt8] {
    if bytes.isEmpty { return [UInt8](repeating: 0, count: count) }
    return (0..<count).map { bytes[$0 % bytes.count] }
  }

  /// CRC-32 of ZIP, gzip and PNG.
  static func checksum(_ bytes: some Sequence<UInt8>) -> Int {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
    return Int(~crc)
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
  }
}
