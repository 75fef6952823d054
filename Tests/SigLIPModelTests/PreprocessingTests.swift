import SigLIPModel
import TestSupport
import Testing

@Suite struct PreprocessingTests {
  private let expectations: SafetensorsFile
  private let images: [RGBImage]

  init() throws {
    let expectations = try SafetensorsFile(fixture("preprocessing.safetensors"))
    self.expectations = expectations
    images = try ["wide", "tall", "square"].map { name in
      let shape = try #require(expectations[name]).shape
      return RGBImage(width: shape[1], height: shape[0], pixels: try expectations.bytes(named: name))
    }
  }

  /// What the processor's own file in a folder asks for.
  private func preprocessing(_ label: String, file: String = "preprocessor_config.json") throws
    -> ImagePreprocessing?
  {
    let folder = try TemporaryFolder()
    _ = try folder.write(expectations.bytes(named: "\(label)/preprocessor_config.json"), to: file)
    return try ImagePreprocessing(modelFolder: folder.path("."))
  }

  @Test(arguments: ["siglip", "siglip2", "clip"])
  func pixelsAreThoseOfPython(_ label: String) throws {
    let preprocessing = try #require(try preprocessing(label))
    guard case .pixels(let pixels) = preprocessing(images) else {
      Issue.record("\(label): patches")
      return
    }
    let expected = try expectations.tensor(named: "\(label)/pixel_values")
    #expect(pixels.isApproximatelyEqual(to: expected, absolute: 1e-6, relative: 0), "\(label)")
  }

  @Test func patchesAreThoseOfTransformers() throws {
    let preprocessing = try #require(try preprocessing("naflex"))
    #expect(preprocessing == .naFlex(patchSize: 4, maximumPatches: 20))
    guard case .patches(let batch) = preprocessing(images) else {
      Issue.record("pixels")
      return
    }
    let expected = try expectations.tensor(named: "naflex/pixel_values")
    #expect(batch.patches.isApproximatelyEqual(to: expected, absolute: 1e-6, relative: 0))
    #expect(
      try batch.grids.flatMap { [Int32($0.height), Int32($0.width)] }
        == expectations.indices(named: "naflex/spatial_shapes").values)
  }

  @Test func presetsAreWhatTheFilesAskFor() throws {
    #expect(try preprocessing("siglip") == .huggingFaceV1(imageSize: 16))
    #expect(try preprocessing("siglip2") == .huggingFaceV2(imageSize: 16))
    let clip = try #require(try preprocessing("clip"))
    #expect(clip.geometry == .shortestSide(16, cropWidth: 13, cropHeight: 13))
    #expect(clip.normalization == ImagePreprocessing.clip(imageSize: 16).normalization)
    #expect(ImagePreprocessing.bigVision(imageSize: 224).filter == .bilinearWithoutAntialiasing)
    let folder = try TemporaryFolder()
    #expect(try ImagePreprocessing(modelFolder: folder.path(".")) == nil)
  }

  @Test func openCLIPsFileIsRead() throws {
    func read(_ preprocess: String) throws -> ImagePreprocessing? {
      let folder = try TemporaryFolder()
      _ = try folder.write(
        Array("{\"model_cfg\": {}, \"preprocess_cfg\": {\(preprocess)}}".utf8), to: "open_clip_config.json")
      return try ImagePreprocessing(modelFolder: folder.path("."))
    }
    let squash =
      "\"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5], \"interpolation\": \"bicubic\", \"size\": 256"
    #expect(try read(squash + ", \"resize_mode\": \"squash\"") == .openCLIP(imageSize: 256))
    #expect(try read("\"size\": [240, 240]") == .clip(imageSize: 240))
    #expect(throws: FileError.self) { try read("\"resize_mode\": \"longest\"") }
    #expect(throws: FileError.self) { try read("\"size\": [1, 2, 3]") }
  }

  @Test func processorFilesOfNewerVersionsAreRead() throws {
    let inner = String(
      decoding: try expectations.bytes(named: "siglip/preprocessor_config.json"), as: UTF8.self)
    let folder = try TemporaryFolder()
    _ = try folder.write(Array("{\"image_processor\": \(inner)}".utf8), to: "processor_config.json")
    #expect(try ImagePreprocessing(modelFolder: folder.path(".")) == .huggingFaceV1(imageSize: 16))
  }

  @Test(arguments: [
    ("{", "is not valid JSON"), ("{}", "size is missing"),
    ("{\"size\": 0}", "size is 0, expected a whole number above 0"),
    ("{\"size\": {\"width\": 3}}", "expected \"height\" and \"width\""),
    ("{\"size\": 8, \"resample\": 1}", "resample is 1"),
    ("{\"size\": 8, \"do_resize\": false}", "do_resize is false, expected true"),
    ("{\"size\": 8, \"do_center_crop\": true, \"crop_size\": 9}", "a centre crop of 9 x 9 from 8 x 8"),
    ("{\"size\": 8, \"image_std\": [1, 0, 1]}", "none of the second zero"),
    ("{\"size\": 8, \"image_mean\": [1]}", "image_mean is [1.0], expected three numbers"),
  ])
  func filesThatCannotBeFollowedAreRefused(_ json: String, _ problem: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(json.utf8), to: "preprocessor_config.json")
    let error = #expect(throws: FileError.self) {
      try ImagePreprocessing(modelFolder: folder.path("."))
    }
    let text = try #require(error).description
    #expect(text.contains(problem) && text.contains("preprocessor_config.json"), "\(text), \(path)")
  }

  @Test(arguments: [
    (48, 48, 3, 121, 33, 33), (112, 109, 7, 225, 105, 105), (176, 176, 11, 64, 88, 88),
    (256, 64, 16, 12, 96, 32),
    (256, 64, 8, 15, 56, 16), (63, 241, 16, 16, 32, 128), (16, 512, 16, 16, 16, 256),
  ])
  func naFlexSizes(
    _ height: Int, _ width: Int, _ patchSize: Int, _ maximum: Int, _ newHeight: Int, _ newWidth: Int
  ) {
    let size = NaFlex.imageSize(width: width, height: height, patchSize: patchSize, maximumPatches: maximum)
    #expect(size == (newWidth, newHeight))
  }

  @Test func filesAreReadTogetherAndFailAlone() throws {
    let folder = try TemporaryFolder()
    let preprocessing = ImagePreprocessing.huggingFaceV1(imageSize: 8)
    for (index, image) in images.enumerated() { try image.writePPM(to: folder.path("\(index).ppm")) }
    let damaged = try folder.write(Array("P6 9 9 255\n".utf8), to: "damaged.ppm")
    let files = (0..<3).map { folder.path("\($0).ppm") } + [damaged, folder.path("missing.ppm")]
    let results = preprocessing.fit(files: files)
    #expect(try results.prefix(3).map { try $0.get() } == images.map(preprocessing.fit))
    #expect(throws: FileError.self) { try results[3].get() }
    #expect(throws: FileError.self) { try results[4].get() }
  }
}
