/// An `.npy` file in parts.
struct NumPyParts {
  private var descriptor = "<f4"
  private var order = "False"
  private var shape: [Int] = []
  private var data: [UInt8] = []

  private static let types = [
    ("<f4", 4), ("<f8", 8), ("<f2", 2), ("|V2", 2), ("<V2", 2), ("bfloat16", 2), ("<i8", 8), ("<i4", 4),
    ("<i2", 2),
    ("|i1", 1), ("<u8", 8), ("<u4", 4), ("<u2", 2), ("|u1", 1), ("|b1", 1), (">f4", 4), ("<U4", 16),
    ("|O", 8),
    ("<c8", 8),
  ]

  init?(_ bytes: [UInt8]) {
    guard bytes.count > 10, bytes[6] == 1 else { return nil }
    let length = Bytes.littleEndian(in: bytes[8..<10])
    guard bytes.count >= 10 + length else { return nil }
    let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
    data = Array(bytes[(10 + length)...])
    let quoted = header.split(separator: "'", omittingEmptySubsequences: false)
    if let place = quoted.firstIndex(of: "descr"), place + 2 < quoted.count {
      descriptor = String(quoted[place + 2])
    }
    if header.contains("True") { order = "True" }
    guard let open = header.firstIndex(of: "("), let close = header.lastIndex(of: ")"), open < close else {
      return nil
    }
    shape = header[header.index(after: open)..<close].split(separator: ",").compactMap {
      Int($0.filter(\.isNumber))
    }
  }

  private var header: String {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    return "{'descr': '\(descriptor)', 'fortran_order': \(order), 'shape': (\(sizes)), }"
  }

  private func file(_ header: [UInt8], version: Int, length: Int?) -> [UInt8] {
    let width = version == 1 ? 2 : 4
    let padding = [UInt8](repeating: 0x20, count: 63 - (8 + width + header.count) % 64) + [0x0A]
    let size = Bytes.littleEndian(length ?? header.count + padding.count, width)
    let signature: [UInt8] = [0x93] + Array("NUMPY".utf8) + [UInt8(version), 0]
    return signature + size + header + padding + data
  }

  /// Changes a whole file.
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var parts = NumPyParts(bytes) else { return Bytes.mutate(&bytes, &dice, donor: donor) }
    for _ in 0..<dice.few() { parts.mutate(&dice) }
    var header = Array(parts.header.utf8)
    if dice.once(in: 3) { NumPyParts.mutate(header: &header, &dice) }
    bytes = parts.file(
      header, version: dice.pick([1, 1, 1, 2, 3]),
      length: dice.once(in: 16) ? dice.pick(Values.integers) : nil)
  }

  private mutating func mutate(_ dice: inout Dice) {
    switch dice.below(6) {
    case 0, 1: (shape, data) = Shapes.refitted(shape, data, &dice)
    case 2:
      // Another type, and as many bytes as it takes.
      let (type, size) = dice.pick(NumPyParts.types)
      descriptor = type
      data = Bytes.stretched(data, to: max(0, min(shape.reduce(1) { $0 &* $1 }, 1 << 16)) * size)
    case 3: order = order == "True" ? "False" : "True"
    case 4: if !shape.isEmpty { shape[dice.below(shape.count)] = dice.pick(Values.integers) }
    default: Shapes.mutate(floats: &data, &dice)
    }
  }

  /// Changes the dictionary token by token.
  private static func mutate(header: inout [UInt8], _ dice: inout Dice) {
    var tokens: [String] = []
    for character in String(decoding: header, as: UTF8.self) {
      if let last = tokens.last?.last, last.isLetter || last.isNumber,
        character.isLetter || character.isNumber
      {
        tokens[tokens.count - 1].append(character)
      } else {
        tokens.append(String(character))
      }
    }
    for _ in 0..<dice.few() where !tokens.isEmpty {
      let place = dice.below(tokens.count)
      switch dice.below(5) {
      case 0: tokens.remove(at: place)
      case 1: tokens.insert(tokens[dice.below(tokens.count)], at: place)
      case 2: tokens[place] = dice.pick(Values.tokens)
      case 3: tokens[place] = Values.edited(tokens[place], &dice)
      default: tokens.swapAt(place, dice.below(tokens.count))
      }
    }
    header = Array(tokens.joined().utf8)
  }
}
