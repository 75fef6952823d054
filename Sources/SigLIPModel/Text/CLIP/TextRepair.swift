import Foundation

/// The repairs that CLIP's code makes to text with ftfy's `fix_text`.
package enum TextRepair {
  /// The repaired text.
  package static func repair(_ text: String) -> String {
    var result = ""
    // An opening angle bracket says that references are meant as they are, from its line on.
    var unescapes = true
    var rest = text.unicodeScalars[...]
    while !rest.isEmpty {
      var end = rest.firstIndex(of: "\n").map(rest.index(after:)) ?? rest.endIndex
      // Longer lines are repaired in parts.
      end = rest.index(rest.startIndex, offsetBy: 1_000_000, limitedBy: end) ?? end
      let line = String(rest[..<end])
      rest = rest[end...]
      if line.utf8.contains(UInt8(ascii: "<")) { unescapes = false }
      result += repair(line: line, unescapes: unescapes)
    }
    return result
  }

  /// Repairs until nothing changes any more: one repair can make another one due.
  private static func repair(line: String, unescapes: Bool) -> String {
    var line = line
    while true {
      var next = unescapes ? HTMLEntities.unescapeUnambiguous(line) : line
      next = replaceScalars(EncodingRepair.repair(next))
      next = removeTerminalEscapes(next)
      next = next.removingScalars(where: isControl).canonicallyComposed
      if next.utf8.elementsEqual(line.utf8) { return line }
      line = next
    }
  }

  /// Ligatures, letters of other widths, curly quotes, line breaks.
  private static func replaceScalars(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var followsReturn = false
    for scalar in text.unicodeScalars {
      var replacement = [scalar]
      switch scalar.value {
      case 0x3000: replacement = [" "]
      case 0xFF01...0xFFEF:
        replacement = Array(
          String(Character(scalar)).precomposedStringWithCompatibilityMapping.unicodeScalars)
      default: if let letters = ligatures[scalar.value] { replacement = Array(letters.unicodeScalars) }
      }
      for scalar in replacement {
        defer { followsReturn = scalar == "\r" }
        switch scalar.value {
        case 0x2BC, 0x2018...0x201B: result.append("'")
        case 0x201C...0x201F: result.append("\"")
        case 0x0A where followsReturn: break
        case 0x0D, 0x2028, 0x2029: result.append("\n")
        default: result.append(scalar)
        }
      }
    }
    return String(result)
  }

  private static let ligatures: [UInt32: String] = [
    0x132: "IJ", 0x133: "ij", 0x149: "\u{2BC}n", 0x1F1: "DZ", 0x1F2: "Dz", 0x1F3: "dz", 0x1C4: "D\u{17D}",
    0x1C5: "D\u{17E}", 0x1C6: "d\u{17E}", 0x1C7: "LJ", 0x1C8: "Lj", 0x1C9: "lj", 0x1CA: "NJ", 0x1CB: "Nj",
    0x1CC: "nj", 0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "\u{17F}t",
    0xFB06: "st",
  ]

  /// Removes what colours text in a terminal: an escape, a bracket, numbers and semicolons, a letter.
  private static func removeTerminalEscapes(_ text: String) -> String {
    guard text.utf8.contains(0x1B) else { return text }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var position = 0
    while position < scalars.count {
      if scalars[position] == "\u{1B}", position + 1 < scalars.count, scalars[position + 1] == "[" {
        var end = position + 2
        while end < scalars.count,
          scalars[end] == ";" || scalars[end].properties.generalCategory == .decimalNumber
        {
          end += 1
        }
        if end < scalars.count, "a"..."z" ~= scalars[end] || "A"..."Z" ~= scalars[end] {
          position = end + 1
          continue
        }
      }
      result.append(scalars[position])
      position += 1
    }
    return String(result)
  }

  /// Controls that no text needs (Unicode Technical Report 20).
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
    default: false
    }
  }
}
