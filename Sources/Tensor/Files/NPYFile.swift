import Foundation

/// NumPy's format for one array (`.npy`), versions 1 to 3.
///
/// Reads booleans, integers and floating-point numbers in little-endian order, row-major or column-major. Two-byte void
/// elements (`|V2`) are read as bfloat16, which is how NumPy stores what it has no name for.
public enum NPYFile {
  /// Reads an array, converted to `Float`.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, breaks the format or has elements of another kind.
  public static func tensor(_ path: String) throws -> Tensor {
    try decode(mapFile(path), path: path, name: "").tensor()
  }

  /// Reads an array of whole numbers.
  ///
  /// - Throws: ``FileError``, also when the array holds fractions or a value needs more than 32 bits.
  public static func indices(_ path: String) throws -> IndexTensor {
    try decode(mapFile(path), path: path, name: "").indices()
  }

  /// Writes a tensor as `<f4` (or `<f2`, `<f8`, or `<V2` for bfloat16), atomically.
  ///
  /// - Throws: ``FileError``.
  public static func write(_ tensor: Tensor, to path: String, as elementType: ElementType = .float32) throws {
    try writeAtomically(path) { append in try append(encode(tensor, as: elementType)) }
  }

  /// The bytes of a whole `.npy` file.
  static func encode(_ tensor: Tensor, as elementType: ElementType) -> Data {
    let descriptor =
      switch elementType {
      case .float32: "<f4"
      case .float64: "<f8"
      case .float16: "<f2"
      case .bfloat16: "<V2"
      default: programmerError("npy: \(elementType.rawValue) is not a floating-point type")
      }
    var sizes = tensor.shape.map(String.init).joined(separator: ", ")
    if tensor.rank == 1 { sizes += "," }
    var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var data = Data(magic + [1, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)])
    data.append(Data(header.utf8))
    data.append(StoredArray.encode(tensor, as: elementType))
    return data
  }

  /// Longer headers are refused; NumPy itself reads 10,000 bytes unless told to trust a file.
  private static let maximumHeaderBytes = 1 << 20

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Checks the header of a whole `.npy` file and finds its elements.
  static func decode(_ contents: Data, path: String, name: String) throws -> StoredArray {
    func malformed(_ problem: String) -> FileError {
      FileError(.malformed, path, name.isEmpty ? problem : "array \"\(name)\": \(problem)")
    }
    guard contents.count >= 10, contents.starts(with: magic) else {
      throw malformed("it does not start like an npy file")
    }
    let bytes = contents.prefix(12).map { Int($0) }
    guard (1...3).contains(bytes[6]) else {
      throw malformed("npy version \(bytes[6]) is unknown, expected 1 to 3")
    }
    let prefix = bytes[6] == 1 ? 10 : 12
    guard contents.count >= prefix else { throw malformed("its header is cut off") }
    let length =
      bytes[8] | bytes[9] << 8 | (prefix == 12 ? bytes[10] << 16 | bytes[11] << 24 : 0)
    guard length <= min(contents.count - prefix, maximumHeaderBytes) else {
      throw malformed(
        "its header should take \(length) bytes, expected at most \(maximumHeaderBytes) and no more than the "
          + "\(contents.count - prefix) that the file has")
    }
    let start = contents.startIndex + prefix
    let header: NPYHeader
    do {
      header = try NPYHeader(parsing: [UInt8](contents[start..<start + length]))
    } catch {
      throw malformed(error.description)
    }
    guard let elementType = header.elementType else {
      throw FileError(
        .unsupported, path, "array \"\(name)\": elements of type '\(header.descriptor)' are not supported")
    }
    let shape: StoredShape
    do { shape = try StoredShape(header.shape) } catch { throw malformed("it has \(error.description)") }
    let expected = shape.byteCount(of: elementType)
    let data = contents[(start + length)...]
    guard data.count == expected else {
      throw malformed("shape \(shape) of '\(header.descriptor)' takes \(expected) bytes, found \(data.count)")
    }
    return StoredArray(
      path: path, name: name, elementType: elementType, shape: shape,
      isColumnMajor: header.isColumnMajor, bytes: data)
  }
}

/// The Python dictionary at the start of an `.npy` file, such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
struct NPYHeader {
  struct Problem: Error {
    let description: String
  }

  private(set) var descriptor = ""
  private(set) var isColumnMajor = false
  private(set) var shape: [Int] = []

  private let text: [UInt8]
  private var position = 0

  /// Reads the three entries, in any order, each exactly once.
  init(parsing text: [UInt8]) throws(Problem) {
    self.text = text
    var found: Set<String> = []
    try expect("{")
    while !take("}") {
      let key = try string()
      guard found.insert(key).inserted else { throw problem("'\(key)' occurs twice") }
      try expect(":")
      switch key {
      case "descr": descriptor = try string()
      case "fortran_order": isColumnMajor = try boolean()
      case "shape": shape = try tuple()
      default: throw problem("unknown entry '\(key)'")
      }
      if take("}") { break }
      try expect(",")
    }
    guard found.count == 3 else { throw problem("one of descr, fortran_order and shape is missing") }
    skipSpace()
    guard position == text.count else { throw problem("unexpected text after the dictionary") }
  }

  /// What the descriptor says, or nil if arrays of this kind are not supported.
  var elementType: ElementType? {
    switch descriptor {
    case "<f4": .float32
    case "<f8": .float64
    case "<f2": .float16
    case "|V2", "<V2", "bfloat16": .bfloat16
    case "<i8": .int64
    case "<i4": .int32
    case "<i2": .int16
    case "|i1": .int8
    case "<u8": .uint64
    case "<u4": .uint32
    case "<u2": .uint16
    case "|u1": .uint8
    case "|b1": .bool
    default: nil
    }
  }

  private func problem(_ text: String) -> Problem {
    Problem(description: "in its header, \(text) (byte \(position))")
  }

  private mutating func skipSpace() {
    while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
  }

  private mutating func take(_ word: StaticString) -> Bool {
    skipSpace()
    let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard text[position...].starts(with: expected) else { return false }
    position += expected.count
    return true
  }

  private mutating func expect(_ word: StaticString) throws(Problem) {
    guard take(word) else { throw problem("expected '\(word)'") }
  }

  private mutating func string() throws(Problem) -> String {
    let quote: UInt8 = take("\"") ? 0x22 : 0x27
    if quote == 0x27 { try expect("'") }
    guard let end = text[position...].firstIndex(of: quote) else { throw problem("a string does not end") }
    defer { position = end + 1 }
    guard let string = String(validating: text[position..<end], as: UTF8.self) else {
      throw problem("a string is not valid UTF-8")
    }
    return string
  }

  private mutating func boolean() throws(Problem) -> Bool {
    if take("True") { return true }
    try expect("False")
    return false
  }

  private mutating func tuple() throws(Problem) -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !take(")") {
      skipSpace()
      let digits = text[position...].prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard let size = Int(String(decoding: digits, as: UTF8.self)) else { throw problem("expected a size") }
      sizes.append(size)
      position += digits.count
      // Files written by Python 2 mark long integers.
      _ = take("L")
      if take(")") { break }
      try expect(",")
    }
    return sizes
  }
}
