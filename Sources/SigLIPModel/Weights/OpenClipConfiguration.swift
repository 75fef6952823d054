import NN

/// The configuration of open_clip's models: `open_clip_config.json`, or one of its model files.
extension SigLIPConfiguration {
  /// Reads a configuration; what it leaves out has the value that open_clip gives it.
  ///
  /// - Throws: ``FileError`` when it is not of a SigLIP or CLIP model, or asks for what these models do not have.
  init(openClipConfig path: String) throws {
    let file = try JSONNode(file: path)
    let config = file["model_cfg"].isAbsent ? file : try file["model_cfg"].object()
    let isPlain = try config["vision_cfg"].object()["timm_model_name"].isAbsent
    self = try (isPlain ? SigLIPConfiguration.clip(config) : .siglip(config)).checked(path: path)
  }

  // MARK: SigLIP

  private static func siglip(_ config: JSONNode) throws -> SigLIPConfiguration {
    let vision = try config["vision_cfg"].object()
    let text = try config["text_cfg"].object()
    let width = try config["embed_dim"].size()
    try check(vision, text)
    let textWidth = try text["width"].size(else: 512)
    let result = try SigLIPConfiguration(
      vision: SigLIPConfiguration.vision(vision),
      text: TextConfiguration(
        vocabularySize: try text["vocab_size"].size(else: 49_408),
        contextLength: try text["context_length"].size(else: 77),
        width: textWidth, depth: try text["layers"].size(else: 12),
        heads: try text["heads"].size(else: 8),
        hiddenWidth: try text.hiddenWidth(of: textWidth),
        outputWidth: try text["proj_type"].optionalString() == "none" ? nil : width,
        activation: try config["quick_gelu"].flag(else: false) ? .quickGelu : try text.openClipGelu))
    if width != result.vision.width {
      throw config["embed_dim"].unsupported(
        "is \(width), its image tower gives \(result.vision.width) numbers")
    }
    return result
  }

  private static func check(_ vision: JSONNode, _ text: JSONNode) throws {
    guard try vision["timm_pool"].optionalString() == "map" else {
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

  // MARK: CLIP

  /// Options that these models may only have as open_clip leaves them.
  private static let plainOptions: (vision: [(String, String)], text: [(String, String)]) = (
    vision: [("pool_type", "tok"), ("pos_embed_type", "learnable")],
    text: [("pool_type", "argmax"), ("proj_type", "linear")]
  )

  private static func clip(_ config: JSONNode) throws -> SigLIPConfiguration {
    let vision = try config["vision_cfg"].object()
    let text = try config["text_cfg"].object()
    for (node, options) in [(vision, plainOptions.vision), (text, plainOptions.text)] {
      for (name, expected) in options {
        let found = try node[name].optionalString() ?? expected
        if found != expected { throw node[name].unsupported("is \"\(found)\"", expected: expected) }
      }
      for name in [
        "ls_init_value", "attentional_pool", "no_ln_pre", "final_ln_after_pool", "embed_cls",
        "no_causal_mask",
        "proj_bias", "hf_model_name", "block_type", "qk_norm", "scale_attn", "scale_fc", "scale_heads",
        "scaled_cosine_attn", "attn_pooler_queries",
      ] where !node[name].isAbsentOrFalse {
        throw node[name].unsupported("is given, which a CLIP model does not have")
      }
      let epsilon = try node["norm_kwargs"].object()["eps"]
      if try Float(epsilon.number(else: 1e-5)) != 1e-5 {
        throw epsilon.unsupported("is \(try epsilon.number(else: 1e-5))", expected: "1e-5")
      }
    }
    let isQuick = try config["quick_gelu"].flag(else: false)
    let width = try config["embed_dim"].size()
    let textWidth = try text["width"].size(else: 512)
    let image = try clipTower(vision, embeddingWidth: width, isQuick: isQuick)
    return SigLIPConfiguration(
      vision: image,
      imageProjection: image.architecture == .resNet ? nil : ImageProjection(width: width),
      text: TextConfiguration(
        vocabularySize: try text["vocab_size"].size(else: 49_408),
        contextLength: try text["context_length"].size(else: 77), width: textWidth,
        depth: try text["layers"].size(else: 12), heads: try text["heads"].size(else: 8),
        hiddenWidth: try text.hiddenWidth(of: textWidth), outputWidth: width,
        activation: isQuick ? .quickGelu : try text.openClipGelu, pooling: .endToken, isCausal: true,
        projectionHasBias: false, normEpsilon: 1e-5),
      family: .clip, objective: config["init_logit_bias"].isAbsent ? .softmax : .sigmoid)
  }

  /// A vision transformer, or with a list of layers a residual network.
  private static func clipTower(
    _ config: JSONNode, embeddingWidth: Int, isQuick: Bool
  ) throws -> VisionConfiguration {
    let imageSize = try config["image_size"].side(else: 224)
    let headWidth = try config["head_width"].size(else: 64)
    if case .array = config["layers"].value {
      if headWidth != 64 { throw config["head_width"].unsupported("is \(headWidth)", expected: "64") }
      let stages = try config["layers"].elements().map { try $0.size() }
      if let odd = stages.first(where: { !ConfigurationBounds.depth.contains($0) }) {
        throw config["layers"].unsupported("has a stage of \(odd) blocks", expected: "1 to 256")
      }
      let channels = try config["width"].size(else: 64)
      if !(2...ConfigurationBounds.width.upperBound / 32 * 4).contains(channels) || channels % 2 != 0 {
        throw config["width"].unsupported("is \(channels)", expected: "an even number, 2 to 2048")
      }
      return .resNet(imageSize: imageSize, stages: stages, channels: channels, width: embeddingWidth)
    }
    let width = try config["width"].size(else: 768)
    if width % headWidth != 0 {
      throw config["head_width"].unsupported("is \(headWidth), which does not divide \(width)")
    }
    return VisionConfiguration(
      imageSize: imageSize, patchSize: try config["patch_size"].side(else: 16), width: width,
      depth: try config["layers"].size(else: 12), heads: width / headWidth,
      hiddenWidth: try config.hiddenWidth(of: width),
      activation: isQuick ? .quickGelu : try config.openClipGelu, pooling: .classToken, normEpsilon: 1e-5)
  }

  // MARK: Towers

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

  /// What open_clip does with images of such a model.
  var openClipPreprocessing: ImagePreprocessing {
    family == .clip ? .clip(imageSize: vision.imageSize) : .openCLIP(imageSize: vision.imageSize)
  }

  /// The members of an `open_clip_config.json`. Sizes and activation of SigLIP's image tower are spelled out beside timm's name:
  /// open_clip goes by the name, which for some towers stands for exact GELU.
  ///
  /// - Parameter preprocessing: What happens to images.
  func openClipConfig(_ preprocessing: ImagePreprocessing) -> [String: Any] {
    let isResNet = vision.architecture == .resNet
    var visionConfig: [String: Any] =
      isResNet
      ? ["image_size": vision.imageSize, "layers": vision.stageDepths, "width": vision.stemChannels]
      : [
        "image_size": vision.imageSize, "layers": vision.depth, "width": vision.width,
        "head_width": vision.width / vision.heads, "patch_size": vision.patchSize,
        "mlp_ratio": SigLIPConfiguration.ratio(vision.hiddenWidth, vision.width),
      ]
    var textConfig: [String: Any] = [
      "context_length": text.contextLength, "vocab_size": text.vocabularySize, "width": text.width,
      "heads": text.heads, "layers": text.depth,
      "mlp_ratio": SigLIPConfiguration.ratio(text.hiddenWidth, text.width),
    ]
    var modelConfig: [String: Any] = ["embed_dim": embeddingWidth]
    if objective == .sigmoid { modelConfig["init_logit_bias"] = -10 }
    if text.activation == .quickGelu { modelConfig["quick_gelu"] = true }
    if !isResNet { visionConfig["act_kwargs"] = vision.activation.openClipOptions }
    textConfig["act_kwargs"] = text.activation.openClipOptions
    if family != .clip {
      modelConfig["custom_text"] = true
      visionConfig["timm_model_name"] = TimmModel.name(of: vision)
      visionConfig.merge(["timm_model_pretrained": false, "timm_pool": "map", "timm_proj": "none"]) { $1 }
      let edition =
        family == .siglip2
        ? "2" : text.vocabularySize == SigLIPEdition.international.vocabularySize ? "-i18n-256" : ""
      textConfig.merge(
        [
          "no_causal_mask": true, "pool_type": "last", "norm_kwargs": ["eps": 1e-6],
          "tokenizer_kwargs": ["clean": "canonicalize"],
          "hf_tokenizer_name": "timm/ViT-B-16-SigLIP" + edition,
        ]) { $1 }
      if text.outputWidth == nil { textConfig["proj_type"] = "none" } else { textConfig["proj_bias"] = true }
    }
    modelConfig["vision_cfg"] = visionConfig
    modelConfig["text_cfg"] = textConfig
    let squashes = if case .stretch = preprocessing.geometry { true } else { false }
    return [
      "model_cfg": modelConfig,
      "preprocess_cfg": [
        "mean": preprocessing.normalization.shares.mean, "std": preprocessing.normalization.shares.deviation,
        "interpolation": preprocessing.filter == .bicubic ? "bicubic" : "bilinear",
        "resize_mode": squashes ? "squash" : "shortest",
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
  func hiddenWidth(of width: Int) throws -> Int {
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
