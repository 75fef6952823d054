/// How the elements of a stored array are encoded. All formats here are little-endian.
///
/// Raw values are the names that safetensors headers use.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  /// IEEE 754 binary64.
  case float64 = "F64"
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper 16 bits of a binary32.
  case bfloat16 = "BF16"
  /// Signed 64-bit integer.
  case int64 = "I64"
  /// Signed 32-bit integer.
  case int32 = "I32"
  /// Signed 16-bit integer.
  case int16 = "I16"
  /// Signed byte.
  case int8 = "I8"
  /// Unsigned 64-bit integer.
  case uint64 = "U64"
  /// Unsigned 32-bit integer.
  case uint32 = "U32"
  /// Unsigned 16-bit integer.
  case uint16 = "U16"
  /// Unsigned byte.
  case uint8 = "U8"
  /// One byte, zero for false.
  case bool = "BOOL"

  /// Bytes that one element takes.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Whether elements are whole numbers (truth values included).
  public var isInteger: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: false
    default: true
    }
  }
}
