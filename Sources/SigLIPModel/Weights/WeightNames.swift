/// What one part of the model is called in each format. Paths are those of a model without a projection of images: one with it
/// has `image.tower` in place of `image`.
///
/// `{i}` stands for the number of a block. `[k/n]` behind a name says that the array holds n parts one after another along
/// its first axis, of which this is the k-th, counted from 0. Parts with a weight and a bias are named without these: see
/// ``WeightPlacement`` for what is added.
struct WeightNames {
  /// How the arrays of a part are laid out.
  enum Kind {
    /// A matrix and a bias.
    case linear
    /// A matrix whose outputs are the heads one after another, and a bias.
    case toHeads
    /// A matrix whose inputs are the heads one after another, and a bias.
    case fromHeads
    /// Scale and offset.
    case norm
    /// The convolution, or in NaFlex models the matrix, that makes tokens of patches.
    case patches
    /// Positions of the image tower; with a leading axis of 1 but for Hugging Face.
    case imagePositions
    /// Positions of the text tower; with a leading axis of 1 in big_vision.
    case textPositions
    /// A matrix without a bias; in open_clip's CLIP it is multiplied from the right and called as the part is.
    case projection
    /// A single number; with an axis of 1 in transformers' SigLIP.
    case scalar
    /// One array, the same in all formats.
    case array
  }

  let kind: Kind
  let path: String
  let huggingFace: String
  /// nil for what only CLIP has.
  let bigVision: String?
  let openClip: String

  private init(
    _ kind: Kind, _ path: String, _ huggingFace: String, _ bigVision: String?, _ openClip: String
  ) {
    (self.kind, self.path) = (kind, path)
    (self.huggingFace, self.bigVision, self.openClip) = (huggingFace, bigVision, openClip)
  }

  /// What a format calls the part; nil if it has none.
  func name(in format: WeightFormat) -> String? {
    switch format {
    case .huggingFace: huggingFace
    case .bigVision: bigVision
    case .openClip: openClip
    case .pairwise: path
    }
  }

  /// The parts of the models of a family.
  static func table(of family: ModelFamily) -> [String: WeightNames] {
    switch family {
    case .siglip, .siglip2: siglip
    case .clip: clip
    }
  }

  // MARK: SigLIP

  private static let siglip = dictionary(
    [
      WeightNames(.scalar, "logitScale", "logit_scale", "t", "logit_scale"),
      WeightNames(.scalar, "logitBias", "logit_bias", "b", "logit_bias"),

      WeightNames(
        .patches, "image.patchEmbedding",
        "vision_model.embeddings.patch_embedding", "img/embedding", "visual.trunk.patch_embed.proj"),
      WeightNames(
        .imagePositions, "image.positionEmbedding",
        "vision_model.embeddings.position_embedding.weight", "img/pos_embedding", "visual.trunk.pos_embed"),
      WeightNames(
        .norm, "image.encoder.norm",
        "vision_model.post_layernorm", "img/Transformer/encoder_norm", "visual.trunk.norm"),

      WeightNames(
        .array, "image.head.probe",
        "vision_model.head.probe", "img/MAPHead_0/probe", "visual.trunk.attn_pool.latent"),
      WeightNames(
        .toHeads, "image.head.attention.query",
        "vision_model.head.attention.in_proj_[0/3]",
        "img/MAPHead_0/MultiHeadDotProductAttention_0/query",
        "visual.trunk.attn_pool.q"),
      WeightNames(
        .toHeads, "image.head.attention.key",
        "vision_model.head.attention.in_proj_[1/3]",
        "img/MAPHead_0/MultiHeadDotProductAttention_0/key",
        "visual.trunk.attn_pool.kv[0/2]"),
      WeightNames(
        .toHeads, "image.head.attention.value",
        "vision_model.head.attention.in_proj_[2/3]",
        "img/MAPHead_0/MultiHeadDotProductAttention_0/value",
        "visual.trunk.attn_pool.kv[1/2]"),
      WeightNames(
        .fromHeads, "image.head.attention.output",
        "vision_model.head.attention.out_proj",
        "img/MAPHead_0/MultiHeadDotProductAttention_0/out",
        "visual.trunk.attn_pool.proj"),
      WeightNames(
        .norm, "image.head.norm",
        "vision_model.head.layernorm", "img/MAPHead_0/LayerNorm_0", "visual.trunk.attn_pool.norm"),
      WeightNames(
        .linear, "image.head.mlp.fc1",
        "vision_model.head.mlp.fc1", "img/MAPHead_0/MlpBlock_0/Dense_0", "visual.trunk.attn_pool.mlp.fc1"),
      WeightNames(
        .linear, "image.head.mlp.fc2",
        "vision_model.head.mlp.fc2", "img/MAPHead_0/MlpBlock_0/Dense_1", "visual.trunk.attn_pool.mlp.fc2"),

      WeightNames(
        .array, "text.tokenEmbedding.table",
        "text_model.embeddings.token_embedding.weight", "txt/Embed_0/embedding",
        "text.token_embedding.weight"),
      WeightNames(
        .textPositions, "text.positionEmbedding",
        "text_model.embeddings.position_embedding.weight", "txt/pos_embedding", "text.positional_embedding"),
      WeightNames(
        .norm, "text.encoder.norm",
        "text_model.final_layer_norm", "txt/Encoder_0/encoder_norm", "text.ln_final"),
      WeightNames(.linear, "text.projection", "text_model.head", "txt/head", "text.text_projection"),
    ]
      + blocks("image", "vision_model", "img/Transformer", "visual.trunk.blocks", \.timm)
      + blocks("text", "text_model", "txt/Encoder_0", "text.transformer.resblocks", \.openAI))

  // MARK: CLIP

  private static let clip = dictionary(
    [
      WeightNames(.scalar, "logitScale", "logit_scale", nil, "logit_scale"),
      WeightNames(.scalar, "logitBias", "logit_bias", nil, "logit_bias"),

      WeightNames(
        .array, "image.classToken", "vision_model.embeddings.class_embedding", nil, "visual.class_embedding"),
      WeightNames(
        .patches, "image.patchEmbedding", "vision_model.embeddings.patch_embedding", nil, "visual.conv1"),
      WeightNames(
        .array, "image.positionEmbedding", "vision_model.embeddings.position_embedding.weight", nil,
        "visual.positional_embedding"),
      // As transformers spells it.
      WeightNames(.norm, "image.inputNorm", "vision_model.pre_layrnorm", nil, "visual.ln_pre"),
      WeightNames(.norm, "image.encoder.norm", "vision_model.post_layernorm", nil, "visual.ln_post"),
      WeightNames(.projection, "image.projection", "visual_projection", nil, "visual.proj"),

      WeightNames(
        .array, "text.tokenEmbedding.table", "text_model.embeddings.token_embedding.weight", nil,
        "token_embedding.weight"),
      WeightNames(
        .array, "text.positionEmbedding", "text_model.embeddings.position_embedding.weight", nil,
        "positional_embedding"),
      WeightNames(.norm, "text.encoder.norm", "text_model.final_layer_norm", nil, "ln_final"),
      WeightNames(.projection, "text.projection", "text_projection", nil, "text_projection"),
    ]
      + blocks("image", "vision_model", nil, "visual.transformer.resblocks", \.openAI)
      + blocks("text", "text_model", nil, "transformer.resblocks", \.openAI))

  // MARK: Blocks

  /// What a part of a block is called.
  private struct BlockPart {
    let kind: Kind
    let path, huggingFace, bigVision: String
    /// In timm's transformers.
    let timm: String
    /// In OpenAI's, which open_clip's own are like.
    let openAI: String

    init(
      _ kind: Kind, _ path: String, _ huggingFace: String, _ bigVision: String, _ timm: String,
      _ openAI: String
    ) {
      (self.kind, self.path, self.huggingFace) = (kind, path, huggingFace)
      (self.bigVision, self.timm, self.openAI) = (bigVision, timm, openAI)
    }
  }

  private static let blockParts: [BlockPart] = [
    BlockPart(.norm, "norm1", "layer_norm1", "LayerNorm_0", "norm1", "ln_1"),
    BlockPart(
      .toHeads, "attention.query", "self_attn.q_proj", "MultiHeadDotProductAttention_0/query",
      "attn.qkv[0/3]", "attn.in_proj_[0/3]"),
    BlockPart(
      .toHeads, "attention.key", "self_attn.k_proj", "MultiHeadDotProductAttention_0/key",
      "attn.qkv[1/3]", "attn.in_proj_[1/3]"),
    BlockPart(
      .toHeads, "attention.value", "self_attn.v_proj", "MultiHeadDotProductAttention_0/value",
      "attn.qkv[2/3]", "attn.in_proj_[2/3]"),
    BlockPart(
      .fromHeads, "attention.output", "self_attn.out_proj", "MultiHeadDotProductAttention_0/out",
      "attn.proj", "attn.out_proj"),
    BlockPart(.norm, "norm2", "layer_norm2", "LayerNorm_1", "norm2", "ln_2"),
    BlockPart(.linear, "mlp.fc1", "mlp.fc1", "MlpBlock_0/Dense_0", "mlp.fc1", "mlp.c_fc"),
    BlockPart(.linear, "mlp.fc2", "mlp.fc2", "MlpBlock_0/Dense_1", "mlp.fc2", "mlp.c_proj"),
  ]

  private static func blocks(
    _ tower: String, _ huggingFace: String, _ bigVision: String?, _ openClip: String,
    _ part: (BlockPart) -> String
  ) -> [WeightNames] {
    blockParts.map { names in
      WeightNames(
        names.kind, "\(tower).encoder.blocks.{i}.\(names.path)",
        "\(huggingFace).encoder.layers.{i}.\(names.huggingFace)",
        bigVision.map { "\($0)/encoderblock_{i}/\(names.bigVision)" },
        "\(openClip).{i}.\(part(names))")
    }
  }

  private static func dictionary(_ rows: [WeightNames]) -> [String: WeightNames] {
    Dictionary(uniqueKeysWithValues: rows.map { ($0.path, $0) })
  }
}
