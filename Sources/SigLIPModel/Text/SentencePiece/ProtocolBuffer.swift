/// Reads the fields of one protocol-buffer message, in order (protobuf.dev, "Encoding").
struct ProtocolBufferReader {
  enum Value {
    case integer(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let context: String

  init(_ bytes: ArraySlice<UInt8>, context: String) {
    self.bytes = bytes
    position = bytes.startIndex
    self.context = context
  }

  /// The next field's number and value; nil at the end.
  mutating func next() throws -> (field: Int, value: Value)? {
    if position == bytes.endIndex { return nil }
    let key = try integer()
    let field = Int(truncatingIfNeeded: key >> 3)
    switch key & 7 {
    case 0: return (field, .integer(try integer()))
    case 1: return (field, .fixed64(try fixed(8)))
    case 2:
      let length = try integer()
      guard length <= UInt64(bytes.endIndex - position) else {
        throw FileError(
          .malformed, context,
          "field \(field) claims \(length) bytes, \(bytes.endIndex - position) are left: not a "
            + "SentencePiece model, or cut off")
      }
      let end = position + Int(length)
      defer { position = end }
      return (field, .bytes(bytes[position..<end]))
    case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default:
      throw FileError(
        .malformed, context, "field \(field) has the unknown wire type \(key & 7): not a SentencePiece model")
    }
  }

  private mutating func integer() throws -> UInt64 {
    var result: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else {
        throw FileError(.malformed, context, "it ends inside a number: not a SentencePiece model, or cut off")
      }
      let byte = bytes[position]
      position += 1
      if shift < 64 { result |= UInt64(byte & 0x7F) << shift }
      if byte < 0x80 { return result }
    }
    throw FileError(.malformed, context, "it has a number of more than ten bytes: not a SentencePiece model")
  }

  private mutating func fixed(_ count: Int) throws -> UInt64 {
    guard bytes.endIndex - position >= count else {
      throw FileError(.malformed, context, "it ends inside a number: not a SentencePiece model, or cut off")
    }
    defer { position += count }
    return bytes[position..<(position + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
