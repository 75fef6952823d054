/// Choices that are the same for the same seed, reader and index, whatever else is run: SplitMix64 (Steele, Lea & Flood
/// 2014).
struct Dice {
  private var state: UInt64

  init(seed: UInt64, reader: String, index: Int) {
    // FNV-1a: Swift's own hashes differ from run to run.
    let name = reader.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    state = name ^ seed &* 0xD134_2543_DE82_EF95
    state = next() &+ UInt64(bitPattern: Int64(index))
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// 0 up to `count`, without it; 0 for a count of 0.
  mutating func below(_ count: Int) -> Int { count < 1 ? 0 : Int(next() % UInt64(count)) }

  /// True once in so many times.
  mutating func once(in times: Int) -> Bool { below(times) == 0 }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 32) }

  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  mutating func shuffle<T>(_ items: inout [T]) {
    for place in items.indices.dropLast() { items.swapAt(place, place + below(items.count - place)) }
  }

  /// 1, 2, 3 and so on, each half as often as the one before.
  mutating func few() -> Int { 1 + min(next().trailingZeroBitCount, 5) }
}
