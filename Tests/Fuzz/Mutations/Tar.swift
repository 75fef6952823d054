import Tensor
import TestSupport

/// A tar archive in members, written again with sums that fit, but for what is changed on purpose.
enum TarParts {
  private static func members(_ bytes: [UInt8]) -> [TarMember] {
    var members: [TarMember] = []
    var place = 0
    while place + 512 <= bytes.count, bytes[place..<place + 512].contains(where: { $0 != 0 }) {
      let digits = String(decoding: bytes[place + 124..<place + 135], as: UTF8.self)
      let count = min(Int(digits, radix: 8) ?? 0, bytes.count - place - 512)
      var member = TarMember("", Array(bytes[place + 512..<place + 512 + count]))
      member.header = Array(bytes[place..<place + 512])
      members.append(member)
      place += 512 + (count + 511) / 512 * 512
    }
    return members
  }

  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    var members = members(bytes)
    for _ in 0..<dice.few() where !members.isEmpty {
      let place = dice.below(members.count)
      switch dice.below(14) {
      case 0: members.remove(at: place)
      case 1: members.insert(members[place], at: dice.below(members.count + 1))
      case 2: members.swapAt(place, dice.below(members.count))
      case 3: members[place].set(text(Values.edited("000001.ppm", &dice), upTo: 100), at: 0)
      case 4: members[place].set([dice.pick(Array("01234567LKxgSZ\0".utf8))], at: 156)
      case 5: members[place].set(size(&dice), at: 124)
      case 6: members[place].set(text(Values.text(&dice), upTo: 155), at: 345)
      case 7: members[place].set([dice.byte()], at: dice.below(512))
      case 8: members[place].hasRightSum = false
      case 9:
        let size = String(dice.pick(Values.integers))
        let value = dice.once(in: 2) ? size : String(Values.text(&dice).prefix(1000))
        members.insert(
          TarMember.pax([(dice.pick(["path", "size", "mtime", "GNU.sparse.name"]), value)]), at: place)
      case 10:
        let name = Array(Values.edited("dir/000001.txt", &dice).utf8)
        members.insert(TarMember("././@LongLink", name + [0], type: dice.pick(["L", "K", "x"])), at: place)
      default:
        let name = String(decoding: members[place].header[..<100].prefix { $0 != 0 }, as: UTF8.self)
        Formats.mutate(&members[place].contents, of: name, &dice, donor: [])
        let digits = String(members[place].contents.count, radix: 8)
        members[place].set(Array((String(repeating: "0", count: 11 - digits.count) + digits).utf8), at: 124)
      }
    }
    bytes = TarMember.archive(members)
    if dice.once(in: 8) { bytes.removeLast(min(bytes.count, dice.pick([512, 1024, dice.below(4096)]))) }
    if dice.once(in: 40) { bytes += donor }
  }

  private static func text(_ text: String, upTo count: Int) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(count))
    return bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }

  /// The twelve bytes of a size: octal, or binary behind a bit.
  private static func size(_ dice: inout Dice) -> [UInt8] {
    let value = dice.pick(Values.integers)
    if dice.once(in: 2) {
      return [dice.pick([0x80, 0xFF, 0xBF, 0xC0]), 0, 0, 0] + Bytes.bigEndian(value, 8)
    }
    return text(dice.once(in: 4) ? dice.pick(Values.tokens) : String(value.magnitude, radix: 8), upTo: 12)
  }
}
