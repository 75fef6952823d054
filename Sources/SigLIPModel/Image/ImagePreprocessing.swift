import NN

/// What happens to an image between its file and the image tower.
///
///     let preprocessing = try ImagePreprocessing(modelFolder: folder) ?? .huggingFaceV1(imageSize: 224)
///     let batch = preprocessing([try RGBImage(contentsOf: "cat.jpg")])
public struct ImagePreprocessing: Sendable, Hashable {
  /// How images of any size become what the tower takes.
  public enum Geometry: Sendable, Hashable {
    /// Stretched to one size, whatever the proportions were.
    case stretch(width: Int, height: Int)
    /// The shorter side made `side` long, then the middle cut out, as torchvision does; `side` is at least the cut's.
    case shortestSide(Int, cropWidth: Int, cropHeight: Int)
    /// As large as `maximum` square patches allow, in about its own proportions: NaFlex.
    case patches(size: Int, maximum: Int)
    /// In the middle of a white square, which is then made so many pixels wide; first of all a side of more than 4,096
    /// pixels is made that long.
    case paddedSquare(Int)
  }

  /// How images of any size become what the tower takes.
  public var geometry: Geometry
  /// How pixels are made when the size changes.
  public var filter: ResizeFilter
  /// How pixel values become the tower's numbers.
  public var normalization: PixelNormalization

  /// Preprocessing of three steps.
  public init(geometry: Geometry, filter: ResizeFilter, normalization: PixelNormalization) {
    self.geometry = geometry
    self.filter = filter
    self.normalization = normalization
  }

  /// big_vision's evaluation of SigLIP: `resize(size)|value_range(-1, 1)`.
  public static func bigVision(imageSize: Int) -> ImagePreprocessing {
    siglip(imageSize, .bilinearWithoutAntialiasing)
  }

  /// Hugging Face's `google/siglip-*`.
  public static func huggingFaceV1(imageSize: Int) -> ImagePreprocessing { siglip(imageSize, .bicubic) }

  /// Hugging Face's `google/siglip2-*` of fixed resolution.
  public static func huggingFaceV2(imageSize: Int) -> ImagePreprocessing { siglip(imageSize, .bilinear) }

  /// open_clip's SigLIP models, of both versions.
  public static func openCLIP(imageSize: Int) -> ImagePreprocessing { siglip(imageSize, .bicubic) }

  /// OpenAI's CLIP models.
  public static func clip(imageSize: Int) -> ImagePreprocessing {
    ImagePreprocessing(
      geometry: .shortestSide(imageSize, cropWidth: imageSize, cropHeight: imageSize), filter: .bicubic,
      normalization: .clip)
  }

  /// Hugging Face's `google/siglip2-*-naflex`.
  public static func naFlex(patchSize: Int = 16, maximumPatches: Int = 256) -> ImagePreprocessing {
    ImagePreprocessing(
      geometry: .patches(size: patchSize, maximum: maximumPatches), filter: .bilinear, normalization: .siglip)
  }

  /// What ``EfficientNetLite0`` sees of a drawing: all of it, in its own proportions.
  public static func efficientNetLite(imageSize: Int = 224) -> ImagePreprocessing {
    ImagePreprocessing(
      geometry: .paddedSquare(imageSize), filter: .bicubic, normalization: .efficientNetLite)
  }

  private static func siglip(_ imageSize: Int, _ filter: ResizeFilter) -> ImagePreprocessing {
    ImagePreprocessing(
      geometry: .stretch(width: imageSize, height: imageSize), filter: filter, normalization: .siglip)
  }

  /// The image resized and cut as the geometry says.
  public func fit(_ image: RGBImage) -> RGBImage {
    switch geometry {
    case .stretch(let width, let height):
      return image.resized(width: width, height: height, filter: filter)
    case .shortestSide(let side, let cropWidth, let cropHeight):
      if side < max(cropWidth, cropHeight) {
        programmerError("preprocessing: a \(cropWidth) x \(cropHeight) cut of a shorter side of \(side)")
      }
      let (width, height) = image.size(shortestSide: side)
      let left = ImagePreprocessing.margin(width - cropWidth)
      let top = ImagePreprocessing.margin(height - cropHeight)
      return image.resized(
        width: width, height: height, filter: filter, columns: left..<left + cropWidth,
        rows: top..<top + cropHeight)
    case .patches(let patchSize, let maximum):
      let size = NaFlex.imageSize(
        width: image.width, height: image.height, patchSize: patchSize, maximumPatches: maximum)
      return image.resized(width: size.width, height: size.height, filter: filter)
    case .paddedSquare(let side):
      return image.withSides(atMost: ConfigurationBounds.imageSize.upperBound, filter: filter)
        .paddedToSquare()
        .resized(width: side, height: side, filter: filter)
    }
  }

  /// Why no image can be prepared so for a tower, in words; nil if one can. Sizes have the bounds of models' sizes.
  public var problem: String? {
    let problem: String? =
      switch geometry {
      case .stretch(let width, let height):
        ConfigurationBounds.problem([
          ("a width", width, ConfigurationBounds.imageSize),
          ("a height", height, ConfigurationBounds.imageSize),
        ])
      case .shortestSide(let side, let width, let height):
        ConfigurationBounds.problem([
          ("a shortest side", side, ConfigurationBounds.imageSize),
          ("a cut's width", width, 1...max(1, side)),
          ("a cut's height", height, 1...max(1, side)),
        ])
      case .paddedSquare(let side):
        ConfigurationBounds.problem([("a square's side", side, ConfigurationBounds.imageSize)])
      case .patches(let size, let maximum):
        ConfigurationBounds.problem([
          ("a patch size", size, ConfigurationBounds.imageSize),
          ("a number of patches", maximum, ConfigurationBounds.positions),
        ])
          ?? ConfigurationBounds.problem([
            (
              "a number of pixels in all patches", size * size * maximum,
              1...ConfigurationBounds.imageSize.upperBound * ConfigurationBounds.imageSize.upperBound
            )
          ])
      }
    if let problem { return problem }
    let numbers = normalization.mean + normalization.deviation
    return numbers.allSatisfy(\.isFinite) && !normalization.deviation.contains(0)
      ? nil
      : "a mean of \(normalization.mean) and a deviation of \(normalization.deviation), expected finite numbers, "
        + "none of the second zero"
  }

  /// Half of what is cut off, rounded as Python does: halves to the even number.
  private static func margin(_ rest: Int) -> Int { Int((Double(rest) / 2).rounded(.toNearestOrEven)) }

  /// Images as a tower takes them, prepared on all threads.
  public func callAsFunction(_ images: [RGBImage]) -> ImageBatch {
    let fitted = parallelMap(images, grain: 1) { fit($0) }
    return batch(ofFitted: fitted)
  }

  /// What ``callAsFunction(_:)`` gives, from images that went through ``fit(_:)`` before.
  public func batch(ofFitted images: [RGBImage]) -> ImageBatch {
    if case .patches(let size, let maximum) = geometry {
      return .patches(
        PatchSequences(images, patchSize: size, maximumPatches: maximum, normalization: normalization))
    }
    return .pixels(normalization.tensor(images))
  }

  /// Reads and fits image files on all threads; a file that cannot be read gives its error and stops no other. Images of
  /// more than 16 million pixels are decoded one at a time, so that a folder of them takes no more memory on many threads.
  public func fit(
    files: [String], options: ImageReadingOptions = ImageReadingOptions()
  ) -> [Result<RGBImage, any Error>] {
    fit(files: files, options: options, largePixelCount: 1 << 24)
  }

  /// - Parameter largePixelCount: Images of more pixels are decoded one at a time.
  package func fit(
    files: [String], options: ImageReadingOptions, largePixelCount: Int
  ) -> [Result<RGBImage, any Error>] {
    let turns = DecodingTurns(largePixelCount: largePixelCount)
    return parallelMap(files, grain: 1) { file in
      Result {
        try turns.take { willDecode in
          fit(try RGBImage(contentsOf: file, options: options, willDecode: willDecode))
        }
      }
    }
  }
}

extension RGBImage {
  /// The image, smaller if its longer side is longer than this: a square around a very long one would fill the memory.
  fileprivate func withSides(atMost limit: Int, filter: ResizeFilter) -> RGBImage {
    let side = max(width, height)
    if side <= limit { return self }
    return resized(
      width: max(1, width * limit / side), height: max(1, height * limit / side), filter: filter)
  }

  /// What the size becomes when the shorter side gets a length, as torchvision rounds it.
  func size(shortestSide side: Int) -> (width: Int, height: Int) {
    width <= height ? (side, side * height / width) : (side * width / height, side)
  }
}

/// Images as a tower takes them.
public enum ImageBatch: Sendable {
  /// `[batch, 3, height, width]`.
  case pixels(Tensor)
  /// Patches of images of several sizes.
  case patches(PatchSequences)
}
