/// The fields of a protocol-buffer message, written again with lengths that fit, but for what is changed on purpose.
struct MessageParts {
  enum Value {
    case integer(UInt64)
    case fixed([UInt8])
    case bytes([UInt8])
    case message(MessageParts)
  }

  private var fields: [(number: Int, value: Value)] = []

  /// - Parameter messages: The fields that hold messages, by number; below them only plain fields.
  init?(_ bytes: [UInt8], messages: Set<Int> = []) {
    var place = 0
    func integer() -> UInt64? {
      var result: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 64, by: 7) {
        guard place < bytes.count else { return nil }
        result |= UInt64(bytes[place] & 0x7F) << shift
        place += 1
        if bytes[place - 1] < 0x80 { return result }
      }
      return nil
    }
    while place < bytes.count {
      guard let key = integer() else { return nil }
      let number = Int(key >> 3)
      switch key & 7 {
      case 0:
        guard let value = integer() else { return nil }
        fields.append((number, .integer(value)))
      case 2:
        guard let length = integer(), length <= UInt64(bytes.count - place) else { return nil }
        let part = Array(bytes[place..<place + Int(length)])
        let message = messages.contains(number) ? MessageParts(part) : nil
        fields.append((number, message.map(Value.message) ?? .bytes(part)))
        place += Int(length)
      case let kind where kind == 1 || kind == 5:
        let width = kind == 1 ? 8 : 4
        guard place + width <= bytes.count else { return nil }
        fields.append((number, .fixed(Array(bytes[place..<place + width]))))
        place += width
      default: return nil
      }
    }
  }

  private func bytes(_ dice: inout Dice) -> [UInt8] {
    var result: [UInt8] = []
    for (number, value) in fields {
      switch value {
      case .integer(let value):
        result += MessageParts.integer(UInt64(number) << 3) + MessageParts.integer(value)
      case .fixed(let bytes):
        result += MessageParts.integer(UInt64(number) << 3 | (bytes.count == 8 ? 1 : 5)) + bytes
      case .bytes(let bytes): result += MessageParts.field(number, bytes, &dice)
      case .message(let message): result += MessageParts.field(number, message.bytes(&dice), &dice)
      }
    }
    return result
  }

  private static func field(_ number: Int, _ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
    let length =
      dice.once(in: 20_000) ? UInt64(bitPattern: Int64(dice.pick(Values.integers))) : UInt64(bytes.count)
    return integer(UInt64(number) << 3 | 2) + integer(length) + bytes
  }

  private static func integer(_ value: UInt64) -> [UInt8] {
    var (value, result) = (value, [UInt8]())
    while value >= 0x80 {
      result.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    return result + [UInt8(value)]
  }

  /// Changes a whole file.
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, messages: Set<Int>, donor: [UInt8]) {
    guard var parts = MessageParts(bytes, messages: messages) else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    for _ in 0..<dice.few() { parts.mutate(&dice) }
    bytes = parts.bytes(&dice)
  }

  private mutating func mutate(_ dice: inout Dice) {
    guard !fields.isEmpty else {
      fields.append((1 + dice.below(50), .integer(UInt64(dice.below(300)))))
      return
    }
    // Rare fields say more than one of many pieces.
    let rare = fields.indices.filter { fields[$0].number != 1 }
    let place = rare.isEmpty || dice.once(in: 2) ? dice.below(fields.count) : dice.pick(rare)
    switch dice.below(10) {
    case 0: fields.remove(at: place)
    case 1: fields.insert(fields[place], at: dice.below(fields.count + 1))
    case 2: fields.swapAt(place, dice.below(fields.count))
    case 3: fields[place].number = dice.pick([0, 1, 2, 3, 4, 5, 24, 35, 44, 1 << 28, dice.below(60)])
    default:
      switch fields[place].value {
      case .integer(let value):
        fields[place].value = .integer(
          UInt64(bitPattern: Int64(Values.edited(Int(truncatingIfNeeded: value), &dice))))
      case .fixed(let bytes):
        fields[place].value = .fixed(
          Bytes.littleEndian(Int(dice.pick(Values.floats).bitPattern), bytes.count))
      case .bytes(var bytes):
        if let text = String(validating: bytes, as: UTF8.self), !dice.once(in: 3) {
          bytes = Array(Values.edited(text, &dice).utf8)
        } else {
          Bytes.mutate(&bytes, &dice, donor: [])
        }
        fields[place].value = .bytes(bytes)
      case .message(var message):
        message.mutate(&dice)
        fields[place].value = .message(message)
      }
    }
  }
}
