/// What one part of the model is called in each format.
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
    /// A single number.
    case scalar
    /// One array, the same in all formats.
    case array
  }

  let kind: Kind
  let path: String
  let huggingFace: String
  let bigVision: String
  let openClip: String

  private init(
    _ kind: Kind, _ path: String, _ huggingFace: String, _ bigVision: String, _ openClip: String
  ) {
    (self.kind, self.path) = (kind, path)
    (self.huggingFace, self.bigVision, self.openClip) = (huggingFace, bigVision, openClip)
  }

  /// What a format calls the part.
  func name(in format: WeightFormat) -> String {
    switch format {
    case .huggingFace: huggingFace
    case .bigVision: bigVision
    case .openClip: openClip
    case .pairwise: path
    }
  }

  /// Every part of the model once: here, in Hugging Face's transformers, in big_vision, in open_clip.
  static let table = [
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
      .norm, "image.encoder.blocks.{i}.norm1",
      "vision_model.encoder.layers.{i}.layer_norm1",
      "img/Transformer/encoderblock_{i}/LayerNorm_0",
      "visual.trunk.blocks.{i}.norm1"),
    WeightNames(
      .toHeads, "image.encoder.blocks.{i}.attention.query",
      "vision_model.encoder.layers.{i}.self_attn.q_proj",
      "img/Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/query",
      "visual.trunk.blocks.{i}.attn.qkv[0/3]"),
    WeightNames(
      .toHeads, "image.encoder.blocks.{i}.attention.key",
      "vision_model.encoder.layers.{i}.self_attn.k_proj",
      "img/Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/key",
      "visual.trunk.blocks.{i}.attn.qkv[1/3]"),
    WeightNames(
      .toHeads, "image.encoder.blocks.{i}.attention.value",
      "vision_model.encoder.layers.{i}.self_attn.v_proj",
      "img/Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/value",
      "visual.trunk.blocks.{i}.attn.qkv[2/3]"),
    WeightNames(
      .fromHeads, "image.encoder.blocks.{i}.attention.output",
      "vision_model.encoder.layers.{i}.self_attn.out_proj",
      "img/Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/out",
      "visual.trunk.blocks.{i}.attn.proj"),
    WeightNames(
      .norm, "image.encoder.blocks.{i}.norm2",
      "vision_model.encoder.layers.{i}.layer_norm2",
      "img/Transformer/encoderblock_{i}/LayerNorm_1",
      "visual.trunk.blocks.{i}.norm2"),
    WeightNames(
      .linear, "image.encoder.blocks.{i}.mlp.fc1",
      "vision_model.encoder.layers.{i}.mlp.fc1",
      "img/Transformer/encoderblock_{i}/MlpBlock_0/Dense_0",
      "visual.trunk.blocks.{i}.mlp.fc1"),
    WeightNames(
      .linear, "image.encoder.blocks.{i}.mlp.fc2",
      "vision_model.encoder.layers.{i}.mlp.fc2",
      "img/Transformer/encoderblock_{i}/MlpBlock_0/Dense_1",
      "visual.trunk.blocks.{i}.mlp.fc2"),

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
      "text_model.embeddings.token_embedding.weight", "txt/Embed_0/embedding", "text.token_embedding.weight"),
    WeightNames(
      .textPositions, "text.positionEmbedding",
      "text_model.embeddings.position_embedding.weight", "txt/pos_embedding", "text.positional_embedding"),
    WeightNames(
      .norm, "text.encoder.norm",
      "text_model.final_layer_norm", "txt/Encoder_0/encoder_norm", "text.ln_final"),
    WeightNames(.linear, "text.projection", "text_model.head", "txt/head", "text.text_projection"),

    WeightNames(
      .norm, "text.encoder.blocks.{i}.norm1",
      "text_model.encoder.layers.{i}.layer_norm1",
      "txt/Encoder_0/encoderblock_{i}/LayerNorm_0",
      "text.transformer.resblocks.{i}.ln_1"),
    WeightNames(
      .toHeads, "text.encoder.blocks.{i}.attention.query",
      "text_model.encoder.layers.{i}.self_attn.q_proj",
      "txt/Encoder_0/encoderblock_{i}/MultiHeadDotProductAttention_0/query",
      "text.transformer.resblocks.{i}.attn.in_proj_[0/3]"),
    WeightNames(
      .toHeads, "text.encoder.blocks.{i}.attention.key",
      "text_model.encoder.layers.{i}.self_attn.k_proj",
      "txt/Encoder_0/encoderblock_{i}/MultiHeadDotProductAttention_0/key",
      "text.transformer.resblocks.{i}.attn.in_proj_[1/3]"),
    WeightNames(
      .toHeads, "text.encoder.blocks.{i}.attention.value",
      "text_model.encoder.layers.{i}.self_attn.v_proj",
      "txt/Encoder_0/encoderblock_{i}/MultiHeadDotProductAttention_0/value",
      "text.transformer.resblocks.{i}.attn.in_proj_[2/3]"),
    WeightNames(
      .fromHeads, "text.encoder.blocks.{i}.attention.output",
      "text_model.encoder.layers.{i}.self_attn.out_proj",
      "txt/Encoder_0/encoderblock_{i}/MultiHeadDotProductAttention_0/out",
      "text.transformer.resblocks.{i}.attn.out_proj"),
    WeightNames(
      .norm, "text.encoder.blocks.{i}.norm2",
      "text_model.encoder.layers.{i}.layer_norm2",
      "txt/Encoder_0/encoderblock_{i}/LayerNorm_1",
      "text.transformer.resblocks.{i}.ln_2"),
    WeightNames(
      .linear, "text.encoder.blocks.{i}.mlp.fc1",
      "text_model.encoder.layers.{i}.mlp.fc1",
      "txt/Encoder_0/encoderblock_{i}/MlpBlock_0/Dense_0",
      "text.transformer.resblocks.{i}.mlp.c_fc"),
    WeightNames(
      .linear, "text.encoder.blocks.{i}.mlp.fc2",
      "text_model.encoder.layers.{i}.mlp.fc2",
      "txt/Encoder_0/encoderblock_{i}/MlpBlock_0/Dense_1",
      "text.transformer.resblocks.{i}.mlp.c_proj"),
  ]
}
