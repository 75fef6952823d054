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

  /// Numbers that open_clip's models have.
  @Test(arguments: [
    ("ViT-S-32", 63_085_825), ("ViT-S-16", 62_257_537), ("ViT-S-32-alt", 43_224_449),
    ("ViT-S-16-alt", 42_396_161), ("ViT-M-32", 103_119_873), ("ViT-M-16", 102_015_489),
    ("ViT-M-32-alt", 80_070_273), ("ViT-B-32", 151_277_313), ("ViT-B-32-256", 151_288_833),
    ("ViT-B-32-plus-256", 210_297_473), ("ViT-B-16", 149_620_737), ("ViT-B-16-plus", 208_351_361),
    ("ViT-B-16-plus-240", 208_377_345), ("ViT-L-16", 427_739_393), ("ViT-L-16-320", 427_948_289),
    ("ViT-L-14", 427_616_513), ("ViT-L-14-280", 427_763_969), ("ViT-L-14-336", 427_944_193),
    ("ViT-H-16", 986_263_041), ("ViT-H-14", 986_109_441), ("ViT-H-14-378", 986_714_881),
    ("ViT-g-14", 1_366_678_273), ("ViT-bigG-14", 2_539_567_105), ("ViT-e-14", 4_581_086_465),
    ("RN50", 102_007_137), ("RN101", 119_688_033), ("RN50x4", 178_300_601), ("RN50x16", 290_979_217),
    ("RN50x64", 623_258_305),
  ])
  func sizesOfClip(_ name: String, parameters: Int) throws {
    let model = try SigLIPConfiguration(named: name)
    #expect(model.parameterCount == parameters && model.family == .clip && model.objective == .softmax)
    #expect(SigLIP.outline(model).parameters.reduce(0) { $0 + $1.shape.elementCount } == parameters)
    let quick = try SigLIPConfiguration(named: name + "-quickgelu")
    #expect(quick.parameterCount == parameters && quick.text.activation == .quickGelu)
    #expect(model.text.activation == .geluExact)
  }

  @Test func openAINamesStandForQuickGelu() throws {
    let expected = try SigLIPConfiguration(named: "ViT-L-14-336-quickgelu")
    for name in ["ViT-L/14@336px", "openai/clip-vit-large-patch14-336"] {
      #expect(try SigLIPConfiguration(named: name) == expected)
    }
    #expect(try SigLIPConfiguration(named: "ViT-B-16-SigLIP").family == .siglip)
    #expect(try SigLIPConfiguration(named: "ViT-B-16").family == .clip)
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
    #expect(giant.family == .siglip2 && SigLIPConfiguration.base16().family == .siglip)
  }
}
