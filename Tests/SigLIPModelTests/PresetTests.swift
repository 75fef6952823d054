import SigLIPModel
import Testing

/// Published models by name, and their sizes.
@Suite struct PresetTests {
  /// Numbers and multiply-adds that open_clip publishes, which counts a multiply-add as two operations.
  @Test(arguments: [
    ("B/16-224", 203.16, 46.44), ("L/16-256", 652.15, 201.62), ("So400m/14-384", 877.96, 723.48),
    ("B/16-i18n-256", 370.63, 57.84), ("B/16-v2-224", 375.19, 46.44),
  ])
  func sizes(of name: String, millions: Double, gigaOperations: Double) throws {
    let model = try SigLIPConfiguration(named: name)
    #expect(abs(Double(model.parameterCount) / 1e6 - millions) < 0.01)
    let operations = 2 * Double(model.imageMultiplyAdds + model.textMultiplyAdds) / 1e9
    #expect(abs(operations - gigaOperations) < 0.003 * gigaOperations, "\(operations)")
  }

  @Test(arguments: [
    ("B/16", SigLIPConfiguration.base16()), ("google/siglip-base-patch16-224", .base16()),
    ("ViT-B-16-SigLIP", .base16()), ("B/16-512", .base16(imageSize: 512)),
    ("B/16-i18n-256", .base16(imageSize: 256, edition: .international)),
    ("google/siglip-base-patch16-256-multilingual", .base16(imageSize: 256, edition: .international)),
    ("google/siglip2-base-patch16-384", .base16(imageSize: 384, edition: .second)),
    ("ViT-B-32-SigLIP2-256", .base32()), ("google/siglip2-base-patch32-256", .base32()),
    ("L/16-384", .large16(imageSize: 384)), ("L/16-v2-512", .large16(imageSize: 512, edition: .second)),
    ("So400m/14-224", .so400m14(imageSize: 224)), ("google/siglip-so400m-patch14-384", .so400m14()),
    ("google/siglip2-so400m-patch14-384", .so400m14(edition: .second)),
    ("ViT-SO400M-16-SigLIP-i18n-256", .so400m16(edition: .international)),
    ("google/siglip2-so400m-patch16-512", .so400m16(imageSize: 512)),
    ("g-opt/16-384", .giantOpt16(imageSize: 384)), ("google/siglip2-giant-opt-patch16-256", .giantOpt16()),
    ("ViT-gopt-16-SigLIP2-256", .giantOpt16()), ("B/16-naflex", .base16NaFlex),
    ("google/siglip2-so400m-patch16-naflex", .so400m16NaFlex),
  ])
  func names(_ name: String, _ expected: SigLIPConfiguration) throws {
    #expect(try SigLIPConfiguration(named: name) == expected)
  }

  @Test(arguments: [
    "", "H/14-224", "B/14-224", "B/16-224-large", "B/16-v2-i18n", "L/16-naflex", "B/16/16/16-2",
  ])
  func unknownNames(_ name: String) {
    #expect(throws: FileError.self) { try SigLIPConfiguration(named: name) }
  }

  @Test func exceptionsAmongThePublishedModels() throws {
    #expect(SigLIPConfiguration.so400m14(imageSize: 224).text.contextLength == 16)
    #expect(SigLIPConfiguration.so400m14(imageSize: 224, edition: .second).text.contextLength == 64)
    #expect(SigLIPConfiguration.so400m14().text.contextLength == 64)
    #expect(SigLIPConfiguration.so400m14().vision.gridSize == 27)
    #expect(SigLIPConfiguration.so400m16(edition: .international).text.outputWidth == nil)
    let giant = SigLIPConfiguration.giantOpt16()
    #expect(giant.vision.width == 1536 && giant.text.width == 1152 && giant.text.outputWidth == 1536)
    #expect(giant.generation == 2 && SigLIPConfiguration.base16().generation == 1)
  }
}
