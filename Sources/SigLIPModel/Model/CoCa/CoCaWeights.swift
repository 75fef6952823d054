import Foundation
import NN

/// CoCa's weights as open_clip has them.
extension CoCa {
  /// Reads a folder that open_clip reads: `open_clip_config.json` and `open_clip_model.safetensors`. How images are prepared is
  /// not read.
  ///
  /// - Throws: ``FileError`` when a file is damaged or of another model; ``StateError`` with all names that are missing,
  ///   unexpected or of another shape.
  public convenience init(openClip folder: String) throws {
    let configuration = try CoCaConfiguration(openClipConfig: folder + "/open_clip_config.json")
    let path = folder + "/open_clip_model.safetensors"
    let source = try ArrayFilesSource(file: path)
    var random = Random.placeholders
    self.init(configuration, random: &random)
    try placements.load(self, from: source) { _ in false }
    evaluate()
  }

  /// Writes a new file of weights under open_clip's names, `open_clip_model.safetensors`; the configuration of the model's source
  /// goes with it.
  ///
  /// - Throws: ``FileError`` when it cannot be written.
  public func writeOpenClipWeights(to path: String, elementType: ElementType = .float32) throws {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for array in placements.arrays(of: self) {
      writer.add(shape: array.shape, named: array.name, as: elementType, array.tensor)
    }
    try writer.write(to: path)
  }

  /// One for each parameter.
  var placements: [WeightPlacement] {
    namedParameters().map { path, parameter in
      let name = CoCaName(path, poolerIsFused: configuration.image.width == configuration.embeddingWidth)
      let shape = parameter.shape
      let storedShape: Shape =
        name.isTransposed ? [shape[1], shape[0]] : path == "logitScale" ? [] : shape
      var arrayShape = Array(storedShape)
      var rows = storedShape.first.map { 0..<$0 }
      if let part = name.part {
        rows = part * shape[0]..<(part + 1) * shape[0]
        arrayShape[0] *= 3
      }
      return WeightPlacement(
        path: path, shape: shape, name: name.name, arrayShape: arrayShape, rows: rows,
        storedShape: storedShape, layout: name.isTransposed ? .transposed : .same)
    }
  }
}

/// What open_clip calls a parameter.
private struct CoCaName {
  private(set) var name: String
  /// Which third of the array it is: queries, keys and values are stored as one.
  private(set) var part: Int?
  /// Whether open_clip multiplies from the other side.
  let isTransposed: Bool

  /// Names of parts, which those of the whole are made of; longer ones first.
  private static let names: [(path: String, name: String)] = [
    ("image.blocks.", "visual.transformer.resblocks."), ("image.pooler.query", "visual.attn_pool.query"),
    ("image.pooler.", "visual.attn_pool."), ("image.patchEmbedding", "visual.conv1"),
    ("image.classToken", "visual.class_embedding"),
    ("image.positionEmbedding", "visual.positional_embedding"),
    ("image.inputNorm", "visual.ln_pre"), ("image.norm", "visual.ln_post"),
    ("image.projection.weight", "visual.proj"),
    ("text.blocks.", "text.transformer.resblocks."), ("text.classToken", "text.cls_emb"),
    ("text.tokenEmbedding.table", "text.token_embedding.weight"),
    ("text.positionEmbedding", "text.positional_embedding"), ("text.norm", "text.ln_final"),
    ("text.projection.weight", "text.text_projection"),
    ("decoder.blocks.", "text_decoder.resblocks."), ("decoder.crossBlocks.", "text_decoder.cross_attn."),
    ("decoder.norm", "text_decoder.ln_final"), ("decoder.output.weight", "text_decoder.text_projection"),
    ("logitScale", "logit_scale"),
    (".queryNorm.", ".ln_q."), (".memoryNorm.", ".ln_1_kv."), (".norm1.", ".ln_1."), (".norm2.", ".ln_2."),
    (".attention.", ".attn."), (".attn.output.", ".attn.out_proj."),
    (".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."),
    (".scale", ".weight"), (".offset", ".bias"), ("attn_pool.ln_1_kv", "attn_pool.ln_k"),
  ]

  /// - Parameter poolerIsFused: Whether the pooler's three matrices are one too, as PyTorch has it where all widths are the same.
  init(_ path: String, poolerIsFused: Bool) {
    name = CoCaName.names.reduce(path) { $0.replacingOccurrences(of: $1.path, with: $1.name) }
    isTransposed = path.hasSuffix("projection.weight") || path == "decoder.output.weight"
    for (index, role) in ["query", "key", "value"].enumerated() {
      for leaf in ["weight", "bias"] where name.hasSuffix(".attn.\(role).\(leaf)") {
        let stem = name.dropLast("\(role).\(leaf)".count)
        if leaf == "weight" && path.hasPrefix("image.pooler.") && !poolerIsFused {
          name = "\(stem)\(role.prefix(1))_proj_weight"
        } else {
          (name, part) = ("\(stem)in_proj_\(leaf)", index)
        }
      }
    }
  }
}

extension CoCaConfiguration {
  /// Reads open_clip's configuration of a CoCa model.
  ///
  /// - Throws: ``FileError`` when it is of another model, or asks for what ``CoCa`` does not have.
  init(openClipConfig path: String) throws {
    let file = try JSONNode(file: path)
    let config = file["model_cfg"].isAbsent ? file : try file["model_cfg"].object()
    let (vision, text) = (try config["vision_cfg"].object(), try config["text_cfg"].object())
    if config["multimodal_cfg"].isAbsent {
      throw FileError.notACheckpoint(path, "it has no multimodal_cfg, which open_clip's CoCa models have")
    }
    let decoder = try config["multimodal_cfg"].object()
    for (node, name) in [
      (vision, "attentional_pool"), (vision, "output_tokens"), (text, "embed_cls"), (text, "output_tokens"),
    ] where try !node[name].flag(else: false) {
      throw node[name].unsupported("is not true")
    }
    for node in [vision, text, decoder] {
      for name in [
        "ls_init_value", "no_ln_pre", "final_ln_after_pool", "no_causal_mask", "use_pad_mask", "proj_bias",
        "hf_model_name", "timm_model_name", "block_type", "qk_norm", "scale_attn", "scale_fc", "scale_heads",
        "scaled_cosine_attn", "scale_attn_inner", "norm_kwargs", "act_kwargs",
      ] where !node[name].isAbsent {
        throw node[name].unsupported("is given", expected: "none")
      }
    }
    func blocks(_ node: JSONNode, width: Int, heads: Int) throws -> Blocks {
      Blocks(
        width: width, depth: try node["layers"].size(else: 12), heads: heads,
        hiddenWidth: try node.hiddenWidth(of: width))
    }
    let (width, textWidth) = (try vision["width"].size(else: 768), try text["width"].size(else: 512))
    self.init(
      imageSize: try vision["image_size"].size(else: 224), patchSize: try vision["patch_size"].size(else: 16),
      image: try blocks(vision, width: width, heads: width / max(1, try vision["head_width"].size(else: 64))),
      poolerQueries: try vision["attn_pooler_queries"].size(else: 256),
      poolerHeads: try vision["attn_pooler_heads"].size(else: 8),
      vocabularySize: try text["vocab_size"].size(else: 49_408),
      contextLength: try text["context_length"].size(else: 77),
      text: try blocks(text, width: textWidth, heads: try text["heads"].size(else: 8)),
      decoder: try blocks(
        decoder, width: try decoder["width"].size(else: 512), heads: try decoder["heads"].size(else: 8)),
      embeddingWidth: try config["embed_dim"].size())
    activation = try config["quick_gelu"].flag(else: false) ? .quickGelu : .geluExact
    paddingToken = try text["pad_id"].integer(else: 0)
    hasCorrectMask = try text["correct_cls_mask"].flag(else: false)
    if let problem { throw FileError(.unsupported, path, problem) }
  }
}
