import Tensor

/// A JSON text that can be changed and written again, also into what is no JSON.
indirect enum JSONTree {
  case object([(name: String, value: JSONTree)])
  case array([JSONTree])
  case string(String)
  /// Written as it stands: numbers, words, and what is neither.
  case token(String)

  /// Reads what the library's reader takes; nil for anything else.
  init?(_ bytes: [UInt8]) {
    guard let value = try? JSONReader.read(bytes) else { return nil }
    self.init(value)
  }

  private init(_ value: JSONValue) {
    switch value {
    case .object(let members): self = .object(members.map { ($0.name, JSONTree($0.value)) })
    case .array(let elements): self = .array(elements.map { JSONTree($0) })
    case .string(let text): self = .string(text)
    case .integer(let number): self = .token("\(number)")
    case .number(let number): self = .token("\(number)")
    case .boolean(let flag): self = .token("\(flag)")
    case .null: self = .token("null")
    }
  }

  /// Its text.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (number, member) in members.enumerated() {
        if number > 0 { bytes.append(UInt8(ascii: ",")) }
        JSONTree.quote(member.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (number, element) in elements.enumerated() {
        if number > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .string(let text): JSONTree.quote(text, to: &bytes)
    case .token(let text): bytes.append(contentsOf: text.utf8)
    }
  }

  private static func quote(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: bytes += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

// MARK: - Changes

extension JSONTree {
  /// Changes one thing, near the root more often than deep in long lists.
  mutating func mutate(_ dice: inout Dice, donor: JSONTree) {
    switch self {
    case .object(var members) where !members.isEmpty && !dice.once(in: 16):
      let place = dice.below(members.count)
      switch dice.below(14) {
      case 0: members.remove(at: place)
      case 1: members.insert(members[place], at: dice.below(members.count + 1))
      case 2: members[place].name = Values.edited(members[place].name, &dice)
      case 3: members.append((Values.text(&dice), donor.node(&dice)))
      case 4: members[place].value = members[dice.below(members.count)].value
      case 5: members[place].value = donor.node(&dice)
      default: members[place].value.mutate(&dice, donor: donor)
      }
      self = .object(members)
    case .array(var elements) where !elements.isEmpty && !dice.once(in: 8):
      let place = dice.below(elements.count)
      switch dice.below(12) {
      case 0: elements.remove(at: place)
      case 1: elements.insert(elements[dice.below(elements.count)], at: place)
      case 2: elements.swapAt(place, dice.below(elements.count))
      case 3: elements[place] = donor.node(&dice)
      case 4: elements = Array(repeating: elements[place], count: dice.pick([0, 1, 2, 9, 17, 1000]))
      default: elements[place].mutate(&dice, donor: donor)
      }
      self = .array(elements)
    case .token(let text) where !dice.once(in: 8):
      if let number = Int(text), dice.once(in: 3) {
        self = .token("\(Values.edited(number, &dice))")
      } else {
        self = .token(dice.pick(Values.tokens))
      }
    case .string(let text) where !dice.once(in: 8): self = .string(Values.edited(text, &dice))
    default: retype(&dice, donor: donor)
    }
  }

  private mutating func retype(_ dice: inout Dice, donor: JSONTree) {
    switch dice.below(9) {
    case 0: self = .token(dice.pick(Values.tokens))
    case 1: self = .string(Values.text(&dice))
    case 2: self = .array([self])
    case 3: self = .array([self, self])
    case 4: self = .object([(Values.text(&dice), self)])
    case 5: self = .token("null")
    case 6:
      let depth = dice.pick([2, 31, 33, 600, 100_000])
      self = .token(String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth))
    case 7: self = .array((0..<dice.below(9)).map { _ in .token("\(dice.pick(Values.integers))") })
    default: self = donor.node(&dice)
    }
  }

  /// Some part of it.
  func node(_ dice: inout Dice) -> JSONTree {
    switch self {
    case .object(let members) where !members.isEmpty && !dice.once(in: 4):
      members[dice.below(members.count)].value.node(&dice)
    case .array(let elements) where !elements.isEmpty && !dice.once(in: 4):
      elements[dice.below(elements.count)].node(&dice)
    default: self
    }
  }

  /// Changes a whole file; one that is no JSON is changed byte by byte.
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var tree = JSONTree(bytes) else { return Bytes.mutate(&bytes, &dice, donor: donor) }
    let other = dice.once(in: 4) ? JSONTree(donor) ?? tree : tree
    for _ in 0..<dice.few() { tree.mutate(&dice, donor: other) }
    bytes = tree.bytes
  }
}
