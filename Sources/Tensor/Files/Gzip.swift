import Foundation

/// Decompression of gzip files (RFC 1952).
package enum Gzip {
  /// What is wrong with a file.
  package struct Problem: Error {
    package let description: String
    /// Whether that is all: the file is cut off.
    package var isCut = false

    static let cut = Problem(description: "the file is cut off", isCut: true)

    init(description: String, isCut: Bool = false) { (self.description, self.isCut) = (description, isCut) }

    init(_ problem: Inflate.Problem) {
      self.init(description: problem.description, isCut: problem.isCut)
    }
  }

  /// Whether a file begins as gzip files do.
  package static func isGzip(_ bytes: some Sequence<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The contents of a file with one member.
  package static func decompress(_ bytes: [UInt8]) throws(Problem) -> [UInt8] {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(Problem) in
        let start = try dataStart(bytes, at: 0)
        guard start + 8 <= bytes.count else { throw .cut }
        let trailer = Trailer(bytes, at: bytes.count - 8)
        let contents: Data
        do throws(Inflate.Problem) {
          contents = try Inflate.decompress(
            UnsafeRawBufferPointer(rebasing: bytes[start..<(bytes.count - 8)]),
            outputCount: Int(trailer.count))
        } catch { throw Problem(error) }
        guard checksum(contents) == trailer.checksum else { throw .checksum }
        return [UInt8](contents)
      }
    }
    return try result.get()
  }

  /// Decompresses a file of one member or several in little memory: `write` takes it part by part. What came out before
  /// an error was written.
  ///
  /// - Parameter isMapped: Whether `bytes` are a file's memory map, whose pages need not stay.
  /// - Throws: ``Problem``, and what `write` throws.
  package static func decompress(
    _ bytes: UnsafeRawBufferPointer, isMapped: Bool = false,
    to write: @escaping (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var start = 0
    repeat {
      start = try dataStart(bytes, at: start)
      var checksum = Checksum()
      var count: UInt32 = 0
      var failure: (any Error)?
      do throws(Inflate.Problem) {
        start += try Inflate.decompress(UnsafeRawBufferPointer(rebasing: bytes[start...]), isMapped: isMapped)
        { part in
          if failure != nil { return false }
          checksum.update(part)
          count &+= UInt32(truncatingIfNeeded: part.count)
          do { try write(part) } catch { failure = error }
          return failure == nil
        }
      } catch {
        throw failure ?? Problem(error)
      }
      guard start + 8 <= bytes.count else { throw Problem.cut }
      let trailer = Trailer(bytes, at: start)
      guard trailer.checksum == checksum.value, trailer.count == count else { throw Problem.checksum }
      start += 8
    } while isGzip(bytes[start...])
  }

  /// What stands behind a member's data.
  private struct Trailer {
    let checksum: UInt32
    /// Bytes that come out, modulo 2^32.
    let count: UInt32

    init(_ bytes: UnsafeRawBufferPointer, at position: Int) {
      checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
      count = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
    }
  }

  /// Where the compressed data of a member begins, behind a header with optional fields.
  private static func dataStart(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(Problem) -> Int {
    let isLongEnough = bytes.count - start >= 18
    guard isLongEnough, isGzip(bytes[start...]), bytes[start + 2] == 8 else {
      throw Problem(description: "it is not a gzip file, or cut off", isCut: !isLongEnough)
    }
    let flags = bytes[start + 3]
    var position = start + 10
    if flags & 4 != 0, position + 1 < bytes.count {
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    for flag: UInt8 in [8, 16] where flags & flag != 0 {
      while position < bytes.count && bytes[position] != 0 { position += 1 }
      position += 1
    }
    if flags & 2 != 0 { position += 2 }
    guard position <= bytes.count else { throw .cut }
    return position
  }
}

extension Gzip.Problem {
  fileprivate static let checksum = Gzip.Problem(description: "the checksum does not fit")
}
