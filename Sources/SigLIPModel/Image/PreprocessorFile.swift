import Foundation
import Tensor

extension ImagePreprocessing {
  /// The preprocessing that a checkpoint's folder asks for: `preprocessing.json` of this package, `preprocessor_config.json`
  /// or `processor_config.json` of Hugging Face, or `open_clip_config.json`; nil where there is none of them.
  ///
  /// - Throws: ``FileError`` when the file asks for something else, or cannot be read.
  public init?(modelFolder folder: String) throws {
    func file(_ name: String) throws -> JSONNode? {
      let path = folder + "/" + name
      return FileManager.default.fileExists(atPath: path) ? try JSONNode(file: path) : nil
    }
    let own = folder + "/" + PairwiseDescription.preprocessingFileName
    if FileManager.default.fileExists(atPath: own) {
      self = try decode(ImagePreprocessing.self, file: own)
      return
    }
    let path: String
    if let processor = try file("preprocessor_config.json") {
      (self, path) = (try ImagePreprocessing(huggingFace: processor), processor.path)
    } else if let processor = try file("processor_config.json")?["image_processor"].object(),
      !processor.isAbsent
    {
      // Where newer versions of transformers put the image processor.
      (self, path) = (try ImagePreprocessing(huggingFace: processor), processor.path)
    } else if let file = try file("open_clip_config.json") {
      let config = file["preprocess_cfg"]
      if config.isAbsent { throw config.expected("an object") }
      let size = try file["model_cfg"].object()["vision_cfg"].object()["image_size"].sides()
      (self, path) = (try ImagePreprocessing(openClip: config.object(), size), file.path)
    } else {
      return nil
    }
    if let problem { throw FileError(.unsupported, path, "it asks for \(problem)") }
  }
}

// MARK: - Hugging Face

extension ImagePreprocessing {
  /// An image processor's fields, under transformers' names.
  private init(huggingFace processor: JSONNode) throws {
    let resizes = processor["do_resize"]
    if try !resizes.flag(else: true) { throw resizes.unsupported("is false", expected: "true") }
    // Without rescaling, values of 0 to 255 are what mean and deviation are about.
    let rescales = try processor["do_rescale"].flag(else: true)
    let scale = rescales ? 1 / (try processor["rescale_factor"].number(else: 1.0 / 255)) : 1
    let normalizes = try processor["do_normalize"].flag(else: true)
    let normalization = PixelNormalization(
      mean: normalizes ? try processor["image_mean"].components() : [0, 0, 0],
      deviation: normalizes ? try processor["image_std"].components() : [1, 1, 1], scale: scale)
    let type =
      try processor["image_processor_type"].optionalString()
      ?? processor["feature_extractor_type"].optionalString() ?? ""
    let isNaFlex = type.hasPrefix("Siglip2")
    self.init(
      geometry: isNaFlex
        ? .patches(
          size: try processor["patch_size"].integer(else: 16),
          maximum: try processor["max_num_patches"].integer(else: 256))
        : try ImagePreprocessing.geometry(processor),
      filter: try ImagePreprocessing.filter(processor["resample"]) ?? (isNaFlex ? .bilinear : .bicubic),
      normalization: normalization)
  }

  private static func geometry(_ processor: JSONNode) throws -> Geometry {
    guard let size = try ProcessorSize(processor["size"]) else { throw processor["size"].expected("a size") }
    if try processor["do_center_crop"].flag(else: false) {
      let crop = try ProcessorSize(processor["crop_size"]) ?? size
      guard let side = size.shortestEdge, let width = crop.width, let height = crop.height,
        side >= max(width, height)
      else {
        throw processor.unsupported(
          "a centre crop of \(crop) from \(size)",
          expected: "a \"shortest_edge\" at least as long as the crop")
      }
      return .shortestSide(side, cropWidth: width, cropHeight: height)
    }
    guard let width = size.width, let height = size.height else {
      throw processor["size"].unsupported("is \(size)", expected: "\"height\" and \"width\"")
    }
    return .stretch(width: width, height: height)
  }

  /// The filter of one of Pillow's numbers.
  private static func filter(_ node: JSONNode) throws -> ResizeFilter? {
    if node.isAbsent { return nil }
    switch try node.integer() {
    case 2: return .bilinear
    case 3: return .bicubic
    case let other: throw node.unsupported("is \(other)", expected: "2 (bilinear) or 3 (bicubic)")
    }
  }
}

/// A size, or a number that stands for both sides or for the shorter one.
private struct ProcessorSize: CustomStringConvertible {
  let width, height, shortestEdge: Int?

  init?(_ node: JSONNode) throws {
    if node.isAbsent { return nil }
    func side(_ name: String) throws -> Int? { node[name].isAbsent ? nil : try node[name].size() }
    if case .object = node.value {
      (width, height, shortestEdge) = (try side("width"), try side("height"), try side("shortest_edge"))
    } else {
      let side = try node.size()
      (width, height, shortestEdge) = (side, side, side)
    }
  }

  var description: String {
    if let width, let height { return "\(width) x \(height)" }
    return shortestEdge.map { "a shortest edge of \($0)" } ?? "nothing"
  }
}

// MARK: - open_clip

extension ImagePreprocessing {
  /// The fields of `preprocess_cfg`; where they do not say a size, it is that of the model's images.
  private init(openClip config: JSONNode, _ modelSize: (height: Int, width: Int)?) throws {
    let name = try config["interpolation"].optionalString() ?? "bicubic"
    guard let filter = ["bicubic": ResizeFilter.bicubic, "bilinear": .bilinear][name] else {
      throw config["interpolation"].unsupported("is \"\(name)\"", expected: "bicubic or bilinear")
    }
    let (height, width) = try config["size"].sides() ?? modelSize ?? (224, 224)
    let geometry: Geometry
    switch try config["resize_mode"].optionalString() ?? "shortest" {
    case "squash": geometry = .stretch(width: width, height: height)
    case "shortest" where width == height:
      geometry = .shortestSide(width, cropWidth: width, cropHeight: height)
    case let mode:
      throw config["resize_mode"].unsupported(
        "is \"\(mode)\" to \(width) x \(height)", expected: "squash, or shortest to a square")
    }
    let (mean, deviation) = (try config["mean"].components(), try config["std"].components())
    self.init(
      geometry: geometry, filter: filter,
      // open_clip's own defaults are CLIP's numbers.
      normalization: mean == nil && deviation == nil
        ? .clip : PixelNormalization(mean: mean, deviation: deviation, scale: 255))
  }
}

extension JSONNode {
  /// Height and width, or one side of a square; nil when nothing stands here.
  fileprivate func sides() throws -> (height: Int, width: Int)? {
    if isAbsent { return nil }
    guard case .array = value else { return (try size(), try size()) }
    let sides = try elements().map { try $0.size() }
    guard sides.count == 2 else { throw malformed("is \(sides)", expected: "height and width") }
    return (sides[0], sides[1])
  }

  /// Three numbers, or one for all three; nil when nothing stands here.
  fileprivate func components() throws -> [Double]? {
    if isAbsent { return nil }
    guard case .array = value else { return Array(repeating: try number(), count: 3) }
    let numbers = try elements().map { try $0.number() }
    guard numbers.count == 3 else { throw malformed("is \(numbers)", expected: "three numbers") }
    return numbers
  }
}

extension PixelNormalization {
  /// By numbers of a file, three each, which are 0.5 where it has none.
  fileprivate init(mean: [Double]?, deviation: [Double]?, scale: Double) {
    func scaled(_ numbers: [Double]?) -> [Float] { (numbers ?? [0.5, 0.5, 0.5]).map { Float($0 * scale) } }
    self.init(mean: scaled(mean), deviation: scaled(deviation))
  }
}
