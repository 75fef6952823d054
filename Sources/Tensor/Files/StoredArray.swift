import Foundation

/// The bytes of one array inside a file, and how to read them. Its size has been checked against its shape.
struct StoredArray: Sendable {
  /// File and name, for messages.
  let path: String
  let name: String
  let elementType: ElementType
  let shape: [Int]
  /// Whether the first axis varies fastest.
  var isColumnMajor = false
  /// Shares the file's memory map where the format stores plain bytes.
  let bytes: Data

  /// All elements, converted to `Float`.
  func tensor() throws -> Tensor {
    let shape = try tensorShape()
    if isColumnMajor && shape.count > 1 {
      let transposed = try floats(shape: Shape(self.shape.reversed()))
      return transposed.permute(Array((0..<shape.count).reversed())).contiguous()
    }
    return try floats(shape: shape)
  }

  /// All elements as 32-bit integers; throws for fractions and for values outside the range.
  func indices() throws -> IndexTensor {
    let shape = try tensorShape()
    guard elementType.isInteger else {
      throw unsupported("elements are \(elementType.rawValue), expected an integer type")
    }
    var values: [Int32]
    switch elementType {
    case .int64: values = try integers(Int64.self)
    case .int32: values = try integers(Int32.self)
    case .int16: values = try integers(Int16.self)
    case .int8: values = try integers(Int8.self)
    case .uint64: values = try integers(UInt64.self)
    case .uint32: values = try integers(UInt32.self)
    case .uint16: values = try integers(UInt16.self)
    default: values = try integers(UInt8.self)
    }
    if isColumnMajor { values = rowMajor(values, elementBytes: 1) }
    return IndexTensor(values, shape: shape)
  }

  /// The raw bytes in row-major order of elements.
  func rawBytes() -> [UInt8] {
    isColumnMajor ? rowMajor([UInt8](bytes), elementBytes: elementType.byteCount) : [UInt8](bytes)
  }

  /// Reorders elements (each of `elementBytes` entries) from column-major to row-major.
  private func rowMajor<T>(_ values: [T], elementBytes: Int) -> [T] {
    guard shape.count > 1, !values.isEmpty else { return values }
    var strides = [Int](repeating: elementBytes, count: shape.count)
    for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var result: [T] = []
    result.reserveCapacity(values.count)
    var index = [Int](repeating: 0, count: shape.count)
    var offset = 0
    while result.count < values.count {
      result.append(contentsOf: values[offset..<offset + elementBytes])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        offset += strides[axis]
        if index[axis] < shape[axis] { break }
        offset -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }

  private func tensorShape() throws -> Shape {
    guard shape.count <= Shape.maximumCount else {
      throw unsupported("the array has \(shape.count) axes, tensors have at most \(Shape.maximumCount)")
    }
    return Shape(shape)
  }

  private func unsupported(_ problem: String) -> TensorError {
    .unsupported(path: path, name: name, problem: problem)
  }

  private func floats(shape: Shape) throws -> Tensor {
    Tensor(uninitialized: shape) { output in
      bytes.withUnsafeBytes { input in
        switch elementType {
        case .float32: UnsafeMutableRawBufferPointer(output).copyMemory(from: input)
        case .float16: convert(input, to: output) { (bits: UInt16) in HalfPrecision.float(half: bits) }
        case .bfloat16: convert(input, to: output) { (bits: UInt16) in HalfPrecision.float(brain: bits) }
        case .float64: convert(input, to: output) { (bits: UInt64) in Float(Double(bitPattern: bits)) }
        case .int64: convert(input, to: output) { (value: Int64) in Float(value) }
        case .int32: convert(input, to: output) { (value: Int32) in Float(value) }
        case .int16: convert(input, to: output) { (value: Int16) in Float(value) }
        case .int8: convert(input, to: output) { (value: Int8) in Float(value) }
        case .uint64: convert(input, to: output) { (value: UInt64) in Float(value) }
        case .uint32: convert(input, to: output) { (value: UInt32) in Float(value) }
        case .uint16: convert(input, to: output) { (value: UInt16) in Float(value) }
        case .uint8: convert(input, to: output) { (value: UInt8) in Float(value) }
        case .bool: convert(input, to: output) { (value: UInt8) in value == 0 ? 0 : 1 }
        }
      }
    }
  }

  /// Arrays inside a file need not be aligned, so every load is an unaligned one.
  @inline(__always)
  private func convert<T: FixedWidthInteger>(
    _ input: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<Float>, _ body: (T) -> Float
  ) {
    for i in 0..<output.count {
      output[i] = body(
        T(littleEndian: input.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self)))
    }
  }

  private func integers<T: FixedWidthInteger>(_ type: T.Type) throws -> [Int32] {
    try bytes.withUnsafeBytes { input in
      try (0..<input.count / MemoryLayout<T>.size).map { i in
        let value = T(
          littleEndian: input.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self))
        guard let index = Int32(exactly: value) else {
          throw unsupported("element \(i) is \(value), outside the range of 32-bit integers")
        }
        return index
      }
    }
  }
}

extension StoredArray {
  /// The elements of a tensor as little-endian bytes of a floating-point type.
  static func encode(_ tensor: Tensor, as type: ElementType) -> Data {
    tensor.withUnsafeScalars { scalars in
      switch type {
      case .float16: encode(scalars) { HalfPrecision.half($0).littleEndian }
      case .bfloat16: encode(scalars) { HalfPrecision.brain($0).littleEndian }
      case .float64: encode(scalars) { Double($0).bitPattern.littleEndian }
      case .float32: Data(UnsafeRawBufferPointer(scalars))
      default: preconditionFailure("encode: \(type.rawValue) is not a floating-point type")
      }
    }
  }

  private static func encode<T>(_ scalars: UnsafeBufferPointer<Float>, _ body: (Float) -> T) -> Data {
    [T](unsafeUninitializedCapacity: scalars.count) { output, count in
      for i in 0..<scalars.count { output[i] = body(scalars[i]) }
      count = scalars.count
    }.withUnsafeBytes { Data($0) }
  }
}
