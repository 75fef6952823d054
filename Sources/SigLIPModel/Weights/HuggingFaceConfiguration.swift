import NN

/// `config.json` of transformers' `SiglipModel` and `Siglip2Model`.
extension SigLIPConfiguration {
  /// Reads a `config.json`; what it leaves out has the value that transformers gives it.
  ///
  /// - Throws: ``FileError`` when it is not of a SigLIP model, or asks for what SigLIP models do not have.
  init(huggingFaceConfig path: String) throws {
    let config = try JSONNode(file: path)
    let type = try config["model_type"].optionalString()
    guard type == "siglip" || type == "siglip2" else {
      throw FileError.notACheckpoint(
        path, "its model_type is \(type.map { "\"\($0)\"" } ?? "missing")",
        expected: "siglip or siglip2")
    }
    let vision = try config["vision_config"].object()
    let text = try config["text_config"].object()
    let (image, words) = (try Sizes(vision), try Sizes(text))
    let isNaFlex = type == "siglip2"
    let patchSize = try vision["patch_size"].side(else: 16)
    var imageSize = isNaFlex ? 0 : try vision["image_size"].side(else: 224)
    if isNaFlex {
      let count = try vision["num_patches"].size(else: 256)
      let side = Int(Double(count).squareRoot())
      if side * side != count { throw vision["num_patches"].unsupported("is \(count)", expected: "a square") }
      imageSize = ConfigurationBounds.product(side, patchSize)
    }
    if try vision["num_channels"].size(else: 3) != 3 {
      throw vision["num_channels"].unsupported("is not 3")
    }
    if try !vision["vision_use_head"].flag(else: true) {
      throw vision["vision_use_head"].unsupported("is false: the model has no image embeddings")
    }
    self = try SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: imageSize, patchSize: patchSize, width: image.width, depth: image.depth,
        heads: image.heads, hiddenWidth: image.hiddenWidth, activation: image.activation, isNaFlex: isNaFlex),
      text: TextConfiguration(
        vocabularySize: try text["vocab_size"].size(else: 32_000),
        contextLength: try text["max_position_embeddings"].size(else: 64), width: words.width,
        depth: words.depth, heads: words.heads, hiddenWidth: words.hiddenWidth,
        outputWidth: try text["projection_size"].size(else: words.width), activation: words.activation)
    ).checked(path: path)
  }

  /// What both towers of transformers' models have.
  private struct Sizes {
    let width, depth, heads, hiddenWidth: Int
    let activation: Activation

    init(_ config: JSONNode) throws {
      width = try config["hidden_size"].size(else: 768)
      depth = try config["num_hidden_layers"].size(else: 12)
      heads = try config["num_attention_heads"].size(else: 12)
      hiddenWidth = try config["intermediate_size"].size(else: 3072)
      let name = try config["hidden_act"].optionalString() ?? "gelu_pytorch_tanh"
      guard let activation = Activation.huggingFaceNames.first(where: { $0.name == name })?.activation else {
        throw config["hidden_act"].unsupported("is \"\(name)\", which is not known")
      }
      self.activation = activation
      let epsilon = try config["layer_norm_eps"].number(else: 1e-6)
      if Float(epsilon) != 1e-6 {
        throw config["layer_norm_eps"].unsupported("is \(epsilon)", expected: "1e-6")
      }
    }
  }

  /// The members of a `config.json` that transformers reads as this configuration.
  var huggingFaceConfig: [String: Any] {
    var visionConfig: [String: Any] = [
      "hidden_size": vision.width, "num_hidden_layers": vision.depth, "num_attention_heads": vision.heads,
      "intermediate_size": vision.hiddenWidth, "patch_size": vision.patchSize, "num_channels": 3,
      "hidden_act": vision.activation.huggingFaceName ?? "", "layer_norm_eps": 1e-6,
      "model_type": vision.isNaFlex ? "siglip2_vision_model" : "siglip_vision_model",
    ]
    if vision.isNaFlex {
      visionConfig["num_patches"] = vision.gridSize * vision.gridSize
    } else {
      visionConfig["image_size"] = vision.imageSize
    }
    let textConfig: [String: Any] = [
      "hidden_size": text.width, "num_hidden_layers": text.depth, "num_attention_heads": text.heads,
      "intermediate_size": text.hiddenWidth, "vocab_size": text.vocabularySize,
      "max_position_embeddings": text.contextLength, "projection_size": text.outputWidth ?? text.width,
      "hidden_act": text.activation.huggingFaceName ?? "", "layer_norm_eps": 1e-6,
      "model_type": vision.isNaFlex ? "siglip2_text_model" : "siglip_text_model",
    ]
    return [
      "architectures": [vision.isNaFlex ? "Siglip2Model" : "SiglipModel"],
      "model_type": vision.isNaFlex ? "siglip2" : "siglip", "text_config": textConfig,
      "vision_config": visionConfig,
    ]
  }

  /// The members of a `preprocessor_config.json`: images are squashed to the model's size, or for NaFlex kept in shape, and
  /// brought to [-1, 1].
  ///
  /// - Parameters:
  ///   - isBicubic: Whether the resize is bicubic, else bilinear.
  ///   - normalization: What pixel values become.
  ///   - maximumPatches: Of NaFlex models; those of a square image if nil.
  func huggingFacePreprocessor(
    isBicubic: Bool, _ normalization: PixelNormalization = .siglip, maximumPatches: Int? = nil
  ) -> [String: Any] {
    var members: [String: Any] = [
      "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": normalization.shares.mean,
      "image_std": normalization.shares.deviation, "resample": isBicubic ? 3 : 2, "rescale_factor": 1.0 / 255,
      "image_processor_type": vision.isNaFlex ? "Siglip2ImageProcessor" : "SiglipImageProcessor",
      "processor_class": vision.isNaFlex ? "Siglip2Processor" : "SiglipProcessor",
    ]
    if vision.isNaFlex {
      members["patch_size"] = vision.patchSize
      members["max_num_patches"] = maximumPatches ?? vision.gridSize * vision.gridSize
    } else {
      members["size"] = ["height": vision.imageSize, "width": vision.imageSize]
    }
    return members
  }
}

extension Activation {
  /// transformers' names; the first of an activation is the one to write.
  fileprivate static let huggingFaceNames: [(name: String, activation: Activation)] = [
    ("gelu_pytorch_tanh", .gelu), ("gelu_new", .gelu), ("gelu_fast", .gelu), ("gelu", .geluExact),
    ("gelu_python", .geluExact), ("quick_gelu", .quickGelu), ("relu", .relu), ("relu6", .relu6),
    ("silu", .silu), ("swish", .silu),
  ]

  /// What transformers calls it; nil for what it does not have.
  var huggingFaceName: String? { Activation.huggingFaceNames.first { $0.activation == self }?.name }
}

extension PixelNormalization {
  /// Mean and deviation as shares of the largest pixel value.
  var shares: (mean: [Double], deviation: [Double]) {
    (mean.map { Double($0) / 255 }, deviation.map { Double($0) / 255 })
  }
}
