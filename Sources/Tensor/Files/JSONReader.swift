/// A JSON value: objects keep their order, integers stay exact.
package enum JSONValue: Equatable, Sendable {
  case object([Member])
  case array([JSONValue])
  case string(String)
  case integer(Int)
  /// A number with a fraction or an exponent, or too large for an integer.
  case number(Double)
  case boolean(Bool)
  case null

  package struct Member: Equatable, Sendable {
    package let name: String
    package let value: JSONValue
  }
}

/// A string that equals another one when their bytes do: to `String`, composed and decomposed characters are the same.
package struct ExactString: Hashable, Sendable {
  package let string: String

  package init(_ string: String) { self.string = string }

  package static func == (left: ExactString, right: ExactString) -> Bool {
    left.string.utf8.elementsEqual(right.string.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    var string = string
    string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

/// A strict JSON reader (RFC 8259) that also refuses objects with a name twice, which Foundation's accepts.
package struct JSONReader {
  /// What is wrong, and at which byte.
  package struct Problem: Error {
    package let description: String
  }

  /// Objects and arrays may be nested this deep, so that no input exhausts the stack.
  private static let maximumDepth = 32

  /// As many values as this may be there: the largest tokenizers have a quarter of them.
  package static let maximumCount = 1 << 23

  private let bytes: [UInt8]
  private var position = 0
  private var count = 0
  private let maximumCount: Int

  private init(_ bytes: [UInt8], maximumCount: Int) {
    self.bytes = bytes
    self.maximumCount = maximumCount
  }

  /// Reads one value; only white space may follow it.
  package static func read(_ bytes: [UInt8], maximumCount: Int = maximumCount) throws(Problem) -> JSONValue {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Problem(description: "it is not valid UTF-8")
    }
    var reader = JSONReader(bytes, maximumCount: maximumCount)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.problem("unexpected text after the value") }
    return value
  }

  private func problem(_ text: String) -> Problem {
    Problem(description: "\(text) at byte \(position)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Problem) {
    guard take(character) else { throw problem("expected '\(character)'") }
  }

  private mutating func value(depth: Int) throws(Problem) -> JSONValue {
    guard depth < Self.maximumDepth else { throw problem("values are nested too deep") }
    count += 1
    guard count <= maximumCount else { throw problem("more than \(maximumCount) values") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case .some: return try number()
    case .none: throw problem("the text ends")
    }
  }

  private mutating func members(depth: Int) throws(Problem) -> [JSONValue.Member] {
    try expect("{")
    var members: [JSONValue.Member] = []
    var names: Set<ExactString> = []
    if take("}") { return members }
    repeat {
      skipSpace()
      let name = try string()
      guard names.insert(ExactString(name)).inserted else {
        throw problem("the name \"\(name)\" occurs twice")
      }
      try expect(":")
      members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
    } while take(",")
    try expect("}")
    return members
  }

  private mutating func elements(depth: Int) throws(Problem) -> [JSONValue] {
    try expect("[")
    var elements: [JSONValue] = []
    if take("]") { return elements }
    repeat { elements.append(try value(depth: depth + 1)) } while take(",")
    try expect("]")
    return elements
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Problem) -> JSONValue {
    let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard bytes[position...].starts(with: expected) else { throw problem("expected a value") }
    position += expected.count
    return value
  }

  private mutating func number() throws(Problem) -> JSONValue {
    let start = position
    let isNegative = next == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let whole = try digits()
    if whole.count > 1 && whole.first == UInt8(ascii: "0") { throw problem("a number starts with 0") }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      position += 1
      isInteger = false
      _ = try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      position += 1
      isInteger = false
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      _ = try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int(text) { return .integer(integer) }
    return .number(Double(text) ?? .nan)
  }

  private mutating func digits() throws(Problem) -> ArraySlice<UInt8> {
    let start = position
    while let byte = next, byte >= 0x30 && byte <= 0x39 { position += 1 }
    guard position > start else { throw problem("expected a value") }
    return bytes[start..<position]
  }

  private mutating func string() throws(Problem) -> String {
    try expect("\"")
    let start = position
    while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      position += 1
    }
    var units = Array(bytes[start..<position])
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &units)
      case 0..<0x20: throw problem("a string holds a control character")
      default: units.append(byte)
      }
    }
    throw problem("a string does not end")
  }

  private mutating func escape(into units: inout [UInt8]) throws(Problem) {
    guard let byte = next else { throw problem("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0C)
    case UInt8(ascii: "n"): units.append(0x0A)
    case UInt8(ascii: "r"): units.append(0x0D)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"): units.append(contentsOf: String(try escapedScalar()).utf8)
    default: throw problem("unknown escape")
    }
  }

  private mutating func escapedScalar() throws(Problem) -> Unicode.Scalar {
    var code = try hexadecimal()
    if code & 0xFC00 == 0xD800 {
      guard next == UInt8(ascii: "\\") else { throw problem("half of a surrogate pair") }
      position += 1
      guard next == UInt8(ascii: "u") else { throw problem("half of a surrogate pair") }
      position += 1
      let low = try hexadecimal()
      guard low & 0xFC00 == 0xDC00 else { throw problem("half of a surrogate pair") }
      code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
    }
    guard let scalar = Unicode.Scalar(code) else { throw problem("half of a surrogate pair") }
    return scalar
  }

  private mutating func hexadecimal() throws(Problem) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw problem("expected four hexadecimal digits")
      }
      position += 1
      code = code << 4 | UInt32(digit)
    }
    return code
  }
}
