/// A ZIP archive in parts, written again with checksums and sizes that fit, but for what is changed on purpose.
struct ZipParts {
  struct Entry {
    var name: [UInt8]
    /// As stored: compressed where `method` is 8.
    var stored: [UInt8]
    var method: Int
    var checksum: Int
    var count: Int
    /// Written over fields of the directory or the local header: place, width, value.
    var patches: [(isLocal: Bool, place: Int, width: Int, value: Int)] = []
    var extra: [UInt8] = []

    /// Takes other contents, compressed as before; a checksum that fits.
    mutating func set(contents: [UInt8], _ dice: inout Dice) {
      method = dice.pick([0, 0, 8])
      stored = method == 8 ? Deflate.encode(contents, &dice) : contents
      (checksum, count) = (Bytes.checksum(contents), contents.count)
    }
  }

  var entries: [Entry] = []

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 22 else { return nil }
    let end = bytes.count - 22
    var place = Bytes.littleEndian(in: bytes[(end + 16)..<(end + 20)])
    for _ in 0..<Bytes.littleEndian(in: bytes[(end + 10)..<(end + 12)]) {
      func field(_ offset: Int, _ width: Int, from start: Int) -> Int {
        start + offset + width <= bytes.count
          ? Bytes.littleEndian(in: bytes[(start + offset)..<(start + offset + width)]) : 0
      }
      let (name, extra) = (field(28, 2, from: place), field(30, 2, from: place))
      let local = field(42, 4, from: place)
      let data = local + 30 + field(26, 2, from: local) + field(28, 2, from: local)
      let size = field(20, 4, from: place)
      guard place + 46 + name <= bytes.count, data + size <= bytes.count else { return nil }
      entries.append(
        Entry(
          name: Array(bytes[(place + 46)..<(place + 46 + name)]), stored: Array(bytes[data..<(data + size)]),
          method: field(10, 2, from: place), checksum: field(16, 4, from: place),
          count: field(24, 4, from: place)))
      place += 46 + name + extra + field(32, 2, from: place)
    }
  }

  /// The archive; `patch` changes fields of the end record.
  func bytes(_ dice: inout Dice, patch: (place: Int, width: Int, value: Int)? = nil) -> [UInt8] {
    var body: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let sizes =
        Bytes.littleEndian(entry.checksum, 4) + Bytes.littleEndian(entry.stored.count, 4)
        + Bytes.littleEndian(entry.count, 4) + Bytes.littleEndian(entry.name.count, 2)
        + Bytes.littleEndian(entry.extra.count, 2)
      var local = Bytes.littleEndian(0x0403_4B50, 4) + [20, 0, 0, 0] + Bytes.littleEndian(entry.method, 2)
      local += [0, 0, 0x21, 0] + sizes
      var central =
        Bytes.littleEndian(0x0201_4B50, 4) + [20, 0, 20, 0, 0, 0] + Bytes.littleEndian(entry.method, 2)
      central +=
        [0, 0, 0x21, 0] + sizes + [UInt8](repeating: 0, count: 10) + Bytes.littleEndian(body.count, 4)
      for patch in entry.patches {
        if patch.isLocal {
          Bytes.set(&local, at: patch.place, to: patch.value, width: patch.width)
        } else {
          Bytes.set(&central, at: patch.place, to: patch.value, width: patch.width)
        }
      }
      body += local + entry.name + entry.extra + entry.stored
      directory += central + entry.name + entry.extra
    }
    var end = Bytes.littleEndian(0x0605_4B50, 4) + [0, 0, 0, 0]
    end += Bytes.littleEndian(entries.count, 2) + Bytes.littleEndian(entries.count, 2)
    end += Bytes.littleEndian(directory.count, 4) + Bytes.littleEndian(body.count, 4) + [0, 0]
    if let patch { Bytes.set(&end, at: patch.place, to: patch.value, width: patch.width) }
    var locator: [UInt8] = []
    if dice.once(in: 12) {
      // The 64-bit end record and where it lies.
      var wide = Bytes.littleEndian(0x0606_4B50, 4) + Bytes.littleEndian(44, 8) + [45, 0, 45, 0]
      wide += [UInt8](repeating: 0, count: 8) + Bytes.littleEndian(entries.count, 8)
      for number in [entries.count, directory.count, body.count] {
        wide += Bytes.littleEndian(dice.once(in: 3) ? dice.pick(Values.integers) : number, 8)
      }
      let place = dice.once(in: 4) ? dice.pick(Values.integers) : body.count + directory.count
      locator =
        wide + Bytes.littleEndian(0x0706_4B50, 4) + [0, 0, 0, 0] + Bytes.littleEndian(place, 8) + [
          1, 0, 0, 0,
        ]
    }
    return body + directory + locator + end
  }

  /// Changes an archive of arrays: mostly inside of them, so that the checksums fit.
  static func mutate(arrays bytes: inout [UInt8], _ dice: inout Dice, donor: [UInt8]) {
    guard var parts = ZipParts(bytes), !parts.entries.isEmpty else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    for _ in 0..<dice.few() where !parts.entries.isEmpty { parts.mutate(&dice) }
    let fields = [(4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]
    let (place, width) = dice.pick(fields)
    let patch = dice.once(in: 12) ? (place, width, dice.pick(Values.integers)) : nil
    bytes = parts.bytes(&dice, patch: patch)
  }

  private mutating func mutate(_ dice: inout Dice) {
    let place = dice.below(entries.count)
    switch dice.below(12) {
    case 0: entries.remove(at: place)
    case 1: entries.append(entries[place])
    case 2:
      entries[place].name = Array(
        Values.edited(String(decoding: entries[place].name, as: UTF8.self), &dice).utf8.prefix(60_000))
    case 3:
      let fields = [
        (4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4),
      ]
      let (field, width) = dice.pick(fields)
      entries[place].patches.append((false, field, width, dice.pick(Values.integers)))
    case 4:
      let (field, width) = dice.pick([(0, 4), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)])
      entries[place].patches.append((true, field, width, dice.pick(Values.integers)))
    case 5:
      // Sizes and offset in a 64-bit extra field.
      let values = (0..<dice.below(4)).map { _ in Bytes.littleEndian(dice.pick(Values.integers), 8) }.flatMap(
        \.self)
      let length = dice.once(in: 3) ? dice.below(64) : values.count
      entries[place].extra = [1, 0] + Bytes.littleEndian(length, 2) + values
      for field in [20, 24, 42] where dice.once(in: 2) {
        entries[place].patches.append((false, field, 4, 0xFFFF_FFFF))
      }
    case 6 where entries[place].method == 8:
      Bytes.mutate(&entries[place].stored, &dice, donor: [])
    case 7: entries[place].count = Values.edited(entries[place].count, &dice)
    default:
      guard var contents = entries[place].contents else { return }
      if dice.once(in: 8) {
        Bytes.mutate(&contents, &dice, donor: [])
      } else if entries[place].name.suffix(4) == Array(".pkl".utf8)[...] {
        PickleParts.mutate(&contents, &dice)
      } else {
        NumPyParts.mutate(&contents, &dice, donor: [])
      }
      entries[place].set(contents: contents, &dice)
    }
  }
}
