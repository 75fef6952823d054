import Kernels

/// The SHA-256 digest of bytes that come in parts (FIPS 180-4), to tell files and caches apart by what they hold.
///
///     var digest = SHA256()
///     digest.update(bytes)
///     digest.finish()  // 64 hexadecimal digits
public struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
  ]
  /// What does not fill a block of 64 bytes yet.
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// The digest of nothing so far.
  public init() {}

  /// The digest of bytes at once, as 64 hexadecimal digits.
  public static func digest(_ bytes: some Sequence<UInt8>) -> String {
    var digest = SHA256()
    digest.update(bytes)
    return digest.finish()
  }

  /// The digest of a file's contents, as 64 hexadecimal digits.
  ///
  /// - Throws: ``FileError``.
  public static func digest(ofFile path: String) throws -> String { digest(try mapFile(path)) }

  /// Adds bytes.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { update($0) }
    }
  }

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var start = 0
    if !rest.isEmpty {
      start = min(64 - rest.count, bytes.count)
      rest.append(contentsOf: bytes[..<start])
      if rest.count < 64 { return }
      rest.withUnsafeBytes { SHA256Blocks.mix($0, into: &state) }
      rest.removeAll(keepingCapacity: true)
    }
    let whole = (bytes.count - start) / 64 * 64
    SHA256Blocks.mix(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + whole)]), into: &state)
    rest.append(contentsOf: bytes[(start + whole)...])
  }

  /// The digest of all bytes added, as 64 hexadecimal digits.
  public consuming func finish() -> String {
    let bitCount = byteCount &* 8
    let zeros = (119 - Int(byteCount % 64)) % 64
    update([0x80] + [UInt8](repeating: 0, count: zeros))
    withUnsafeBytes(of: bitCount.bigEndian) { update($0) }
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }
}
