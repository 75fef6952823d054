import Foundation
import Tensor

extension ImageDecoder {
  /// Binary PPM (P6) and PGM (P5), with samples of one or two bytes.
  func portablePixmap() throws -> RGBImage {
    let channels = bytes[1] == UInt8(ascii: "6") ? 3 : 1
    var position = 2
    let width = try headerNumber("width", &position)
    let height = try headerNumber("height", &position)
    let maximum = try headerNumber("largest value", &position)
    if !(1...65535).contains(maximum) {
      throw damaged("its largest value is \(maximum), expected 1 to 65535")
    }
    // One white space byte ends the header.
    position += 1
    let pixels = try pixelCount(width: width, height: height)
    let sampleSize = maximum > 255 ? 2 : 1
    let samples = pixels * channels
    if bytes.count - position < samples * sampleSize {
      throw damaged(
        "\(max(bytes.count - position, 0)) bytes of pixels, expected \(samples * sampleSize) for \(width) x \(height)"
      )
    }
    func sample(_ index: Int) -> UInt8 {
      let at = position + index * sampleSize
      let value = sampleSize == 1 ? Int(bytes[at]) : Int(bytes[at]) << 8 | Int(bytes[at + 1])
      return UInt8((min(value, maximum) * 255 + maximum / 2) / maximum)
    }
    if channels == 3, maximum == 255 {
      return RGBImage(width: width, height: height, pixels: Array(bytes[position..<(position + samples)]))
    }
    let result = [UInt8](unsafeUninitializedCapacity: pixels * 3) { out, count in
      for i in 0..<(pixels * 3) { out[i] = sample(channels == 3 ? i : i / 3) }
      count = pixels * 3
    }
    return RGBImage(width: width, height: height, pixels: result)
  }

  /// A decimal number after white space and comments.
  private func headerNumber(_ meaning: String, _ position: inout Int) throws -> Int {
    func current() -> UInt8? { position < bytes.count ? bytes[position] : nil }
    while let byte = current(), byte == UInt8(ascii: "#") || (9...13).contains(byte) || byte == 32 {
      if byte == UInt8(ascii: "#") {
        while let byte = current(), byte != 10 { position += 1 }
      } else {
        position += 1
      }
    }
    var number: Int?
    while let byte = current(), (48...57).contains(byte) {
      number = (number ?? 0) * 10 + Int(byte - 48)
      if number! > 1 << 40 { throw damaged("its \(meaning) is too large a number") }
      position += 1
    }
    guard let number else { throw damaged("its header has no \(meaning)") }
    return number
  }
}

extension RGBImage {
  /// Writes a binary PPM file, in one step.
  ///
  /// - Throws: ``FileError``.
  public func writePPM(to file: String) throws {
    try writeAtomically(file) { append in
      try append(Data("P6\n\(width) \(height)\n255\n".utf8))
      try append(Data(pixels))
    }
  }
}
