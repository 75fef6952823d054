/// Records of fields between separators (RFC 4180), in bytes that stay where they are.
struct DelimitedText {
  /// Where a field stands, without quotation marks around it.
  struct Field {
    let range: Range<Int>
    /// Whether quotation marks in it are doubled.
    let isEscaped: Bool
  }

  /// A record and where it ends.
  struct Record {
    var fields: [Field] = []
    /// Behind its line break.
    var end: Int
    /// Line breaks in it, its own too.
    var lineCount = 0
    /// Whether something stands between a closing quotation mark and the next separator.
    var hasTextBehindQuote = false
    /// Whether a quotation mark is not closed before the text ends.
    var isUnclosed = false
  }

  let separator: UInt8
  let quotes: Bool
  private static let quote = UInt8(ascii: "\"")
  private static let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))

  /// The record that begins at a position.
  func record(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Record {
    var record = Record(end: start)
    var position = start
    while true {
      if quotes, position < bytes.count, bytes[position] == Self.quote {
        quotedField(bytes, &position, &record)
      } else {
        let end = fieldEnd(bytes, from: position)
        record.fields.append(Field(range: position..<withoutReturn(bytes, position, end), isEscaped: false))
        position = end
      }
      guard position < bytes.count else { break }
      position += 1
      if bytes[position - 1] == Self.lineFeed {
        record.lineCount += 1
        break
      }
    }
    record.end = position
    return record
  }

  /// Adds a field in quotation marks, and goes to the separator or line break behind it.
  private func quotedField(
    _ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int, _ record: inout Record
  ) {
    let start = position + 1
    var isEscaped = false
    position = start
    while position < bytes.count {
      if bytes[position] == Self.lineFeed { record.lineCount += 1 }
      if bytes[position] == Self.quote {
        if position + 1 == bytes.count || bytes[position + 1] != Self.quote { break }
        isEscaped = true
        position += 1
      }
      position += 1
    }
    record.fields.append(Field(range: start..<position, isEscaped: isEscaped))
    guard position < bytes.count else {
      record.isUnclosed = true
      return
    }
    let end = fieldEnd(bytes, from: position + 1)
    if withoutReturn(bytes, position + 1, end) > position + 1 { record.hasTextBehindQuote = true }
    position = end
  }

  /// Where the next separator or line break is, or the end.
  private func fieldEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var end = start
    while end < bytes.count, bytes[end] != separator, bytes[end] != Self.lineFeed { end += 1 }
    return end
  }

  /// The end of a field without the carriage return of a line break.
  private func withoutReturn(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    let isLast = end == bytes.count || bytes[end] == Self.lineFeed
    return isLast && end > start && bytes[end - 1] == Self.carriageReturn ? end - 1 : end
  }

  /// The bytes of a field with single quotation marks; nil if they are not UTF-8.
  static func text(_ bytes: UnsafeBufferPointer<UInt8>, _ field: Field) -> String? {
    let part = UnsafeBufferPointer(rebasing: bytes[field.range])
    if !field.isEscaped { return String(validating: part, as: UTF8.self) }
    var plain: [UInt8] = []
    plain.reserveCapacity(part.count)
    var wasQuote = false
    for byte in part {
      wasQuote = byte == quote && !wasQuote
      if !wasQuote { plain.append(byte) }
    }
    return String(validating: plain, as: UTF8.self)
  }
}
