import Foundation

/// Decompression of gzip files (RFC 1952).
package enum Gzip {
  /// What is wrong with a file.
  package struct Problem: Error {
    package let description: String
  }

  /// The contents of a file with one member.
  package static func decompress(_ bytes: [UInt8]) throws(Problem) -> [UInt8] {
    let start = try dataStart(bytes)
    let trailer = bytes.suffix(8)
    guard start + trailer.count <= bytes.count, trailer.count == 8 else {
      throw Problem(description: "the file is cut off")
    }
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(trailer[trailer.startIndex + offset + $1]) << (8 * UInt32($1)) }
    }
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(Inflate.Problem) in
        try Inflate.decompress(
          UnsafeRawBufferPointer(rebasing: bytes[start..<(bytes.count - 8)]), outputCount: Int(word(4)))
      }
    }
    let contents: Data
    switch result {
    case .success(let data): contents = data
    case .failure(let problem): throw Problem(description: problem.description)
    }
    guard checksum(contents) == word(0) else { throw Problem(description: "the checksum does not fit") }
    return [UInt8](contents)
  }

  /// Where the compressed data begins, behind a header with optional fields.
  private static func dataStart(_ bytes: [UInt8]) throws(Problem) -> Int {
    guard bytes.count >= 18, bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8 else {
      throw Problem(description: "it is not a gzip file, or cut off")
    }
    let flags = bytes[3]
    var position = 10
    if flags & 4 != 0, position + 1 < bytes.count {
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    for flag: UInt8 in [8, 16] where flags & flag != 0 {
      while position < bytes.count && bytes[position] != 0 { position += 1 }
      position += 1
    }
    return flags & 2 != 0 ? position + 2 : position
  }
}
