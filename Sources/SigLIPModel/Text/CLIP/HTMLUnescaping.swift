extension HTMLEntities {
  /// The text of each name, and of which names it holds without a semicolon.
  private static let names: [String: (text: String, needsSemicolon: Bool)] = {
    var names: [String: (String, Bool)] = [:]
    for entry in table.split(separator: " ") {
      guard let mark = entry.firstIndex(where: { $0 == "!" || $0 == ":" }) else { continue }
      let scalars = entry[entry.index(after: mark)...].split(separator: "+").compactMap {
        UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
      }
      names[String(entry[..<mark])] = (String(String.UnicodeScalarView(scalars)), entry[mark] == ":")
    }
    return names
  }()

  /// Names that stand for the capital form of their character when they are in capitals, unless they mean another.
  private static let capitalNames: [String: String] = {
    var result: [String: String] = [:]
    for (name, entry) in names where name == name.lowercased() {
      let capital = name.uppercased()
      // Neither is any beginning of the name one that needs no semicolon.
      if unescape("&\(capital);") == "&\(capital);" { result[capital] = entry.text.uppercased() }
    }
    return result
  }()

  /// What the standard makes of a named reference, with or without its semicolon; nil if it is none.
  private static func text(ofName name: String, hasSemicolon: Bool) -> String? {
    guard let entry = names[name], hasSemicolon || !entry.needsSemicolon else { return nil }
    return entry.text
  }

  /// The text with its character references replaced, as Python's `html.unescape` does it.
  static func unescape(_ text: String) -> String {
    replaceReferences(in: text) { scalars in
      if scalars.first == "#" { return numeric(scalars).map { ($0.text, $0.length) } }
      let name = scalars.prefix(32).prefix { !"\t\n\u{C} <&#;".unicodeScalars.contains($0) }
      if name.isEmpty { return nil }
      let hasSemicolon = scalars.dropFirst(name.count).first == ";"
      if let text = self.text(ofName: String(String.UnicodeScalarView(name)), hasSemicolon: hasSemicolon) {
        return (text, name.count + (hasSemicolon ? 1 : 0))
      }
      // The longest beginning that is a name by itself.
      for length in stride(from: hasSemicolon ? name.count : name.count - 1, to: 1, by: -1) {
        let beginning = String(String.UnicodeScalarView(name.prefix(length)))
        if let text = self.text(ofName: beginning, hasSemicolon: false) { return (text, length) }
      }
      return nil
    }
  }

  /// The text with references replaced that end in a semicolon and name one character, as ftfy does it.
  static func unescapeUnambiguous(_ text: String) -> String {
    replaceReferences(in: text) { scalars in
      let isNumeric = scalars.first == "#"
      let name = scalars.dropFirst(isNumeric ? 1 : 0).prefix(25).prefix {
        $0.isASCII && ("0"..."9" ~= $0 || "a"..."z" ~= $0 || "A"..."Z" ~= $0)
      }
      let length = name.count + (isNumeric ? 2 : 1)
      guard 1...24 ~= name.count, scalars.dropFirst(length - 1).first == ";" else { return nil }
      if isNumeric { return numeric(scalars).flatMap { $0.length == length ? ($0.text, length) : nil } }
      let text = String(String.UnicodeScalarView(name))
      return (names[text]?.text ?? capitalNames[text]).map { ($0, length) }
    }
  }

  /// Replaces every reference for which `body`, which sees what follows the ampersand, gives a text and a length.
  private static func replaceReferences(
    in text: String, _ body: (ArraySlice<Unicode.Scalar>) -> (text: String, length: Int)?
  ) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var position = 0
    while position < scalars.count {
      if scalars[position] == "&", let (replacement, length) = body(scalars[(position + 1)...]) {
        result.append(contentsOf: replacement.unicodeScalars)
        position += 1 + length
      } else {
        result.append(scalars[position])
        position += 1
      }
    }
    return String(result)
  }

  /// A reference by number, `scalars` beginning with its number sign.
  private static func numeric(_ scalars: ArraySlice<Unicode.Scalar>) -> (text: String, length: Int)? {
    var digits = scalars.dropFirst()
    var prefix = 1
    var isHexadecimal = false
    if digits.first == "x" || digits.first == "X" {
      isHexadecimal = true
      digits = digits.dropFirst()
      prefix = 2
    }
    var value: UInt32 = 0
    var count = 0
    for scalar in digits {
      guard scalar.isASCII, let digit = Character(scalar).hexDigitValue, isHexadecimal || digit < 10 else {
        break
      }
      value = min(value * (isHexadecimal ? 16 : 10) + UInt32(digit), 0x11_0000)
      count += 1
    }
    if count == 0 { return nil }
    let hasSemicolon = digits.dropFirst(count).first == ";"
    return (text(ofNumber: value), prefix + count + (hasSemicolon ? 1 : 0))
  }

  /// The character of a number; those that the standard calls errors become others, or vanish.
  private static func text(ofNumber value: UInt32) -> String {
    switch value {
    case 0: return "\u{FFFD}"
    case 0x80...0x9F: return String(Character(windows1252(value)))
    case 0x09, 0x0A, 0x0C, 0x0D: break
    case 0x01...0x1F, 0x7F, 0xFDD0...0xFDEF: return ""
    case _ where value & 0xFFFE == 0xFFFE && value < 0x11_0000: return ""
    default: break
    }
    return Unicode.Scalar(value).map { String(Character($0)) } ?? "\u{FFFD}"
  }

  /// What Windows-1252 has at a place where Latin-1 has a control character; itself where it has nothing.
  static func windows1252(_ value: UInt32) -> Unicode.Scalar {
    let scalars: [UInt32] = [
      0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0x8D,
      0x17D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A,
      0x153, 0x9D, 0x17E, 0x178,
    ]
    return Unicode.Scalar(scalars[Int(value - 0x80)]) ?? "\u{FFFD}"
  }
}
