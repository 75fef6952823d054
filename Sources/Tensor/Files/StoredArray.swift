import Foundation
import Kernels

/// The bytes of one array inside a file, and how to read them. Its size has been checked against its shape.
package struct StoredArray: Sendable {
  /// File and name, for messages.
  let path: String
  let name: String
  let elementType: ElementType
  /// Sizes of the axes.
  package let shape: StoredShape
  /// Whether the first axis varies fastest.
  var isColumnMajor = false
  /// Shares the file's memory map where the format stores plain bytes.
  let bytes: Data
  /// Whether ``bytes`` are part of a memory map, whose pages can be let go of.
  var isMapped = false

  /// All elements, converted to `Float`.
  package func tensor() throws -> Tensor {
    let shape = try tensorShape()
    if isColumnMajor && shape.count > 1 {
      let transposed = try floats(shape: Shape(shape.reversed()), of: bytes)
      return transposed.permute(Array((0..<shape.count).reversed())).contiguous()
    }
    return try floats(shape: shape, of: bytes)
  }

  /// Some of the first axis's rows, converted to `Float`; the others are not read. A single number without axes is its
  /// own and only row.
  package func tensor(rows: Range<Int>) throws -> Tensor {
    var shape = try tensorShape()
    let count = shape.first ?? 1
    if rows.lowerBound < 0 || rows.upperBound > count {
      throw unsupported("the array has \(count) rows, asked for \(rows)")
    }
    if rows == 0..<count { return try tensor() }
    if isColumnMajor { return try tensor().slice(rows, axis: 0).contiguous() }
    let row = bytes.count / count
    shape[0] = rows.count
    let start = bytes.startIndex
    return try floats(shape: shape, of: bytes[start + rows.lowerBound * row..<start + rows.upperBound * row])
  }

  /// All elements as 32-bit integers; throws for fractions and for values outside the range.
  func indices() throws -> IndexTensor {
    let shape = try tensorShape()
    try checkMemory(shape.elementCount * MemoryLayout<Int32>.size)
    var values: [Int32] = try integers()
    if isColumnMajor { values = rowMajor(values, elementBytes: 1) }
    return IndexTensor(values, shape: shape)
  }

  /// The only element; throws for fractions and where there are more elements.
  func integer() throws -> Int {
    let count = bytes.count / elementType.byteCount
    guard count == 1 else { throw unsupported("there are \(count) elements, expected one") }
    return try integers()[0]
  }

  /// The raw bytes in row-major order of elements.
  func rawBytes() throws -> [UInt8] {
    try checkMemory(bytes.count)
    return isColumnMajor
      ? rowMajor([UInt8](bytes), elementBytes: elementType.byteCount) : [UInt8](bytes)
  }

  /// Reorders elements (each of `elementBytes` entries) from column-major to row-major.
  private func rowMajor<T>(_ values: [T], elementBytes: Int) -> [T] {
    let shape = shape.sizes
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
    guard let shape = shape.shape else {
      throw unsupported("the array has \(shape.sizes.count) axes, tensors have at most \(Shape.maximumCount)")
    }
    return shape
  }

  /// Refuses an array that would not fit into memory.
  private func checkMemory(_ byteCount: Int) throws {
    if byteCount > SystemMemory.limit {
      throw unsupported(
        "it takes \(SystemMemory.words(byteCount)) of memory, this process may use "
          + SystemMemory.words(SystemMemory.limit))
    }
  }

  private func unsupported(_ problem: String) -> FileError {
    FileError(.unsupported, path, "array \"\(name)\": \(problem)")
  }

  /// Numbers converted at a time, after which the pages of a memory map that they came from are let go of: so the file
  /// and what is made of it are never both in memory.
  private static let chunk = 1 << 20

  private func floats(shape: Shape, of bytes: Data) throws -> Tensor {
    try checkMemory(shape.elementCount * MemoryLayout<Float>.size)
    return Tensor(uninitialized: shape) { output in
      bytes.withUnsafeBytes { input in
        for start in stride(from: 0, to: output.count, by: StoredArray.chunk) {
          let part = start..<Swift.min(start + StoredArray.chunk, output.count)
          let size = elementType.byteCount
          let source = UnsafeRawBufferPointer(
            rebasing: input[part.lowerBound * size..<part.upperBound * size])
          convert(source, to: UnsafeMutableBufferPointer(rebasing: output[part]))
          if isMapped { releaseMappedPages(source) }
        }
      }
    }
  }

  private func convert(_ input: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<Float>) {
    switch elementType {
    case .float32: UnsafeMutableRawBufferPointer(output).copyMemory(from: input)
    case .float16: convert(input, to: output, Kernels.table.conversion.fromHalf)
    case .bfloat16: convert(input, to: output, Kernels.table.conversion.fromBFloat16)
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

  /// Widens 16-bit numbers with a kernel, by way of an aligned copy where the file has them at odd addresses.
  private func convert(
    _ input: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<Float>,
    _ kernel: ConversionKernels.FromBits
  ) {
    guard let source = input.baseAddress, let target = output.baseAddress else { return }
    if UInt(bitPattern: source) % 2 == 0 {
      return kernel(source.assumingMemoryBound(to: UInt16.self), target, output.count)
    }
    let aligned = [UInt16](unsafeUninitializedCapacity: output.count) { copy, count in
      UnsafeMutableRawBufferPointer(copy).copyMemory(from: input)
      count = output.count
    }
    aligned.withUnsafeBufferPointer { kernel($0.baseAddress!, target, output.count) }
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

  /// All elements in the order of the file.
  private func integers<Result: FixedWidthInteger>() throws -> [Result] {
    switch elementType {
    case .int64: try integers(Int64.self)
    case .int32: try integers(Int32.self)
    case .int16: try integers(Int16.self)
    case .int8: try integers(Int8.self)
    case .uint64: try integers(UInt64.self)
    case .uint32: try integers(UInt32.self)
    case .uint16: try integers(UInt16.self)
    case .uint8, .bool: try integers(UInt8.self)
    case .float64, .float32, .float16, .bfloat16:
      throw unsupported("elements are \(elementType.rawValue), expected an integer type")
    }
  }

  private func integers<T: FixedWidthInteger, Result: FixedWidthInteger>(_ type: T.Type) throws -> [Result] {
    try bytes.withUnsafeBytes { input in
      try (0..<input.count / MemoryLayout<T>.size).map { i in
        let value = T(
          littleEndian: input.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self))
        guard let integer = Result(exactly: value) else {
          throw unsupported("element \(i) is \(value), outside the range of \(Result.bitWidth)-bit integers")
        }
        return integer
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
      default: programmerError("encode: \(type.rawValue) is not a floating-point type")
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
