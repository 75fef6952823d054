import Foundation
import SigLIPModel
import TestSupport
import Testing

/// What transformers computed for one model of `Fixtures/siglip.py`.
struct ReferenceModel {
  enum Case: String, CaseIterable {
    case siglip
    /// Patches of 10 pixels in images of 32: the last two rows and columns belong to none.
    case dropped
  }

  let name: Case
  let vision: VisionConfiguration
  let text: TextConfiguration
  private let file: SafetensorsFile

  init(_ name: Case) throws {
    self.name = name
    let (patch, width, depth, heads, hidden) =
      switch name {
      case .siglip: (8, 32, 2, 4, 64)
      case .dropped: (10, 16, 1, 2, 24)
      }
    vision = VisionConfiguration(
      imageSize: 32, patchSize: patch, width: width, depth: depth, heads: heads, hiddenWidth: hidden)
    text = TextConfiguration(
      vocabularySize: 50, contextLength: 7, width: width, depth: depth, heads: heads, hiddenWidth: hidden,
      outputWidth: width)
    file = try SafetensorsFile(fixture("siglip.safetensors"))
  }

  func tensor(_ name: String) throws -> Tensor { try file.tensor(named: "\(self.name)/\(name)") }

  func tokens() throws -> IndexTensor { try file.indices(named: "\(name)/input_ids") }

  /// A model of these sizes as it is before training.
  func untrained(seed: UInt64) -> SigLIP {
    var random = Random(seed: seed)
    return SigLIP(
      image: VisionTransformer(vision, random: &random), text: TextTransformer(text, random: &random))
  }

  /// The model with the recorded weights; all of them must find their place.
  func model() throws -> SigLIP {
    let model = untrained(seed: 1)
    var state: [String: Tensor] = [:]
    var used: Set<String> = []
    for (path, _) in model.namedParameters() {
      state[path] = try recorded("weight", path)
      used.insert("\(name)/weight/\(Self.recordedName(path).name)")
    }
    #expect(used == Set(file.names.filter { $0.hasPrefix("\(name)/weight/") }))
    try model.load(state)
    return model
  }

  func loss(of model: SigLIP) throws -> Variable {
    model.loss(images: Variable(try tensor("pixels")), texts: try tokens())
  }

  /// Compares with a recorded array, to 1e-4 of its largest element.
  func expect(_ found: Tensor, equals name: String) throws {
    let expected = try tensor(name)
    expect(found, expected, largest: expected.abs().max().item(), name)
  }

  /// Compares with a recorded gradient, to 1e-4 of its largest element.
  func expect(_ found: Tensor?, equalsGradientOf path: String) throws {
    // A softmax does not see what is added to all keys: that gradient is zero but for rounding.
    let measure = try recorded("gradient", path.replacingOccurrences(of: "key.bias", with: "query.bias"))
    expect(
      try #require(found, "\(path)"), try recorded("gradient", path), largest: measure.abs().max().item(),
      path)
  }

  private func expect(_ found: Tensor, _ expected: Tensor, largest: Float, _ what: String) {
    #expect(largest > 1e-5, "\(name) \(what)")
    guard found.shape == expected.shape else {
      Issue.record("\(name) \(what): shape \(found.shape), expected \(expected.shape)")
      return
    }
    let difference = (found - expected).abs().max().item()
    #expect(difference <= 1e-4 * largest, "\(name) \(what): largest element \(largest)")
  }

  private func recorded(_ kind: String, _ path: String) throws -> Tensor {
    let (name, part) = Self.recordedName(path)
    let tensor = try tensor("\(kind)/\(name)")
    guard let part else { return tensor }
    let rows = tensor.shape[0] / 3
    return tensor.narrow(start: part * rows, length: rows, axis: 0).contiguous()
  }

  /// A path's name in transformers, and which third of that array it is if queries, keys and values share one.
  private static func recordedName(_ path: String) -> (name: String, part: Int?) {
    let isHead = path.hasPrefix("image.head.")
    let names =
      [
        ("image.patchEmbedding", "vision_model.embeddings.patch_embedding"),
        ("image.positionEmbedding", "vision_model.embeddings.position_embedding.weight"),
        ("image.encoder.norm", "vision_model.post_layernorm"),
        ("image.head.norm", "vision_model.head.layernorm"),
        ("image.", "vision_model."),
        ("text.tokenEmbedding.table", "text_model.embeddings.token_embedding.weight"),
        ("text.positionEmbedding", "text_model.embeddings.position_embedding.weight"),
        ("text.encoder.norm", "text_model.final_layer_norm"),
        ("text.projection", "text_model.head"),
        ("text.", "text_model."),
        ("encoder.blocks", "encoder.layers"),
        (".norm1.", ".layer_norm1."), (".norm2.", ".layer_norm2."),
        (".scale", ".weight"), (".offset", ".bias"),
        ("logitScale", "logit_scale"), ("logitBias", "logit_bias"),
        ("attention.output", isHead ? "attention.out_proj" : "self_attn.out_proj"),
      ]
      + ["query", "key", "value"].map {
        ("attention.\($0).", isHead ? "attention.in_proj_" : "self_attn.\($0.prefix(1))_proj.")
      }
    let name = names.reduce(path) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    let part = ["query", "key", "value"].firstIndex { path.contains("head.attention.\($0).") }
    return (name, part)
  }
}
