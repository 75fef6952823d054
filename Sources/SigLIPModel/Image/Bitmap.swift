import Foundation

extension RGBImage {
  /// The image as a bitmap file in a link, for a page that needs no other file.
  public var dataURI: String {
    let padding = (4 - width * 3 % 4) % 4
    let size = (width * 3 + padding) * height
    func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var file: [UInt8] = Array("BM".utf8) + bytes(54 + size, 4) + bytes(0, 4) + bytes(54, 4)
    file += bytes(40, 4) + bytes(width, 4) + bytes(height, 4) + bytes(1, 2) + bytes(24, 2)
    file += bytes(0, 4) + bytes(size, 4) + bytes(2835, 4) + bytes(2835, 4) + bytes(0, 8)
    for y in (0..<height).reversed() {
      for x in 0..<width {
        file += pixels[((y * width + x) * 3)..<((y * width + x) * 3 + 3)].reversed()
      }
      file += bytes(0, padding)
    }
    return "data:image/bmp;base64," + Data(file).base64EncodedString()
  }
}
