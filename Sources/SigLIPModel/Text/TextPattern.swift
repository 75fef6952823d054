/// A set of Unicode scalars: a class of a regular expression.
struct ScalarSet: Sendable {
  /// A set that Unicode defines.
  enum Property: Sendable {
    case letter, number, space
  }

  /// What holds for ASCII, a bit for each character.
  fileprivate private(set) var low: UInt64 = 0
  fileprivate private(set) var high: UInt64 = 0
  private var ranges: [ClosedRange<UInt32>] = []
  private var properties: [(property: Property, isNegated: Bool)] = []
  private(set) var isNegated = false

  mutating func insert(_ range: ClosedRange<UInt32>) {
    ranges.append(range)
  }

  mutating func insert(_ property: Property, isNegated: Bool) {
    properties.append((property, isNegated))
  }

  mutating func negate() { isNegated.toggle() }

  /// Whether it can hold anything outside ASCII.
  var reachesBeyondASCII: Bool {
    isNegated || !properties.isEmpty || ranges.contains { $0.upperBound >= 128 }
  }

  /// Writes down what holds for ASCII; after this the set does not change any more.
  mutating func finish() {
    for value in UInt32(0)..<128 where search(value) {
      if value < 64 { low |= 1 << UInt64(value) } else { high |= 1 << UInt64(value - 64) }
    }
  }

  @inline(__always)
  func contains(_ value: UInt32) -> Bool {
    if value < 64 { return low >> UInt64(value) & 1 == 1 }
    if value < 128 { return high >> UInt64(value - 64) & 1 == 1 }
    return search(value)
  }

  private func search(_ value: UInt32) -> Bool {
    if ranges.contains(where: { $0.contains(value) }) { return !isNegated }
    guard !properties.isEmpty, let scalar = Unicode.Scalar(value) else { return isNegated }
    return properties.contains { ScalarSet.has($0.property, scalar) != $0.isNegated } != isNegated
  }

  private static func has(_ property: Property, _ scalar: Unicode.Scalar) -> Bool {
    if property == .space { return scalar.properties.isWhitespace }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return property == .letter
    case .decimalNumber, .letterNumber, .otherNumber: return property == .number
    default: return false
    }
  }
}

/// A regular expression of the kind that tokenizers use: alternatives, each a row of classes with greedy quantifiers.
struct TextPattern: Sendable {
  private struct Item: Sendable {
    var set: ScalarSet
    var minimum = 1
    var maximum = 1
    /// Whether the item only demands that no scalar of the set follows.
    var refuses = false
  }

  /// A row of items, and with which characters of ASCII, or others, it can begin.
  private struct Alternative: Sendable {
    var items: Range<Int>
    var low: UInt64
    var high: UInt64
    var takesOthers: Bool

    @inline(__always)
    func canBegin(with byte: UInt8) -> Bool {
      if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
      return byte < 128 ? high >> UInt64(byte - 64) & 1 == 1 : takesOthers
    }
  }

  private let items: [Item]
  private let alternatives: [Alternative]

  private init(_ rows: [[Item]]) {
    var items: [Item] = []
    alternatives = rows.map { row in
      let start = items.count
      items += row
      let range = start..<items.count
      guard let first = row.first, first.minimum > 0, !first.refuses else {
        return Alternative(items: range, low: .max, high: .max, takesOthers: true)
      }
      return Alternative(
        items: range, low: first.set.low, high: first.set.high, takesOthers: first.set.reachesBeyondASCII)
    }
    self.items = items
  }

  /// A pattern that is a text.
  init(literal: String) {
    // Texts repeat their characters, and making a set takes a while.
    var sets: [Unicode.Scalar: ScalarSet] = [:]
    for scalar in literal.unicodeScalars where sets[scalar] == nil {
      sets[scalar] = TextPattern.set(of: scalar.value, ignoresCase: false)
    }
    self.init([literal.unicodeScalars.map { Item(set: sets[$0]!) }])
  }

  /// Reads an expression.
  ///
  /// - Throws: ``FileError``, which `context` begins, for what is not of this kind.
  init(_ source: String, ignoresCase: Bool = false, context: String) throws {
    var parser = Parser(source, ignoresCase: ignoresCase, context: context)
    self.init(try parser.alternatives())
  }

  private static func set(of value: UInt32, ignoresCase: Bool) -> ScalarSet {
    var set = ScalarSet()
    set.insert(value...value)
    if ignoresCase, let scalar = Unicode.Scalar(value), scalar.isASCII, scalar.properties.isAlphabetic {
      set.insert((value ^ 0x20)...(value ^ 0x20))
      // Two letters outside ASCII fold to one inside: the long s and the sign for kelvin.
      if value | 0x20 == 0x73 { set.insert(0x17F...0x17F) }
      if value | 0x20 == 0x6B { set.insert(0x212A...0x212A) }
    }
    set.finish()
    return set
  }

  /// The matches in a text from left to right; they are not empty and do not overlap.
  func matches(in text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    items.withUnsafeBufferPointer { items in
      alternatives.withUnsafeBufferPointer { alternatives in
        var position = 0
        while position < text.count {
          if let end = TextPattern.match(alternatives, items, text, from: position) {
            result.append(position..<end)
            position = end
          } else {
            position += characterLength(text[position])
          }
        }
      }
    }
    return result
  }

  /// Where the match that begins at `position` ends, if there is one that is not empty.
  @inline(__always)
  private static func match(
    _ alternatives: UnsafeBufferPointer<Alternative>, _ items: UnsafeBufferPointer<Item>,
    _ text: UnsafeBufferPointer<UInt8>, from position: Int
  ) -> Int? {
    for index in alternatives.indices where alternatives[index].canBegin(with: text[position]) {
      let range = alternatives[index].items
      if let end = match(items, range, text, from: position), end > position { return end }
    }
    return nil
  }

  private static func match(
    _ items: UnsafeBufferPointer<Item>, _ range: Range<Int>, _ text: UnsafeBufferPointer<UInt8>,
    from start: Int
  ) -> Int? {
    var position = start
    for index in range {
      if items[index].refuses {
        if position < text.count && items[index].set.contains(decodeScalar(text, at: position).value) {
          return nil
        }
        continue
      }
      let (minimum, maximum) = (items[index].minimum, items[index].maximum)
      var count = 0
      while count < maximum && position < text.count {
        let (value, length) = decodeScalar(text, at: position)
        if !items[index].set.contains(value) { break }
        position += length
        count += 1
      }
      if count < minimum { return nil }
      let rest = (index + 1)..<range.upperBound
      if count == minimum || rest.isEmpty { continue }
      while true {
        if let end = match(items, rest, text, from: position) { return end }
        if count == minimum { return nil }
        count -= 1
        repeat { position -= 1 } while text[position] & 0xC0 == 0x80
      }
    }
    return position
  }
}

extension TextPattern {
  private struct Parser {
    private let scalars: [Unicode.Scalar]
    private let source: String
    private let ignoresCase: Bool
    private let context: String
    private var position = 0

    init(_ source: String, ignoresCase: Bool, context: String) {
      scalars = Array(source.unicodeScalars)
      self.source = source
      self.ignoresCase = ignoresCase
      self.context = context
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      guard next == scalar else { return false }
      position += 1
      return true
    }

    /// Longer expressions are refused; those of published tokenizers have a few hundred characters.
    private static let maximumCount = 4096

    /// Whether finding a match takes time in proportion to the text at worst: items that may take more or less of it, but
    /// for the last one, multiply the ways in which a row can fail at one place.
    private static func isQuick(_ row: [Item]) -> Bool {
      var ways = 1
      var unlimited = 0
      for item in row.dropLast() where item.minimum < item.maximum {
        let span = item.maximum - item.minimum
        if span > 16 { unlimited += 1 } else { ways *= span + 1 }
        if unlimited > 1 || ways > 64 { return false }
      }
      return true
    }

    private func unsupported() -> FileError {
      FileError(
        .unsupported, context,
        "the regular expression \"\(source)\" has what is not supported at character \(position)",
        expected: "alternatives of characters and classes with greedy quantifiers")
    }

    mutating func alternatives() throws -> [[Item]] {
      if scalars.count > Parser.maximumCount {
        throw FileError(
          .unsupported, context, "a regular expression of \(scalars.count) characters",
          expected: "at most \(Parser.maximumCount)")
      }
      var result: [[Item]] = []
      repeat {
        var items: [Item] = []
        while let scalar = next, scalar != "|" { items.append(try item()) }
        guard Parser.isQuick(items) else {
          throw FileError(
            .unsupported, context,
            "the regular expression \"\(source)\" has several repetitions in a row, on which some texts "
              + "would take forever", expected: "one before the last")
        }
        result.append(items)
      } while take("|")
      return result
    }

    private mutating func item() throws -> Item {
      if take("(") {
        guard take("?"), take("!") else { throw unsupported() }
        let item = Item(set: try set(), refuses: true)
        guard take(")") else { throw unsupported() }
        return item
      }
      var item = Item(set: try set())
      switch next {
      case "*": (item.minimum, item.maximum) = (0, .max)
      case "+": item.maximum = .max
      case "?": item.minimum = 0
      case "{":
        position += 1
        guard let minimum = number() else { throw unsupported() }
        item.minimum = minimum
        item.maximum = take(",") ? number() ?? .max : minimum
        guard next == "}", item.minimum <= item.maximum else { throw unsupported() }
      default: return item
      }
      position += 1
      // Lazy and possessive quantifiers.
      if next == "?" || next == "+" { throw unsupported() }
      return item
    }

    private mutating func number() -> Int? {
      let start = position
      while let scalar = next, "0"..."9" ~= scalar { position += 1 }
      return Int(String(String.UnicodeScalarView(scalars[start..<position])))
    }

    /// A character, an escape or a class in brackets.
    private mutating func set() throws -> ScalarSet {
      guard let scalar = next else { throw unsupported() }
      position += 1
      var set = ScalarSet()
      switch scalar {
      case "[":
        if take("^") { set.negate() }
        var isFirst = true
        while isFirst || next != "]" {
          try member(into: &set)
          isFirst = false
        }
        position += 1
        // Without regard to case, the iota below, a mark, is the letter iota: to classes that exclude letters.
        if ignoresCase && set.isNegated { set.insert(0x345...0x345) }
      case "\\":
        if let value = try escape(into: &set) { return TextPattern.set(of: value, ignoresCase: ignoresCase) }
      case ".":
        set.insert(0x0A...0x0A)
        set.negate()
      case "(", ")", "*", "+", "?", "{", "^", "$": throw unsupported()
      default: return TextPattern.set(of: scalar.value, ignoresCase: ignoresCase)
      }
      set.finish()
      return set
    }

    /// One part of a class in brackets.
    private mutating func member(into set: inout ScalarSet) throws {
      guard let first = try value(into: &set) else { return }
      guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        return set.insert(first...first)
      }
      position += 1
      guard let last = try value(into: &set), first <= last else { throw unsupported() }
      set.insert(first...last)
    }

    /// A scalar of a class; nil when it was a property, which is inserted.
    private mutating func value(into set: inout ScalarSet) throws -> UInt32? {
      guard let scalar = next, scalar != "[" else { throw unsupported() }
      position += 1
      return scalar == "\\" ? try escape(into: &set) : scalar.value
    }

    /// What follows a backslash: a scalar, or a property, which is inserted.
    private mutating func escape(into set: inout ScalarSet) throws -> UInt32? {
      guard let scalar = next else { throw unsupported() }
      position += 1
      switch scalar {
      case "n": return 0x0A
      case "r": return 0x0D
      case "t": return 0x09
      case "s", "S": set.insert(.space, isNegated: scalar == "S")
      case "p", "P":
        guard take("{"), let name = next, position + 1 < scalars.count, scalars[position + 1] == "}" else {
          throw unsupported()
        }
        switch name {
        case "L": set.insert(.letter, isNegated: scalar == "P")
        case "N": set.insert(.number, isNegated: scalar == "P")
        default: throw unsupported()
        }
        position += 2
      case _ where scalar.isASCIIPunctuation || scalar == " ": return scalar.value
      default: throw unsupported()
      }
      return nil
    }
  }
}
