/// Numbers and texts at which readers go wrong.
enum Values {
  /// Whole numbers around the limits of types, and what a header may multiply to them.
  static let integers = [
    0, 1, -1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 64, 127, 128, 255, 256, 257, 1000, 4096, 32_767, 32_768, 65_535,
    65_536,
    100_000, 1_000_000, 16_777_216, 16_777_217, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, -(1 << 31),
    (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 1 << 40, 1 << 53, 1 << 60, 1 << 61, 1 << 62, (1 << 62) + 1,
    3_037_000_500, Int.max - 1, Int.max, Int.min, Int.min + 1,
  ]

  /// What may stand where a number is expected.
  static let tokens =
    integers.map(String.init) + [
      "-0", "0.0", "0.5", "1.0", "1.5", "2.0", "-0.5", "224.0", "1e1", "1e3", "1e18", "1e19", "1e30", "-1e30",
      "1e300",
      "1e400", "-1e400", "1e-30", "1e-300", "1e-400", "9223372036854775808", "18446744073709551615",
      "18446744073709551616", "340282366920938463463374607431768211456", "1E+2", "NaN", "nan", "Infinity",
      "-Infinity",
      "inf", "00", "01", "+1", "1.", ".5", "0x10", "1e", "--1", "true", "false", "null", "\"12\"", "\"\"",
      "\"NaN\"",
      "[]", "{}", "[1,1]", "[0]", "[1,[2]]", "{\"height\":1}",
    ]

  /// Sizes of axes.
  static let sizes = integers.filter { $0 >= 0 }

  static let floats: [Float] = [
    0, -0.0, 1, -1, 0.5, .nan, -.nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, .leastNormalMagnitude, .leastNonzeroMagnitude, 1e-6, 88.8, 1e4, 1e20,
    16_777_216,
    2_147_483_648,
  ]

  /// Texts that messages and terminals may take amiss, and that are not what a reader expects.
  static let texts = [
    "", " ", "a", "\u{0}", "\n", "\r\n", "\t", "\u{1B}[31mred\u{1B}[0m", "\u{1B}]0;title\u{7}", "two\nlines",
    "\u{7F}",
    "\u{85}", "\u{9B}2J", "\u{2028}", "\u{2029}", "\u{202E}reversed", "\u{FEFF}", "\u{FFFD}", "é", "e\u{301}",
    "▁", "▁▁",
    "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "\u{10FFFF}", "../../etc/passwd", "/dev/zero", "/", ".",
    "..",
    "a/b", "%s%n", "\\", "\"", "'", "<unk>", "</s>", "<eos>", "<pad>", "<0x0A>", "<|endoftext|>",
    "__metadata__",
    "params/", "weight", "siglip", "siglip2", "F32", "BF16", "U8", "<f4", "|V2", "nan", "null", "0",
  ]

  static func text(_ dice: inout Dice) -> String {
    switch dice.below(12) {
    case 0: return String(repeating: dice.pick(texts), count: dice.pick([2, 10, 100, 1000]))
    case 1: return String(repeating: "x", count: dice.pick([10, 100, 1000, 10_000, 70_000]))
    case 2: return dice.pick(texts) + dice.pick(texts)
    default: return dice.pick(texts)
    }
  }

  /// A text edited a little.
  static func edited(_ text: String, _ dice: inout Dice) -> String {
    var scalars = Array(text.unicodeScalars)
    let place = dice.below(scalars.count + 1)
    switch dice.below(7) {
    case 0: return Values.text(&dice)
    case 1: scalars.insert(contentsOf: dice.pick(texts).unicodeScalars, at: place)
    case 2: scalars.removeSubrange(place...)
    case 3: scalars += scalars
    case 4 where place < scalars.count: scalars.remove(at: place)
    case 5 where place < scalars.count:
      scalars[place] = dice.pick(["0", "9", "-", "A", "z", "\u{1B}", "\n", "ß", "漢"])
    default: scalars.insert(contentsOf: Values.text(&dice).unicodeScalars, at: place)
    }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars)
    return String(result)
  }

  /// A number edited a little, or another one.
  static func edited(_ number: Int, _ dice: inout Dice) -> Int {
    switch dice.below(8) {
    case 0: return number &+ 1
    case 1: return number &- 1
    case 2: return number &* 2
    case 3: return number / 2
    case 4: return 0 &- number
    case 5: return number ^ (1 << dice.below(63))
    default: return dice.pick(integers)
    }
  }
}
