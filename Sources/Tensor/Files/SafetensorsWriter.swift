import Foundation

/// Collects arrays and writes them as one safetensors file.
///
///     var writer = SafetensorsWriter(metadata: ["format": "pt"])
///     writer.add(weight, named: "layers.0.weight", as: .float16)
///     try writer.write(to: "model.safetensors")
public struct SafetensorsWriter {
  private struct Array {
    let name: String
    let elementType: ElementType
    let shape: [Int]
    let encode: () throws -> Data
    var byteCount: Int { shape.reduce(elementType.byteCount, *) }
  }

  /// Free text entries of the header.
  public var metadata: [String: String]

  private var arrays: [Array] = []
  private var names: Set<String> = []

  /// A writer without arrays.
  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// Adds a tensor, stored as a floating-point type (rounded to nearest where it is narrower than `Float`).
  ///
  /// Traps when the type is not a floating-point type or the name is taken.
  public mutating func add(_ tensor: Tensor, named name: String, as elementType: ElementType = .float32) {
    add(shape: tensor.shape, named: name, as: elementType) { tensor }
  }

  /// Adds a tensor that is asked for when the file is written, and let go of then.
  package mutating func add(
    shape: Shape, named name: String, as elementType: ElementType = .float32,
    _ tensor: @escaping () throws -> Tensor
  ) {
    if elementType.isInteger {
      programmerError("safetensors: \"\(name)\" as \(elementType.rawValue), expected a floating-point type")
    }
    append(name, elementType, Swift.Array(shape)) { try StoredArray.encode(tensor(), as: elementType) }
  }

  /// Adds whole numbers, stored as I32. Traps when the name is taken.
  public mutating func add(_ indices: IndexTensor, named name: String) {
    append(name, .int32, Swift.Array(indices.shape)) {
      indices.values.map(\.littleEndian).withUnsafeBytes { Data($0) }
    }
  }

  /// Adds one whole number, stored as I64 without axes. Traps when the name is taken.
  public mutating func add(integer: Int, named name: String) {
    append(name, .int64, []) { withUnsafeBytes(of: Int64(integer).littleEndian) { Data($0) } }
  }

  /// Adds unsigned bytes in row-major order, stored as U8. Traps when they do not fill the shape or the name is taken.
  public mutating func add(bytes: [UInt8], shape: [Int], named name: String) {
    if (try? StoredShape(shape))?.elementCount != bytes.count {
      programmerError("safetensors: \(bytes.count) bytes do not fill shape \(shape) of \"\(name)\"")
    }
    append(name, .uint8, shape) { Data(bytes) }
  }

  private mutating func append(
    _ name: String, _ elementType: ElementType, _ shape: [Int], _ encode: @escaping () throws -> Data
  ) {
    if name == "__metadata__" || !names.insert(name).inserted {
      programmerError("safetensors: the name \"\(name)\" is taken")
    }
    arrays.append(Array(name: name, elementType: elementType, shape: shape, encode: encode))
  }

  /// Writes the file in one step: whoever opens `path` sees the old file or the whole new one.
  ///
  /// Equal contents give equal bytes. Wide types come first, then names in order, so that every array is aligned.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws {
    let ordered = arrays.sorted {
      $0.elementType.byteCount != $1.elementType.byteCount
        ? $0.elementType.byteCount > $1.elementType.byteCount : $0.name < $1.name
    }
    let header = header(of: ordered)
    try writeAtomically(path) { append in
      try append(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header)
      for array in ordered { try append(array.encode()) }
    }
  }

  private func header(of ordered: [Array]) -> Data {
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
    }
    var offset = 0
    for array in ordered {
      let end = offset + array.byteCount
      let shape = array.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(array.name)):{\"dtype\":\"\(array.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = "{\(members.joined(separator: ","))}"
    // Spaces may end the header; they align the data.
    text += String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
    return Data(text.utf8)
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension SafetensorsFile {
  /// Writes tensors by name, all as one floating-point type, atomically.
  ///
  /// - Throws: ``FileError``.
  public static func write(
    _ tensors: [String: Tensor], to path: String, metadata: [String: String] = [:],
    as elementType: ElementType = .float32
  ) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in tensors { writer.add(tensor, named: name, as: elementType) }
    try writer.write(to: path)
  }
}
