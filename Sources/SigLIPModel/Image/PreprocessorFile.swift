import Foundation
import Tensor

/// What keeps a checkpoint's description of its preprocessing from being followed.
public struct PreprocessingError: DataError, Hashable {
  /// Which file, what was found, what was expected.
  public let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}

extension ImagePreprocessing {
  /// The preprocessing that a checkpoint's folder asks for: `preprocessor_config.json` or `processor_config.json` of
  /// Hugging Face, or `open_clip_config.json`; nil where there is none of them.
  ///
  /// - Throws: ``PreprocessingError`` when the file asks for something else, or `TensorError.unreadable`.
  public init?(modelFolder folder: String) throws {
    func file(_ name: String) -> String? {
      let path = folder + "/" + name
      return FileManager.default.fileExists(atPath: path) ? path : nil
    }
    if let path = file("preprocessor_config.json") {
      self = try HuggingFacePreprocessor(path: path).preprocessing(path).checked(path)
    } else if let path = file("processor_config.json"),
      let processor = try decode(HuggingFaceProcessor.self, from: path).image_processor
    {
      self = try processor.preprocessing(path).checked(path)
    } else if let path = file("open_clip_config.json") {
      self = try decode(OpenCLIPFile.self, from: path).preprocess_cfg.preprocessing(path).checked(path)
    } else {
      return nil
    }
  }

  private func checked(_ path: String) throws -> ImagePreprocessing {
    if let problem { throw PreprocessingError("\(path): it asks for \(problem)") }
    return self
  }
}

private func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
  do {
    return try JSONDecoder().decode(type, from: Data(readFile(path, maximumBytes: JSONObject.maximumBytes)))
  } catch let error as DecodingError {
    throw PreprocessingError("\(path): \(problem(error))")
  }
}

private func problem(_ error: DecodingError) -> String {
  func place(_ context: DecodingError.Context) -> String {
    context.codingPath.isEmpty ? "" : "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" "
  }
  switch error {
  case .typeMismatch(_, let context): return place(context) + "has the wrong type"
  case .valueNotFound(_, let context): return place(context) + "is null"
  case .keyNotFound(let key, let context): return place(context) + "\"\(key.stringValue)\" is missing"
  case .dataCorrupted(let context): return place(context) + "is not valid JSON: \(context.debugDescription)"
  @unknown default: return "cannot be understood"
  }
}

/// `processor_config.json`, where newer versions of transformers put the image processor.
private struct HuggingFaceProcessor: Decodable {
  var image_processor: HuggingFacePreprocessor?
}

/// An image processor's fields, under transformers' names.
private struct HuggingFacePreprocessor: Decodable {
  var image_processor_type: String?
  var feature_extractor_type: String?
  var do_resize: Bool?
  var size: Size?
  var resample: Int?
  var do_center_crop: Bool?
  var crop_size: Size?
  var do_rescale: Bool?
  var rescale_factor: Double?
  var do_normalize: Bool?
  var image_mean: Components?
  var image_std: Components?
  var patch_size: Int?
  var max_num_patches: Int?

  init(path: String) throws { self = try decode(HuggingFacePreprocessor.self, from: path) }

  func preprocessing(_ path: String) throws -> ImagePreprocessing {
    if do_resize == false {
      throw PreprocessingError("\(path): \"do_resize\" is false, expected true")
    }
    // Without rescaling, values of 0 to 255 are what mean and deviation are about.
    let scale = do_rescale == false ? 1 : 1 / (rescale_factor ?? 1 / 255)
    let normalization = try pixelNormalization(
      mean: do_normalize == false ? [0, 0, 0] : image_mean?.values,
      deviation: do_normalize == false ? [1, 1, 1] : image_std?.values, scale: scale, path)
    let type = image_processor_type ?? feature_extractor_type ?? ""
    if type.hasPrefix("Siglip2") {
      return ImagePreprocessing(
        geometry: .patches(size: patch_size ?? 16, maximum: max_num_patches ?? 256),
        filter: try filter(default: .bilinear, path), normalization: normalization)
    }
    return ImagePreprocessing(
      geometry: try geometry(path), filter: try filter(default: .bicubic, path), normalization: normalization)
  }

  private func geometry(_ path: String) throws -> ImagePreprocessing.Geometry {
    guard let size else { throw PreprocessingError("\(path): \"size\" is missing") }
    if do_center_crop == true {
      let crop = crop_size ?? size
      guard let side = size.shortest_edge, let width = crop.width, let height = crop.height,
        side >= max(width, height)
      else {
        throw PreprocessingError(
          "\(path): a centre crop of \(crop) from \(size), expected a \"shortest_edge\" at least as long as the crop"
        )
      }
      return .shortestSide(side, cropWidth: width, cropHeight: height)
    }
    guard let width = size.width, let height = size.height else {
      throw PreprocessingError("\(path): \"size\" is \(size), expected \"height\" and \"width\"")
    }
    return .stretch(width: width, height: height)
  }

  private func filter(default standard: ResizeFilter, _ path: String) throws -> ResizeFilter {
    // Pillow's numbers.
    switch resample {
    case nil: return standard
    case 2: return .bilinear
    case 3: return .bicubic
    case let other?:
      throw PreprocessingError("\(path): \"resample\" is \(other), expected 2 (bilinear) or 3 (bicubic)")
    }
  }

  /// A size, or a number that stands for both sides or for the shorter one.
  struct Size: Decodable, CustomStringConvertible {
    var width, height, shortest_edge: Int?

    enum CodingKeys: String, CodingKey { case width, height, shortest_edge }

    init(from decoder: any Decoder) throws {
      if let side = try? decoder.singleValueContainer().decode(Int.self) {
        (width, height, shortest_edge) = (side, side, side)
      } else {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        width = try container.decodeIfPresent(Int.self, forKey: .width)
        height = try container.decodeIfPresent(Int.self, forKey: .height)
        shortest_edge = try container.decodeIfPresent(Int.self, forKey: .shortest_edge)
      }
      for side in [width, height, shortest_edge] {
        if let side, side < 1 {
          throw DecodingError.typeMismatch(
            Int.self, .init(codingPath: decoder.codingPath, debugDescription: "a size of \(side)"))
        }
      }
    }

    var description: String {
      if let width, let height { return "\(width) x \(height)" }
      return shortest_edge.map { "a shortest edge of \($0)" } ?? "nothing"
    }
  }
}

/// Three numbers, or one for all three.
private struct Components: Decodable {
  let values: [Double]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Double.self) {
      values = [value, value, value]
    } else {
      values = try container.decode([Double].self)
    }
  }
}

private func pixelNormalization(
  mean: [Double]?, deviation: [Double]?, scale: Double, _ path: String
) throws -> PixelNormalization {
  let (mean, deviation) = (mean ?? [0.5, 0.5, 0.5], deviation ?? [0.5, 0.5, 0.5])
  if mean.count != 3 || deviation.count != 3 {
    throw PreprocessingError(
      "\(path): mean \(mean) and standard deviation \(deviation), expected three numbers each"
    )
  }
  return PixelNormalization(
    mean: mean.map { Float($0 * scale) }, deviation: deviation.map { Float($0 * scale) })
}

/// `open_clip_config.json`.
private struct OpenCLIPFile: Decodable {
  var preprocess_cfg: Preprocessing

  struct Preprocessing: Decodable {
    var size: Size?
    var mean: Components?
    var std: Components?
    var interpolation: String?
    var resize_mode: String?

    func preprocessing(_ path: String) throws -> ImagePreprocessing {
      let filters: [String: ResizeFilter] = ["bicubic": .bicubic, "bilinear": .bilinear]
      guard let filter = filters[interpolation ?? "bicubic"] else {
        throw PreprocessingError(
          "\(path): \"interpolation\" is \(interpolation ?? ""), expected bicubic or bilinear")
      }
      let (height, width) = (size?.height ?? 224, size?.width ?? 224)
      let geometry: ImagePreprocessing.Geometry
      switch resize_mode ?? "shortest" {
      case "squash": geometry = .stretch(width: width, height: height)
      case "shortest" where width == height:
        geometry = .shortestSide(width, cropWidth: width, cropHeight: height)
      case let mode:
        throw PreprocessingError(
          "\(path): \"resize_mode\" \(mode) to \(width) x \(height), expected squash, or shortest to a square"
        )
      }
      // open_clip's own defaults are CLIP's numbers.
      if mean == nil, std == nil {
        return ImagePreprocessing(geometry: geometry, filter: filter, normalization: .clip)
      }
      return ImagePreprocessing(
        geometry: geometry, filter: filter,
        normalization: try pixelNormalization(mean: mean?.values, deviation: std?.values, scale: 255, path))
    }
  }

  /// One side of a square, or height and width.
  struct Size: Decodable {
    let height, width: Int

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      let side = try? container.decode(Int.self)
      let sides = try side.map { [$0, $0] } ?? container.decode([Int].self)
      guard sides.count == 2, sides.allSatisfy({ $0 > 0 }) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "a size of \(sides)")
      }
      (height, width) = (sides[0], sides[1])
    }
  }
}
