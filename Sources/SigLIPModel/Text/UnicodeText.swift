#if os(Linux)
  // Foundation's normal forms damage some Hangul here; on Apple's systems they are right, and these are not to be had.
  @_spi(_Unicode) import Swift
#else
  import Foundation
#endif

extension Unicode.Scalar {
  /// Whether Python's `str.isspace`, `str.split` and `\s` take it for white space.
  var isPythonSpace: Bool {
    0x1C...0x1F ~= value || properties.isWhitespace
  }

  /// Whether it is one of the 32 characters of Python's `string.punctuation`.
  var isASCIIPunctuation: Bool {
    switch value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }
}

extension String {
  /// Unicode's normal form C.
  var canonicallyComposed: String {
    guard utf8.contains(where: { $0 >= 0x80 }) else { return self }
    #if os(Linux)
      return String(String.UnicodeScalarView(_nfc))
    #else
      return precomposedStringWithCanonicalMapping
    #endif
  }

  /// Unicode's normal form D.
  var canonicallyDecomposed: String {
    guard utf8.contains(where: { $0 >= 0x80 }) else { return self }
    #if os(Linux)
      return String(String.UnicodeScalarView(_nfd))
    #else
      return decomposedStringWithCanonicalMapping
    #endif
  }

  /// In lower case as Python has it: as `lowercased()`, but a capital sigma that ends a word becomes a final one.
  func pythonLowercased() -> String {
    let capitalSigma: Unicode.Scalar = "\u{3A3}"
    guard utf8.contains(where: { $0 == 0xCE }), unicodeScalars.contains(capitalSigma) else {
      return lowercased()
    }
    let scalars = Array(unicodeScalars)
    var result = ""
    for (index, scalar) in scalars.enumerated() {
      guard scalar == capitalSigma else {
        result += scalar.properties.lowercaseMapping
        continue
      }
      // Unicode's condition Final_Sigma: a cased letter before, none behind, whatever ignorable stands between.
      let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
      let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
      let isFinal = (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false)
      result += isFinal ? "\u{3C2}" : "\u{3C3}"
    }
    return result
  }

  /// With every run of Python's white space as one space, and none at either end.
  func pythonWhitespaceCollapsed() -> String {
    unicodeScalars.split(whereSeparator: \.isPythonSpace).map(String.init).joined(separator: " ")
  }

  /// Without Python's white space at either end.
  func pythonStripped() -> String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return "" }
    return String(scalars[first...last])
  }

  /// Without the scalars that `predicate` is true of.
  func removingScalars(where predicate: (Unicode.Scalar) -> Bool) -> String {
    String(UnicodeScalarView(unicodeScalars.filter { !predicate($0) }))
  }
}

/// The scalar at a place in well-formed UTF-8, and its length in bytes.
@inline(__always)
func decodeScalar(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (value: UInt32, length: Int) {
  let first = UInt32(text[position])
  if first < 0x80 { return (first, 1) }
  let length = min(characterLength(text[position]), text.count - position)
  var value = length == 2 ? first & 0x1F : length == 3 ? first & 0x0F : first & 0x07
  for index in 1..<max(length, 1) { value = value << 6 | UInt32(text[position + index] & 0x3F) }
  return (value, length)
}
