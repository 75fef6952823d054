/// Changes to a program in Python's pickle language.
enum PickleParts {
  private static let instructions =
    Array("()]}.NKMJGXctaesuqrhjQRb".utf8) + [
      0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x93, 0x94, 0x95,
    ]

  private static let pieces: [[UInt8]] = [
    Array("cos\nsystem\n(X\u{02}\0\0\0lstR".utf8), Array("cbuiltins\neval\n".utf8),
    Array("ccollections\nOrderedDict\n)R".utf8), Array("ctorch._utils\n_rebuild_tensor_v2\n".utf8),
    Array("c__torch__.A\nB\n)\u{81}}b".unicodeScalars.map { UInt8($0.value) }),
    Array(repeating: UInt8(ascii: "("), count: 300), Array(repeating: UInt8(ascii: "]"), count: 300),
    Array(repeating: 0x85, count: 5000), Array(")aaaaa".utf8),
    Array("}q\u{1}h\u{1}X\u{1}\0\0\0ah\u{1}s".utf8),
    [UInt8(ascii: "X"), 0xFF, 0xFF, 0xFF, 0x7F], [UInt8(ascii: "j"), 0xFF, 0xFF, 0xFF, 0xFF],
    [0x8A, 9] + Array(repeating: 0xFF, count: 9), [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80],
    [UInt8(ascii: "J"), 0xFF, 0xFF, 0xFF, 0xFF], [UInt8(ascii: "M"), 0xFF, 0xFF],
  ]

  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice) {
    for _ in 0..<dice.few() where !bytes.isEmpty {
      let place = dice.below(bytes.count)
      switch dice.below(5) {
      case 0: bytes[place] = dice.pick(instructions)
      case 1: bytes.insert(contentsOf: dice.pick(pieces), at: place)
      case 2: bytes.remove(at: place)
      case 3:
        // A small number, most of them sizes, strides and offsets.
        guard let number = bytes[place...].firstIndex(of: UInt8(ascii: "K")), number + 1 < bytes.count else {
          continue
        }
        if dice.once(in: 2) {
          bytes[number + 1] = UInt8(dice.below(256))
        } else {
          bytes.replaceSubrange(
            number...number + 1, with: [0x8A, 8] + Bytes.littleEndian(dice.pick(Values.integers), 8))
        }
      default:
        let end = min(place + dice.below(40), bytes.count)
        bytes.insert(contentsOf: bytes[place..<end], at: dice.below(bytes.count))
      }
    }
  }
}
