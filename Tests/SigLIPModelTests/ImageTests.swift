import SigLIPModel
import TestSupport
import Testing

@Suite struct ImageTests {
  @Test func resizingIsPillowsBitForBit() throws {
    #expect(try compareResized("resize.safetensors") == 30)
  }

  @Test func resizingIsTensorFlowsBitForBit() throws {
    #expect(try compareResized("resize_tensorflow.safetensors") == 15)
  }

  /// Holds every image named `source/filter/size` to what resizing the source gives; returns how many there were.
  private func compareResized(_ file: String) throws -> Int {
    let sources = try SafetensorsFile(fixture("resize.safetensors"))
    let expectations = try SafetensorsFile(fixture(file))
    func image(_ name: String, in file: SafetensorsFile) throws -> RGBImage {
      let shape = try #require(file[name]).shape
      return RGBImage(width: shape[1], height: shape[0], pixels: try file.bytes(named: name))
    }
    let names = expectations.names.filter { $0.contains("/") }
    for name in names {
      let parts = name.split(separator: "/")
      let expected = try image(name, in: expectations)
      let filter = try #require(ResizeFilter(rawValue: String(parts[1])))
      let resized = try image(String(parts[0]), in: sources).resized(
        width: expected.width, height: expected.height, filter: filter)
      #expect(resized == expected, "\(name)")
    }
    return names.count
  }

  @Test func croppingTakesAPart() {
    let image = RGBImage(width: 2, height: 2, pixels: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    #expect(
      image.cropped(left: 1, top: 0, width: 1, height: 2)
        == RGBImage(width: 1, height: 2, pixels: [4, 5, 6, 10, 11, 12]))
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
    let darkest: Float = -127 / 128
    #expect(tensor.scalars.prefix(6) == [darkest, 0, 0, -0.5, 1, 0.5])
    let siglip = PixelNormalization.siglip.tensor([image])
    #expect(siglip.scalars.min() == -1 && siglip.scalars.max() == 1)
  }
}
