import Tensor

/// A safetensors file in parts, changed so that the header still fits the data, or so that only one thing does not.
struct SafetensorsParts {
  struct Array {
    var name: String
    var type: String
    var shape: [Int]
    var bytes: [UInt8]
  }

  var arrays: [Array] = []
  private var metadata: JSONTree?

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 8 else { return nil }
    let length = Bytes.littleEndian(in: bytes[0..<8])
    guard length >= 0, length <= bytes.count - 8,
      case .object(let members)? = JSONTree(Swift.Array(bytes[8..<8 + length]))
    else { return nil }
    for (name, value) in members {
      guard name != "__metadata__" else {
        metadata = value
        continue
      }
      guard case .object(let fields) = value else { return nil }
      var array = Array(name: name, type: "", shape: [], bytes: [])
      for (field, value) in fields {
        switch (field, value) {
        case ("dtype", .string(let type)): array.type = type
        case ("shape", .array(let sizes)): array.shape = sizes.compactMap(\.integer)
        case ("data_offsets", .array(let offsets)):
          let offsets = offsets.compactMap(\.integer)
          guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
            offsets[1] <= bytes.count - 8 - length
          else { return nil }
          array.bytes = Swift.Array(bytes[8 + length + offsets[0]..<8 + length + offsets[1]])
        default: return nil
        }
      }
      arrays.append(array)
    }
  }

  private var header: JSONTree {
    var offset = 0
    var members: [(name: String, value: JSONTree)] = metadata.map { [("__metadata__", $0)] } ?? []
    for array in arrays {
      let end = offset + array.bytes.count
      let shape = array.shape.map { JSONTree.token("\($0)") }
      members.append(
        (
          array.name,
          .object([
            ("dtype", .string(array.type)), ("shape", .array(shape)),
            ("data_offsets", .array([.token("\(offset)"), .token("\(end)")])),
          ])
        ))
      offset = end
    }
    return .object(members)
  }

  private func file(header: [UInt8], length: Int? = nil) -> [UInt8] {
    Bytes.littleEndian(length ?? header.count, 8) + header + arrays.flatMap(\.bytes)
  }

  /// Changes a whole file.
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var parts = SafetensorsParts(bytes) else { return Bytes.mutate(&bytes, &dice, donor: donor) }
    // What fits together is changed in most inputs, so that many get past the header.
    if !dice.once(in: 4) {
      let other = dice.once(in: 4) ? SafetensorsParts(donor) : nil
      for _ in 0..<dice.few() { parts.mutate(&dice, donor: other) }
    }
    var header = parts.header
    if dice.once(in: 2) { for _ in 0..<dice.few() { header.mutate(&dice, donor: header) } }
    bytes = parts.file(header: header.bytes, length: dice.once(in: 24) ? dice.pick(Values.integers) : nil)
  }

  private mutating func mutate(_ dice: inout Dice, donor: SafetensorsParts?) {
    guard !arrays.isEmpty else { return }
    let place = dice.below(arrays.count)
    switch dice.below(9) {
    case 0: arrays.remove(at: place)
    case 1: arrays.append(arrays[place])
    case 2: arrays[place].name = Values.edited(arrays[place].name, &dice)
    case 3:
      // Another type, and as many bytes as it takes.
      let types = ElementType.allCases
      let type = dice.pick(types)
      let count = arrays[place].shape.reduce(1) { $0 &* $1 }
      arrays[place].type = type.rawValue
      arrays[place].bytes = Bytes.stretched(
        arrays[place].bytes, to: max(0, min(count, 1 << 16)) * type.byteCount)
    case 4:
      (arrays[place].shape, arrays[place].bytes) = Shapes.refitted(
        arrays[place].shape, arrays[place].bytes, &dice)
    case 5: arrays.swapAt(place, dice.below(arrays.count))
    case 6:
      if let donor, !donor.arrays.isEmpty { arrays[place] = dice.pick(donor.arrays) }
    default: Shapes.mutate(floats: &arrays[place].bytes, &dice)
    }
  }
}

extension JSONTree {
  var integer: Int? {
    guard case .token(let text) = self else { return nil }
    return Int(text)
  }
}

/// Shapes that their data fits, which readers must not believe all the same.
enum Shapes {
  /// Other sizes for the axes, and data that fills them.
  static func refitted(_ shape: [Int], _ bytes: [UInt8], _ dice: inout Dice) -> ([Int], [UInt8]) {
    var shape = shape
    let place = dice.below(shape.count + 1)
    switch dice.below(8) {
    case 0:
      // Nothing, of impossible sizes.
      return ((0..<(1 + dice.below(4))).map { _ in dice.pick(Values.sizes) } + [0], [])
    case 1: return ([0] + (0..<(1 + dice.below(3))).map { _ in dice.pick(Values.sizes) }, [])
    case 2: shape.insert(contentsOf: [Int](repeating: 1, count: dice.pick([1, 2, 7, 8, 9, 40])), at: place)
    case 3: shape = [shape.reduce(1) { $0 &* $1 }]
    case 4: shape.reverse()
    case 5 where place < shape.count && shape[place] == 1: shape.remove(at: place)
    case 6 where place < shape.count && shape[place] > 0:
      // One row more or fewer.
      let rows = max(0, shape[place] &+ dice.pick([-1, 1]))
      let count = bytes.count / shape[place] * rows
      shape[place] = rows
      return (shape, Bytes.stretched(bytes, to: count))
    default: dice.shuffle(&shape)
    }
    return (shape, bytes)
  }

  /// Other numbers of 4 bytes.
  static func mutate(floats bytes: inout [UInt8], _ dice: inout Dice) {
    let values = dice.few()
    for _ in 0..<values {
      let bits = Int(dice.pick(Values.floats).bitPattern)
      Bytes.set(&bytes, at: dice.below(bytes.count / 4) * 4, to: bits, width: 4)
    }
  }
}
