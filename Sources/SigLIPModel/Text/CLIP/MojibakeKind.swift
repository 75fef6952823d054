/// What a character is to who looks for text decoded in a wrong encoding: the categories of ftfy (Apache-2.0).
struct MojibakeKind: OptionSet {
  let rawValue: UInt32

  // In the order of `EncodingTables.kinds`.
  static let common = MojibakeKind(rawValue: 1 << 0)
  static let control = MojibakeKind(rawValue: 1 << 1)
  static let bad = MojibakeKind(rawValue: 1 << 2)
  static let law = MojibakeKind(rawValue: 1 << 3)
  static let currency = MojibakeKind(rawValue: 1 << 4)
  static let opening = MojibakeKind(rawValue: 1 << 5)
  static let closing = MojibakeKind(rawValue: 1 << 6)
  static let numeric = MojibakeKind(rawValue: 1 << 7)
  static let kaomoji = MojibakeKind(rawValue: 1 << 8)
  static let upperAccented = MojibakeKind(rawValue: 1 << 9)
  static let lowerAccented = MojibakeKind(rawValue: 1 << 10)
  static let upperCommon = MojibakeKind(rawValue: 1 << 11)
  static let lowerCommon = MojibakeKind(rawValue: 1 << 12)
  static let box = MojibakeKind(rawValue: 1 << 13)
  /// Characters that are bytes of UTF-8 in one of the encodings: those that begin sequences, and those that follow.
  static let firstOfTwo = MojibakeKind(rawValue: 1 << 14)
  static let firstOfThree = MojibakeKind(rawValue: 1 << 15)
  static let firstOfFour = MojibakeKind(rawValue: 1 << 16)
  static let continuation = MojibakeKind(rawValue: 1 << 17)
  static let strictContinuation = MojibakeKind(rawValue: 1 << 18)
  /// Not one of ftfy's: what is suspicious beside characters that are not, °, Ù and Ђ.
  static let other = MojibakeKind(rawValue: 1 << 19)

  static let accented: MojibakeKind = [.upperAccented, .lowerAccented]
  private static let suspicious: MojibakeKind = [
    .accented, .control, .bad, .law, .currency, .opening, .closing, .numeric, .box, .other,
  ]

  /// Kinds of characters up to the blocks of box drawing, then of those from the private use area's end on.
  private static let (gapStart, gapEnd): (UInt32, UInt32) = (0x2600, 0xF800)
  private static let table: [MojibakeKind] = {
    var table = [MojibakeKind](repeating: [], count: Int(gapStart + 0x10000 - gapEnd))
    for (bit, scalars) in (EncodingTables.kinds + ["B0 D9 402"]).enumerated() {
      for scalar in EncodingTables.scalars(scalars) {
        if let index = index(of: scalar) { table[index].insert(MojibakeKind(rawValue: 1 << UInt32(bit))) }
      }
    }
    return table
  }()

  private static func index(of scalar: Unicode.Scalar) -> Int? {
    switch scalar.value {
    case 0..<gapStart: Int(scalar.value)
    case gapEnd..<0x10000: Int(scalar.value - gapEnd + gapStart)
    default: nil
    }
  }
}

extension MojibakeKind {
  init(_ scalar: Unicode.Scalar) {
    self = MojibakeKind.index(of: scalar).map { MojibakeKind.table[$0] } ?? []
  }

  /// Whether the heuristic needs such a character: it finds nothing in text without any.
  var isSuspicious: Bool { !isDisjoint(with: .suspicious) }

  /// The length of the UTF-8 sequence that begins with the character's byte, 1 if none does.
  var sequenceLength: Int {
    contains(.firstOfTwo) ? 2 : contains(.firstOfThree) ? 3 : contains(.firstOfFour) ? 4 : 1
  }
}
