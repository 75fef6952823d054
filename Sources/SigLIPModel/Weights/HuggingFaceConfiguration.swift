import NN

/// `config.json` of transformers' `SiglipModel`, `Siglip2Model` and `CLIPModel`.
extension SigLIPConfiguration {
  /// Reads a `config.json`; what it leaves out has the value that transformers gives it.
  ///
  /// - Throws: ``FileError`` when it is not of such a model, or asks for what these models do not have.
  init(huggingFaceConfig path: String) throws {
    let config = try JSONNode(file: path)
    let type = try config["model_type"].optionalString()
    switch type {
    case "siglip", "siglip2": self = try SigLIPConfiguration.siglip(config, isNaFlex: type == "siglip2")
    case "clip": self = try SigLIPConfiguration.clip(config)
    default:
      throw FileError.notACheckpoint(
        path, "its model_type is \(type.map { "\"\($0)\"" } ?? "missing")",
        expected: "siglip, siglip2 or clip")
    }
    self = try checked(path: path)
  }

  private static func siglip(_ config: JSONNode, isNaFlex: Bool) throws -> SigLIPConfiguration {
    let vision = try config["vision_config"].object()
    let text = try config["text_config"].object()
    let (image, words) = (try Sizes(vision), try Sizes(text))
    let patchSize = try vision["patch_size"].side(else: 16)
    var imageSize = isNaFlex ? 0 : try vision["image_size"].side(else: 224)
    if isNaFlex {
      let count = try vision["num_patches"].size(else: 256)
      let side = Int(Double(count).squareRoot())
      if side * side != count { throw vision["num_patches"].unsupported("is \(count)", expected: "a square") }
      imageSize = ConfigurationBounds.product(side, patchSize)
    }
    if try !vision["vision_use_head"].flag(else: true) {
      throw vision["vision_use_head"].unsupported("is false: the model has no image embeddings")
    }
    return SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: imageSize, patchSize: patchSize, width: image.width, depth: image.depth,
        heads: image.heads, hiddenWidth: image.hiddenWidth, activation: image.activation,
        normEpsilon: image.epsilon, isNaFlex: isNaFlex),
      text: TextConfiguration(
        vocabularySize: try text["vocab_size"].size(else: 32_000),
        contextLength: try text["max_position_embeddings"].size(else: 64), width: words.width,
        depth: words.depth, heads: words.heads, hiddenWidth: words.hiddenWidth,
        outputWidth: try text["projection_size"].size(else: words.width), activation: words.activation,
        normEpsilon: words.epsilon))
  }

  private static func clip(_ config: JSONNode) throws -> SigLIPConfiguration {
    let vision = try config["vision_config"].object()
    let text = try config["text_config"].object()
    let image = try Sizes(vision, activation: "quick_gelu", epsilon: 1e-5)
    let words = try Sizes(
      text, width: 512, heads: 8, hiddenWidth: 2048, activation: "quick_gelu", epsilon: 1e-5)
    let vocabularySize = try text["vocab_size"].size(else: 49_408)
    // 2 stands for the largest id: so it was when the first models were published.
    let end = try text["eos_token_id"].size(else: 49_407)
    if end != 2 && end != vocabularySize - 1 {
      throw text["eos_token_id"].unsupported("is \(end)", expected: "the last id, \(vocabularySize - 1)")
    }
    let width = try config["projection_dim"].size(else: 512)
    return SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: try vision["image_size"].side(else: 224),
        patchSize: try vision["patch_size"].side(else: 32),
        width: image.width, depth: image.depth, heads: image.heads, hiddenWidth: image.hiddenWidth,
        activation: image.activation, pooling: .classToken, normEpsilon: image.epsilon),
      imageProjection: ImageProjection(width: width),
      text: TextConfiguration(
        vocabularySize: vocabularySize, contextLength: try text["max_position_embeddings"].size(else: 77),
        width: words.width, depth: words.depth, heads: words.heads, hiddenWidth: words.hiddenWidth,
        outputWidth: width, activation: words.activation, pooling: .endToken, isCausal: true,
        projectionHasBias: false, normEpsilon: words.epsilon),
      family: .clip)
  }

  /// What both towers of transformers' models have.
  private struct Sizes {
    let width, depth, heads, hiddenWidth: Int
    let activation: Activation
    let epsilon: Float

    init(
      _ config: JSONNode, width: Int = 768, heads: Int = 12, hiddenWidth: Int = 3072,
      activation standard: String = "gelu_pytorch_tanh", epsilon standardEpsilon: Double = 1e-6
    ) throws {
      self.width = try config["hidden_size"].size(else: width)
      depth = try config["num_hidden_layers"].size(else: 12)
      self.heads = try config["num_attention_heads"].size(else: heads)
      self.hiddenWidth = try config["intermediate_size"].size(else: hiddenWidth)
      if try config["num_channels"].size(else: 3) != 3 {
        throw config["num_channels"].unsupported("is not 3")
      }
      let name = try config["hidden_act"].optionalString() ?? standard
      guard let activation = Activation.huggingFaceNames.first(where: { $0.name == name })?.activation else {
        throw config["hidden_act"].unsupported("is \"\(name)\", which is not known")
      }
      self.activation = activation
      epsilon = Float(try config["layer_norm_eps"].number(else: standardEpsilon))
    }
  }

  /// The members of a `config.json` that transformers reads as this configuration.
  var huggingFaceConfig: [String: Any] {
    let type = family == .clip ? "clip" : vision.isNaFlex ? "siglip2" : "siglip"
    var visionConfig: [String: Any] = [
      "hidden_size": vision.width, "num_hidden_layers": vision.depth, "num_attention_heads": vision.heads,
      "intermediate_size": vision.hiddenWidth, "patch_size": vision.patchSize, "num_channels": 3,
      "hidden_act": vision.activation.huggingFaceName ?? "",
      "layer_norm_eps": Double("\(vision.normEpsilon)")!,
      "model_type": "\(type)_vision_model",
    ]
    if vision.isNaFlex {
      visionConfig["num_patches"] = vision.gridSize * vision.gridSize
    } else {
      visionConfig["image_size"] = vision.imageSize
    }
    var textConfig: [String: Any] = [
      "hidden_size": text.width, "num_hidden_layers": text.depth, "num_attention_heads": text.heads,
      "intermediate_size": text.hiddenWidth, "vocab_size": text.vocabularySize,
      "max_position_embeddings": text.contextLength,
      "hidden_act": text.activation.huggingFaceName ?? "", "layer_norm_eps": Double("\(text.normEpsilon)")!,
      "model_type": "\(type)_text_model",
    ]
    var members: [String: Any] = [
      "architectures": [family == .clip ? "CLIPModel" : vision.isNaFlex ? "Siglip2Model" : "SiglipModel"],
      "model_type": type,
    ]
    if family == .clip {
      textConfig["bos_token_id"] = text.vocabularySize - 2
      textConfig["eos_token_id"] = text.vocabularySize - 1
      textConfig["projection_dim"] = embeddingWidth
      visionConfig["projection_dim"] = embeddingWidth
      members["projection_dim"] = embeddingWidth
    } else {
      textConfig["projection_size"] = text.outputWidth ?? text.width
    }
    members["text_config"] = textConfig
    members["vision_config"] = visionConfig
    return members
  }

  /// The members of a `preprocessor_config.json`.
  func huggingFacePreprocessor(_ preprocessing: ImagePreprocessing) -> [String: Any] {
    let normalization = preprocessing.normalization
    let name = family == .clip ? "CLIP" : vision.isNaFlex ? "Siglip2" : "Siglip"
    var members: [String: Any] = [
      "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": normalization.shares.mean,
      "image_std": normalization.shares.deviation, "resample": preprocessing.filter == .bicubic ? 3 : 2,
      "rescale_factor": 1.0 / 255, "image_processor_type": "\(name)ImageProcessor",
      "processor_class": "\(name)Processor",
    ]
    if family == .clip { members["do_center_crop"] = false }
    switch preprocessing.geometry {
    case .stretch(let width, let height): members["size"] = ["height": height, "width": width]
    case .shortestSide(let side, let width, let height):
      members["size"] = ["shortest_edge": side]
      members["do_center_crop"] = true
      members["crop_size"] = ["height": height, "width": width]
    case .patches(let size, let maximum):
      members["patch_size"] = size
      members["max_num_patches"] = maximum
    case .paddedSquare: programmerError("images that are padded to squares have no words in transformers")
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
