/// Finds the one entry of Exif data that changes pixels: how a camera was held.
///
/// Data that breaks the rules says nothing: the image stays as it is, as with other readers.
package enum Exif {
  /// 1 to 8 as in Exif 2.3, section 4.6.4; 1 where there is none.
  package static func orientation(ofJPEG bytes: [UInt8]) -> Int {
    var reader = ByteReader(bytes[...], at: 2)
    while let lead = reader.byte(), lead == 0xFF, let marker = reader.byte() {
      // A marker may be preceded by more fill bytes; pixels follow a start of scan.
      if marker == 0xFF {
        reader.position -= 1
        continue
      }
      guard marker != 0xDA, marker != 0xD9, let length = reader.unsigned(bytes: 2), length >= 2 else {
        return 1
      }
      var segment = ByteReader(reader.take(length - 2), at: 0)
      if marker == 0xE1, segment.skip(Array("Exif\0\0".utf8)) { return orientation(ofTIFF: segment.rest) }
    }
    return 1
  }

  /// The same from a PNG's `eXIf` chunk.
  package static func orientation(ofPNG bytes: [UInt8]) -> Int {
    var reader = ByteReader(bytes[...], at: 8)
    while let length = reader.unsigned(bytes: 4) {
      if reader.skip(Array("eXIf".utf8)) { return orientation(ofTIFF: reader.take(length)) }
      // Name, data, checksum.
      reader.position += 4 + length + 4
    }
    return 1
  }

  private static func orientation(ofTIFF data: ArraySlice<UInt8>) -> Int {
    var reader = ByteReader(data, at: 0)
    if reader.skip(Array("II".utf8)) {
      reader.isLittleEndian = true
    } else if !reader.skip(Array("MM".utf8)) {
      return 1
    }
    guard reader.unsigned(bytes: 2) == 42, let directory = reader.unsigned(bytes: 4) else { return 1 }
    reader.position = directory
    guard let entries = reader.unsigned(bytes: 2) else { return 1 }
    for entry in 0..<entries {
      reader.position = directory + 2 + entry * 12
      guard let tag = reader.unsigned(bytes: 2) else { return 1 }
      guard tag == 0x0112 else { continue }
      guard reader.unsigned(bytes: 2) == 3, reader.unsigned(bytes: 4) != nil,
        let value = reader.unsigned(bytes: 2), (1...8).contains(value)
      else { return 1 }
      return value
    }
    return 1
  }
}

/// Reads numbers from bytes: past their end there is nothing, whatever the position.
private struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  /// Counted from the first of the bytes, at least 0.
  var position: Int
  var isLittleEndian = false

  init(_ bytes: ArraySlice<UInt8>, at position: Int) {
    self.bytes = bytes
    self.position = position
  }

  /// All bytes from here on.
  var rest: ArraySlice<UInt8> { bytes.dropFirst(position) }

  /// As many of the next bytes as there are, and moves on.
  mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    defer { position += count }
    return rest.prefix(count)
  }

  mutating func byte() -> UInt8? { take(1).first }

  mutating func unsigned(bytes count: Int) -> Int? {
    let part = take(count)
    guard part.count == count else { return nil }
    return isLittleEndian
      ? part.reversed().reduce(0) { $0 << 8 | Int($1) } : part.reduce(0) { $0 << 8 | Int($1) }
  }

  /// Moves on when these bytes come next.
  mutating func skip(_ expected: [UInt8]) -> Bool {
    guard rest.starts(with: expected) else { return false }
    position += expected.count
    return true
  }
}

extension RGBImage {
  /// The image as it is meant to be seen, from an Exif orientation of 1 to 8.
  func oriented(_ orientation: Int) -> RGBImage {
    if orientation == 1 { return self }
    let swapsAxes = orientation >= 5
    let mirrorsX = [2, 3, 7, 8].contains(orientation)
    let mirrorsY = [3, 4, 6, 7].contains(orientation)
    let (newWidth, newHeight) = swapsAxes ? (height, width) : (width, height)
    let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { out, count in
      pixels.withUnsafeBufferPointer { pixels in
        for y in 0..<newHeight {
          for x in 0..<newWidth {
            let (column, row) = swapsAxes ? (y, x) : (x, y)
            let source =
              (mirrorsY ? height - 1 - row : row) * width + (mirrorsX ? width - 1 - column : column)
            for channel in 0..<3 { out[(y * newWidth + x) * 3 + channel] = pixels[source * 3 + channel] }
          }
        }
      }
      count = pixels.count
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: result)
  }
}
