import NN

/// The configuration of open_clip's models: `open_clip_config.json`, or one of its model files.
extension SigLIPConfiguration {
  /// Reads a configuration; what it leaves out has the value that open_clip gives it.
  ///
  /// - Throws: ``FileError`` when it is not of a SigLIP model, or asks for what SigLIP models do not have.
  init(openClipConfig path: String) throws {
    let file = try JSONNode(file: path)
    let config = file["model_cfg"].isAbsent ? file : try file["model_cfg"].object()
    let vision = try config["vision_cfg"].object()
    let text = try config["text_cfg"].object()
    let width = try config["embed_dim"].size()
    try SigLIPConfiguration.check(vision, text)
    let textWidth = try text["width"].size(else: 512)
    self = try SigLIPConfiguration(
      vision: SigLIPConfiguration.vision(vision),
      text: TextConfiguration(
        vocabularySize: try text["vocab_size"].size(else: 49_408),
        contextLength: try text["context_length"].size(else: 77),
        width: textWidth, depth: try text["layers"].size(else: 12),
        heads: try text["heads"].size(else: 8),
        hiddenWidth: try text.hiddenWidth(of: textWidth),
        outputWidth: try text["proj_type"].optionalString() == "none" ? nil : width,
        activation: try config["quick_gelu"].flag(else: false) ? .quickGelu : try text.openClipGelu)
    ).checked(path: path)
    if width != self.vision.width {
      throw config["embed_dim"].unsupported("is \(width), its image tower gives \(self.vision.width) numbers")
    }
  }

  private static func check(_ vision: JSONNode, _ text: JSONNode) throws {
    guard !vision["timm_model_name"].isAbsent, try vision["timm_pool"].optionalString() == "map" else {
      throw FileError.notACheckpoint(vision.path, "its vision_cfg is not of a timm model with map pooling")
    }
    if try vision["timm_proj"].optionalString() != "none" {
      throw vision["timm_proj"].unsupported("is not none")
    }
    if try !text["no_causal_mask"].flag(else: false) {
      throw text["no_causal_mask"].unsupported("is not true")
    }
    if try text["pool_type"].optionalString() != "last" { throw text["pool_type"].unsupported("is not last") }
    if try text["proj_type"].optionalString() != "none", try !text["proj_bias"].flag(else: false) {
      throw text["proj_bias"].unsupported("is not true")
    }
    let epsilon = try text["norm_kwargs"].object()["eps"]
    if try Float(epsilon.number(else: 1e-5)) != 1e-6 {
      throw epsilon.unsupported("is \(try epsilon.number(else: 1e-5))", expected: "1e-6")
    }
  }

  /// The tower that a timm name stands for, or that is spelled out.
  private static func vision(_ config: JSONNode) throws -> VisionConfiguration {
    let name = try config["timm_model_name"].optionalString() ?? ""
    let imageSize = try config["image_size"].side(else: 224)
    if let model = TimmModel.all.first(where: { $0.name == name }) {
      var vision = model.variant.vision(patchSize: model.patchSize, imageSize: imageSize)
      vision.activation = config["act_kwargs"].isAbsent ? model.activation : try config.openClipGelu
      return vision
    }
    guard !config["width"].isAbsent, !config["layers"].isAbsent else {
      throw config["timm_model_name"].unsupported("is \"\(name)\", which is not one of timm's SigLIP towers")
    }
    let width = try config["width"].size()
    let headWidth = try config["head_width"].size(else: 64)
    if width % headWidth != 0 {
      throw config["head_width"].unsupported("is \(headWidth), which does not divide \(width)")
    }
    return VisionConfiguration(
      imageSize: imageSize, patchSize: try config["patch_size"].side(else: 16), width: width,
      depth: try config["layers"].size(), heads: width / headWidth,
      hiddenWidth: try config.hiddenWidth(of: width),
      activation: try config.openClipGelu)
  }

  /// The members of an `open_clip_config.json`. Sizes and activation of the image tower are spelled out beside timm's name:
  /// open_clip goes by the name, which for some towers stands for exact GELU.
  ///
  /// - Parameters:
  ///   - isBicubic: Whether images are resized bicubically, else bilinearly.
  ///   - normalization: What pixel values become.
  func openClipConfig(isBicubic: Bool, _ normalization: PixelNormalization) -> [String: Any] {
    let isLate = generation == 2
    var visionConfig: [String: Any] = [
      "image_size": vision.imageSize, "timm_model_name": TimmModel.name(of: vision),
      "timm_model_pretrained": false, "timm_pool": "map", "timm_proj": "none", "layers": vision.depth,
      "width": vision.width, "head_width": vision.width / vision.heads, "patch_size": vision.patchSize,
      "mlp_ratio": SigLIPConfiguration.ratio(vision.hiddenWidth, vision.width),
    ]
    visionConfig["act_kwargs"] = vision.activation.openClipOptions
    var textConfig: [String: Any] = [
      "context_length": text.contextLength, "vocab_size": text.vocabularySize, "width": text.width,
      "heads": text.heads, "layers": text.depth,
      "mlp_ratio": SigLIPConfiguration.ratio(text.hiddenWidth, text.width), "no_causal_mask": true,
      "pool_type": "last", "norm_kwargs": ["eps": 1e-6], "tokenizer_kwargs": ["clean": "canonicalize"],
      "hf_tokenizer_name": "timm/ViT-B-16-SigLIP"
        + (isLate
          ? "2" : text.vocabularySize == SigLIPEdition.international.vocabularySize ? "-i18n-256" : "")
        ,
    ]
    textConfig["act_kwargs"] = text.activation.openClipOptions
    if text.outputWidth == nil { textConfig["proj_type"] = "none" } else { textConfig["proj_bias"] = true }
    return [
      "model_cfg": [
        "embed_dim": vision.width, "init_logit_bias": -10, "custom_text": true, "vision_cfg": visionConfig,
        "text_cfg": textConfig,
      ],
      "preprocess_cfg": [
        "mean": normalization.shares.mean, "std": normalization.shares.deviation,
        "interpolation": isBicubic ? "bicubic" : "bilinear", "resize_mode": "squash",
      ],
    ]
  }

  /// A ratio whose product with the width, cut to a whole number as open_clip does, is the hidden width.
  private static func ratio(_ hidden: Int, _ width: Int) -> Double {
    let ratio = Double(hidden) / Double(width)
    return Int(ratio * Double(width)) == hidden ? ratio : ratio.nextUp
  }
}

extension Activation {
  /// What PyTorch's GELU is told; nil for what open_clip's SigLIP models do not have.
  var openClipOptions: [String: String]? {
    switch self {
    case .gelu: ["approximate": "tanh"]
    case .geluExact: ["approximate": "none"]
    default: nil
    }
  }
}

extension JSONNode {
  /// The width inside an MLP: a ratio to the width of a token, cut to a whole number.
  fileprivate func hiddenWidth(of width: Int) throws -> Int {
    let ratio = try self["mlp_ratio"].number(else: 4)
    guard let hidden = Int(exactly: (Double(width) * ratio).rounded(.towardZero)) else {
      throw self["mlp_ratio"].unsupported("is \(ratio)")
    }
    return hidden
  }

  /// PyTorch's GELU is exact unless `act_kwargs` asks for the approximation.
  fileprivate var openClipGelu: Activation {
    get throws {
      try self["act_kwargs"].object()["approximate"].optionalString() == "tanh" ? .gelu : .geluExact
    }
  }
}

/// timm's image towers for SigLIP.
private struct TimmModel {
  let variant: Variant
  let patchSize: Int
  let imageSize: Int
  let activation: Activation

  var name: String {
    let size =
      switch variant {
      case .base: "base"
      case .large: "large"
      case .so400m: "so400m"
      case .giantOpt: "giantopt"
      }
    return "vit_\(size)_patch\(patchSize)_siglip_\(imageSize)"
  }

  /// With the activation that each runs with in timm 1.0.31: exact GELU for those that version 1 has.
  static let all: [TimmModel] = [
    (Variant.base, 16, [224, 256, 384, 512], Activation.geluExact), (.base, 32, [256], .gelu),
    (.large, 16, [256, 384], .geluExact), (.large, 16, [512], .gelu),
    (.so400m, 14, [224, 378, 384], .geluExact), (.so400m, 16, [256, 384, 512], .gelu),
    (.giantOpt, 16, [256, 384], .gelu),
  ].flatMap { variant, patchSize, sizes, activation in
    sizes.map {
      TimmModel(variant: variant, patchSize: patchSize, imageSize: $0, activation: activation)
    }
  }

  /// The name of a tower of these sizes, for the same number of pixels if there is one.
  static func name(of vision: VisionConfiguration) -> String {
    let alike = all.filter {
      $0.patchSize == vision.patchSize
        && $0.variant.sizes == (vision.width, vision.depth, vision.heads, vision.hiddenWidth)
    }
    let model = alike.first { $0.imageSize == vision.imageSize } ?? alike.first
    return model?.name ?? "vit_siglip"
  }
}
