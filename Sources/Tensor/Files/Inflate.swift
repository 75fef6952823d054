import Foundation

/// Decompression of the deflate format (RFC 1951).
package struct Inflate {
  /// What is wrong with the compressed data.
  package struct Problem: Error {
    package let description: String
    /// Whether that is all: the compressed data ends early.
    var isCut = false

    static let cut = Problem(description: "the compressed data ends early", isCut: true)
  }

  /// Takes bytes as they come out; false stops the decompression.
  typealias Sink = (UnsafeRawBufferPointer) -> Bool

  /// How far back a distance may reach.
  private static let windowCount = 1 << 15

  private let input: UnsafeRawBufferPointer
  private var position = 0
  private var bits: UInt64 = 0
  private var bitCount = 0
  private let output: UnsafeMutableBufferPointer<UInt8>
  private var count = 0
  /// Takes the output when it is full; without one all has to fit.
  private let sink: Sink?
  /// Whether pages of the input are let go of as they have been read, and how far they are.
  private let isMapped: Bool
  private var released = 0

  /// The most that compressed bytes may become: 64 MiB, and above that 100 times their number. The format allows 1,032
  /// times, which no numbers or texts come near and with which a small file takes all memory. Never more than the process
  /// may use.
  static func allowedCount(from compressedCount: Int) -> Int {
    Swift.min(plausibleCount(from: compressedCount), SystemMemory.limit)
  }

  /// The same, for what is not kept in memory.
  package static func plausibleCount(from compressedCount: Int) -> Int {
    Swift.max(1 << 26, 100 * Swift.min(compressedCount, 1 << 50))
  }

  /// Decompresses `input`, which must yield exactly `outputCount` bytes.
  package static func decompress(_ input: UnsafeRawBufferPointer, outputCount: Int) throws(Problem) -> Data {
    // A false size must not make the program allocate without bound.
    guard outputCount / 1032 <= input.count, outputCount <= allowedCount(from: input.count) else {
      throw Problem(description: "\(input.count) compressed bytes cannot hold \(outputCount)")
    }
    var data = Data(count: outputCount)
    let problem = data.withUnsafeMutableBytes { buffer -> Problem? in
      var inflate = Inflate(input: input, output: buffer.bindMemory(to: UInt8.self))
      do throws(Problem) { try inflate.run() } catch { return error }
      return inflate.count == buffer.count
        ? nil : Problem(description: "\(inflate.count) bytes came out, expected \(buffer.count)")
    }
    if let problem { throw problem }
    return data
  }

  /// Decompresses what `input` begins with, in little memory: `sink` takes it part by part, as far as it is right.
  ///
  /// - Parameter isMapped: Whether `input` is a file's memory map, whose pages need not stay.
  /// - Returns: How many bytes of `input` that was.
  static func decompress(
    _ input: UnsafeRawBufferPointer, isMapped: Bool, to sink: @escaping Sink
  ) throws(Problem) -> Int {
    let output = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 8 * windowCount)
    defer { output.deallocate() }
    var inflate = Inflate(input: input, output: output, sink: sink, isMapped: isMapped)
    do throws(Problem) { try inflate.run() } catch {
      _ = sink(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<inflate.count]))
      throw error
    }
    guard sink(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<inflate.count])) else {
      throw Problem(description: "stopped")
    }
    return inflate.position - inflate.bitCount / 8
  }

  private init(
    input: UnsafeRawBufferPointer, output: UnsafeMutableBufferPointer<UInt8>, sink: Sink? = nil,
    isMapped: Bool = false
  ) {
    (self.input, self.output, self.sink, self.isMapped) = (input, output, sink, isMapped)
  }

  private mutating func run() throws(Problem) {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try copyStored()
      case 1: try decode(literals: .fixedLiterals, distances: .fixedDistances)
      case 2:
        let (literals, distances) = try readCodes()
        try decode(literals: literals, distances: distances)
      default: throw Problem(description: "unknown kind of block")
      }
    }
  }

  /// Makes sure that `length` bytes, at most 65,535, fit: hands out what no distance can reach any more.
  private mutating func makeRoom(_ length: Int) throws(Problem) {
    if length <= output.count - count { return }
    guard let sink else { throw Problem(description: "more bytes came out than expected") }
    let finished = count - Self.windowCount
    guard sink(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<finished])) else {
      throw Problem(description: "stopped")
    }
    output.baseAddress!.update(from: output.baseAddress! + finished, count: Self.windowCount)
    count = Self.windowCount
    if isMapped {
      releaseMappedPages(UnsafeRawBufferPointer(rebasing: input[released..<max(released, position)]))
      released = position
    }
  }

  // MARK: Bits

  private mutating func fill() {
    if input.count - position >= 8 {
      // As many whole bytes as fit. Bits above them are those that come next: they are set once more to what they are.
      let word = UInt64(littleEndian: input.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      bits |= word << UInt64(bitCount)
      let count = (63 - bitCount) / 8
      position += count
      bitCount += 8 * count
      return
    }
    while bitCount <= 48, position < input.count {
      bits |= UInt64(input[position]) << UInt64(bitCount)
      position += 1
      bitCount += 8
    }
  }

  private mutating func take(_ width: Int) throws(Problem) -> Int {
    if bitCount < width { fill() }
    guard bitCount >= width else { throw .cut }
    let value = Int(bits & ((1 << UInt64(width)) - 1))
    bits >>= UInt64(width)
    bitCount -= width
    return value
  }

  private mutating func symbol(_ code: HuffmanCode) throws(Problem) -> Int {
    fill()
    let entry = code.lookup(Int(bits & 0x7FFF))
    guard entry.length > 0, entry.length <= bitCount else {
      // No code is longer than 15 bits: with fewer the data is at its end.
      throw entry.length > 0 || bitCount < 15 ? .cut : Problem(description: "unknown code")
    }
    bits >>= UInt64(entry.length)
    bitCount -= entry.length
    return entry.symbol
  }

  // MARK: Blocks

  private mutating func copyStored() throws(Problem) {
    _ = try take(bitCount % 8)
    let length = try take(16)
    guard try take(16) == length ^ 0xFFFF else {
      throw Problem(description: "a stored block has a wrong length")
    }
    try makeRoom(length)
    // Bytes that were read ahead are read again.
    position -= bitCount / 8
    (bits, bitCount) = (0, 0)
    let part = input[position..<min(position + length, input.count)]
    UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(output)[count...]).copyBytes(
      from: part)
    count += part.count
    position += part.count
    if part.count < length { throw .cut }
  }

  private static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
  ]
  private static let lengthExtraBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBases = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145,
    8193, 12289, 16385, 24577,
  ]

  private mutating func decode(literals: HuffmanCode, distances: HuffmanCode) throws(Problem) {
    while true {
      let literal = try symbol(literals)
      if literal < 256 {
        try makeRoom(1)
        output[count] = UInt8(literal)
        count += 1
        continue
      }
      if literal == 256 { return }
      guard literal < 286 else { throw Problem(description: "unknown length code") }
      let length = Self.lengthBases[literal - 257] + (try take(Self.lengthExtraBits[literal - 257]))
      let code = try symbol(distances)
      guard code < 30 else { throw Problem(description: "unknown distance code") }
      let distance = Self.distanceBases[code] + (try take(max(0, code / 2 - 1)))
      guard distance <= count else { throw Problem(description: "a distance reaches before the start") }
      try makeRoom(length)
      if distance >= length {
        output.baseAddress!.advanced(by: count).update(
          from: output.baseAddress! + count - distance, count: length)
        count += length
      } else {
        for _ in 0..<length {
          output[count] = output[count - distance]
          count += 1
        }
      }
    }
  }

  private mutating func readCodes() throws(Problem) -> (literals: HuffmanCode, distances: HuffmanCode) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let codeCount = try take(4) + 4
    guard literalCount <= 286, distanceCount <= 30 else { throw Problem(description: "too many codes") }
    var codeLengths = [Int](repeating: 0, count: 19)
    for place in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(codeCount) {
      codeLengths[place] = try take(3)
    }
    let codes = try HuffmanCode(lengths: codeLengths[...])
    var lengths: [Int] = []
    while lengths.count < literalCount + distanceCount {
      switch try symbol(codes) {
      case 16:
        guard let last = lengths.last else { throw Problem(description: "no code length to repeat") }
        lengths += Array(repeating: last, count: try take(2) + 3)
      case 17: lengths += Array(repeating: 0, count: try take(3) + 3)
      case 18: lengths += Array(repeating: 0, count: try take(7) + 11)
      case let length: lengths.append(length)
      }
    }
    guard lengths.count == literalCount + distanceCount else {
      throw Problem(description: "too many code lengths")
    }
    guard lengths[256] > 0 else { throw Problem(description: "a block has no end code") }
    return (
      try HuffmanCode(lengths: lengths[..<literalCount]), try HuffmanCode(lengths: lengths[literalCount...])
    )
  }
}

/// A canonical prefix code: short codes through a table, long ones bit by bit.
private struct HuffmanCode {
  private static let tableBits = 10

  /// `symbol << 4 | length` for every pattern of the next ten bits; 0 where the code is longer or unknown.
  private var table = [UInt16](repeating: 0, count: 1 << tableBits)
  /// Number of codes of each length, and the symbols in the order of their codes.
  private var counts = [Int](repeating: 0, count: 16)
  private var symbols: [Int] = []

  static let fixedLiterals = HuffmanCode(
    complete: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  static let fixedDistances = HuffmanCode(complete: Array(repeating: 5, count: 32))

  /// A code of the given lengths for symbols 0, 1, ... ; throws when more codes are given than fit.
  init(lengths: ArraySlice<Int>) throws(Inflate.Problem) {
    for length in lengths { counts[length] += 1 }
    counts[0] = 0
    var left = 1
    for length in 1...15 {
      left = left * 2 - counts[length]
      if left < 0 { throw Inflate.Problem(description: "the code lengths contradict each other") }
    }
    // One distance code alone is the only incomplete code that the format allows.
    guard left == 0 || counts.reduce(0, +) <= 1 else {
      throw Inflate.Problem(description: "a code is incomplete")
    }
    build(lengths)
  }

  private init(complete lengths: [Int]) {
    for length in lengths { counts[length] += 1 }
    build(lengths[...])
  }

  private mutating func build(_ lengths: ArraySlice<Int>) {
    let ordered = lengths.enumerated().filter { $0.element > 0 }.sorted {
      ($0.element, $0.offset) < ($1.element, $1.offset)
    }
    symbols = ordered.map(\.offset)
    var code = 0
    var previous = 0
    for (symbol, length) in ordered {
      code <<= length - previous
      previous = length
      if length <= Self.tableBits {
        // Codes are stored from their first bit on, which is the lowest of the bits read.
        let reversed = Int(UInt16(truncatingIfNeeded: code << (16 - length)).bitReversed)
        for pattern in stride(from: reversed, to: 1 << Self.tableBits, by: 1 << length) {
          table[pattern] = UInt16(symbol << 4 | length)
        }
      }
      code += 1
    }
  }

  /// Finds the code at the start of the next 15 bits; the length is 0 when there is none.
  func lookup(_ bits: Int) -> (symbol: Int, length: Int) {
    let entry = Int(table[bits & (1 << Self.tableBits - 1)])
    if entry != 0 { return (entry >> 4, entry & 15) }
    var code = 0
    var first = 0
    var index = 0
    for length in 1...15 {
      code |= bits >> (length - 1) & 1
      if code - counts[length] < first { return (symbols[index + code - first], length) }
      index += counts[length]
      first = (first + counts[length]) << 1
      code <<= 1
    }
    return (0, 0)
  }
}

extension UInt16 {
  /// The bits in opposite order.
  fileprivate var bitReversed: UInt16 {
    var result: UInt16 = 0
    for bit in 0..<16 where self & (1 << bit) != 0 { result |= 0x8000 >> bit }
    return result
  }
}
