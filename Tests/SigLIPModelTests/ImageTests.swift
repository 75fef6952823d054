import SigLIPModel
import TestSupport
import Testing

@Suite struct ImageTests {
  @Test func resizingIsPillowsBitForBit() throws {
    let expectations = try SafetensorsFile(fixture("resize.safetensors"))
    func image(_ name: String) throws -> RGBImage {
      let shape = try #require(expectations[name]).shape
      return RGBImage(width: shape[1], height: shape[0], pixels: try expectations.bytes(named: name))
    }
    var compared = 0
    for name in expectations.names where name.contains("/") {
      let parts = name.split(separator: "/")
      let expected = try image(name)
      let filter = try #require(ResizeFilter(rawValue: String(parts[1])))
      let resized = try image(String(parts[0])).resized(
        width: expected.width, height: expected.height, filter: filter)
      #expect(resized == expected, "\(name)")
      compared += 1
    }
    #expect(compared == 30)
  }

  @Test func paddingCentresTheImage() {
    let image = RGBImage(width: 1, height: 3, pixels: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    let padded = image.paddedToSquare(red: 10, green: 11, blue: 12)
    #expect(padded.width == 3 && padded.height == 3)
    #expect(Array(padded.pixels[9..<18]) == [10, 11, 12, 4, 5, 6, 10, 11, 12])
  }

  @Test func normalizationPutsChannelsFirst() {
    let image = RGBImage(width: 2, height: 1, pixels: [0, 127, 255, 127, 63, 191])
    let tensor = PixelNormalization.efficientNetLite.tensor([image, image])
    #expect(tensor.shape == [2, 3, 1, 2])
    #expect(tensor.scalars.prefix(6) == [-127 / 128, 0, 0, -0.5, 1, 0.5])
    let siglip = PixelNormalization.siglip.tensor([image])
    #expect(siglip.scalars.min() == -1 && siglip.scalars.max() == 1)
  }
}
