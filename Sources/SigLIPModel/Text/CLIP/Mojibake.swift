/// ftfy's heuristic: characters that follow each other where UTF-8 was decoded in a wrong encoding, and hardly ever
/// elsewhere (ftfy 6.3.1, `badness.py`, Apache-2.0).
struct Mojibake {
  private let text: [Unicode.Scalar]
  private let kinds: [MojibakeKind]

  /// Whether there are any in the text.
  static func isLikely(in text: [Unicode.Scalar]) -> Bool {
    let mojibake = Mojibake(text: text, kinds: text.map(MojibakeKind.init))
    // Whatever is unlikely has such a character, with at most two others before it.
    return text.indices.contains { !mojibake.kinds[$0].isEmpty && mojibake.isUnlikely(at: $0) }
  }

  private func scalar(_ index: Int) -> Unicode.Scalar? { text.indices ~= index ? text[index] : nil }

  private func isKind(_ index: Int, _ kinds: MojibakeKind) -> Bool {
    text.indices ~= index && !self.kinds[index].isDisjoint(with: kinds)
  }

  private func isOne(_ index: Int, of scalars: String) -> Bool {
    scalar(index).map(scalars.unicodeScalars.contains) ?? false
  }

  private func isUnlikely(at index: Int) -> Bool {
    isKind(index, .control) || hasUnlikelyKinds(at: index) || isUnlikelyAfterOthers(at: index)
      || hasUnlikelyLatin(at: index) || hasUnlikelyRest(at: index)
  }

  private static let marks: MojibakeKind = [.accented, .box, .opening, .closing, .currency, .numeric, .law]

  /// Kinds that are unlikely one after another.
  private static let pairs: [(MojibakeKind, MojibakeKind)] = [
    (marks.union(.bad), .bad), (.bad, marks),
    ([.lowerAccented, .lowerCommon, .box, .closing, .currency, .numeric], .upperAccented),
    ([.box, .closing, .currency, .numeric], .lowerAccented), ([.lowerAccented, .box, .closing], .currency),
    ([.upperAccented, .box], [.numeric, .law]), ([.currency, .numeric, .box], .opening),
    (.box, [.kaomoji, .closing]), (marks.subtracting(.box), .box),
  ]

  private func hasUnlikelyKinds(at index: Int) -> Bool {
    let next = index + 1
    return Mojibake.pairs.contains { isKind(index, $0.0) && isKind(next, $0.1) }
      || isKind(index, [.accented, .box, .currency, .closing]) && isKind(next, .opening)
        && isKind(next + 1, .numeric)
      || isKind(index, [.accented, .box, .currency, .numeric, .law]) && isKind(next, .closing)
        && isKind(next + 1, .opening)
      || isKind(index, .accented) && isKind(next, [.opening, .closing])
        && scalar(next + 1).map(\.isPythonWordCharacter) ?? false
  }

  /// Characters that depend on those before them.
  private func isUnlikelyAfterOthers(at index: Int) -> Bool {
    let (before, next) = (scalar(index - 1), index + 1)
    if isKind(index, [.upperCommon, .lowerCommon]) { return before.isLetter && isKind(next, .bad) }
    guard isKind(index, .upperAccented) else { return false }
    if before.isSmallLetter, isKind(next, [.opening, .currency]) { return true }
    if let before, before.isPythonSpace, isKind(next, .currency) { return true }
    guard isOne(index, of: "ÃÂ") else { return false }
    if scalar(next) == " " {
      // At the beginning, or behind a letter, with or without white space between.
      if before.isSmallLetter { return true }
      guard let before else { return true }
      if before.isPythonSpace, scalar(index - 2).isSmallLetter { return true }
    }
    return scalar(index) == "Â"
      && (before.isSmallLetter || isOne(index - 1, of: ".,?!") || isKind(index - 1, .closing))
      && (scalar(next) == " " || isKind(next, [.opening, .closing]))
  }

  /// Characters of Windows-1252 that stand for bytes of UTF-8.
  private func hasUnlikelyLatin(at index: Int) -> Bool {
    let next = index + 1
    if isKind(index, .upperAccented), scalar(next) == "°" { return true }
    switch scalar(index) {
    case "Œ", "œ": return next < text.count && !scalar(next).isLetter
    case "Ã" where isOne(next, of: "\u{A0}¡"): return true
    case "Â", "Ã", "Î", "Ð":
      return isKind(next, [.opening, .closing]) || isOne(next, of: "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´")
    case "Ø", "Ù":
      return isArabicByte(next) && isOne(next + 1, of: "ØÙ") && isArabicByte(next + 2)
    case "×": return isOne(next, of: "²³")
    case "à": return isOne(next, of: "²µ¹¼½¾")
    case "ā": return scalar(next) == "€"
    default: return false
    }
  }

  /// What comes second in Arabic letters.
  private func isArabicByte(_ index: Int) -> Bool {
    isKind(index, [.common, .currency, .bad, .numeric, .opening]) || isOne(index, of: "ŸŠ®°µ»")
  }

  /// Characters of Mac OS Roman, Windows-1251 and Windows-1253 that stand for bytes of UTF-8.
  private func hasUnlikelyRest(at index: Int) -> Bool {
    let next = index + 1
    switch scalar(index) {
    case "√": return isOne(next, of: "±∂†≠®™´≤≥¥µø")
    case "≈": return isOne(next, of: "°¢")
    case "‚":
      return scalar(next) == "Ä" && isOne(next + 1, of: "ìîïòôúùû†°¢π")
        || isOne(next, of: "âó") && isOne(next + 1, of: "àä°ê")
    case "в": return scalar(next) == "Ђ"
    case "В", "Г", "Р", "С":
      return isOne(next + 1, of: "ВГРС") && (isByte(next) || scalar(next) == "µ")
        || isTwiceDamaged(at: index)
    case "β": return scalar(next) == "€" && isOne(next + 1, of: "™\u{A0}Ά\u{AD}®°")
    case "Β", "Γ", "Ξ", "Ο": return isOne(next + 1, of: "ΒΓΞΟ") && isByte(next)
    default: return false
    }
  }

  /// What comes second in letters of Latin-1, Greek and Cyrillic.
  private func isByte(_ index: Int) -> Bool {
    isKind(index, [.control, .bad, .opening, .closing, .currency]) || scalar(index) == "°"
  }

  /// Windows-1251 in place of UTF-8, of Windows-1252 in place of UTF-8, beside a Latin letter.
  private func isTwiceDamaged(at index: Int) -> Bool {
    text[index...].starts(with: "ГўВЂВ".unicodeScalars) && index + 6 < text.count && text[index + 5] != "\n"
      && (scalar(index + 6) == " " || scalar(index + 6).isLetter)
  }
}

extension Unicode.Scalar {
  /// Whether Python's `\w` takes it for part of a word.
  fileprivate var isPythonWordCharacter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: properties.numericType != nil || self == "_"
    }
  }
}

extension Unicode.Scalar? {
  /// Whether it is one of a to z.
  fileprivate var isSmallLetter: Bool { map { "a"..."z" ~= $0 } ?? false }

  /// Whether it is one of a to z or A to Z.
  fileprivate var isLetter: Bool { isSmallLetter || map { "A"..."Z" ~= $0 } ?? false }
}
