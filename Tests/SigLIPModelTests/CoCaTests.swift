import Foundation
import TestSupport
import Testing

import SigLIPModel

/// open_clip's CoCa, against `Fixtures/coca.py`.
@Suite struct CoCaTests {
  private static let folder = fixture("coca")

  @Test func embeddingsLogitsLossAndGradientsAreOpenClips() throws {
    let model = try CoCa(openClip: Self.folder)
    let arrays = try SafetensorsFile(Self.folder + "/expected.safetensors")
    func expect(_ found: Tensor, equals name: String) throws {
      let expected = try arrays.tensor(named: name)
      CheckpointReference.expect(found, expected, largest: expected.abs().max().item(), name)
    }
    let pixels = Variable(try arrays.tensor(named: "pixels"))
    let ids = try arrays.indices(named: "input_ids")
    let outputs = model(images: pixels, texts: ids)
    try expect(outputs.images.value, equals: "image_embeds")
    try expect(outputs.texts.value, equals: "text_embeds")
    try expect(outputs.logits.value, equals: "logits")
    #expect(model.image(pixels).normalized().value == outputs.images.value)
    #expect(model.text(ids).normalized().value == outputs.texts.value)
    #expect(model.image.tokens(pixels).shape == [3, 4, 12])
    let (contrastive, caption) = model.loss(images: pixels, texts: ids)
    try expect(contrastive.value, equals: "contrastive_loss")
    try expect(caption.value, equals: "caption_loss")

    let gradients = (contrastive + caption).backward()
    let folder = try TemporaryFolder()
    for (name, source) in [("config.json", "config.json"), ("model.safetensors", "gradient.safetensors")] {
      let source = source == "config.json" ? "open_clip_config.json" : source
      try FileManager.default.copyItem(
        atPath: "\(Self.folder)/\(source)", toPath: folder.path("open_clip_\(name)"))
    }
    let expected = try CoCa(openClip: folder.path("")).stateDictionary()
    // Softmax gives the same whatever is added to all of its scores: these gradients are rounding alone.
    for (path, parameter) in model.namedParameters() where !path.hasSuffix("key.bias") {
      let gradient = try #require(expected[path])
      CheckpointReference.expect(
        try #require(gradients[parameter], "\(path)"), gradient, largest: gradient.abs().max().item(), path)
    }
  }

  @Test(arguments: [[1, 1, 1, 1, 1, 1], [6], [2, 1, 3]]) func logitsOfTokensThatFollowAreOpenClips(
    _ counts: [Int]
  ) throws {
    let model = try CoCa(openClip: Self.folder)
    let arrays = try SafetensorsFile(Self.folder + "/expected.safetensors")
    let texts = try arrays.indices(named: "forced")
    let pixels = Variable(try arrays.tensor(named: "pixels"))
    var cache = model.cache(of: model.image.tokens(pixels))
    var parts: [Variable] = []
    for count in counts {
      let start = parts.reduce(0) { $0 + $1.shape[1] }
      parts.append(model(texts[0..., start..<start + count], after: &cache))
    }
    let found = Variable.concatenate(parts, axis: 1)
    let expected = try arrays.tensor(named: "forced_logits")
    CheckpointReference.expect(found.value, expected, largest: expected.abs().max().item(), "forced")
    let whole = model(images: pixels, texts: texts).logits.value
    #expect(found.value[0..., ..<5].contiguous().scalars == whole.scalars)
  }

  @Test(arguments: [TokenChoice.greedy, .drawn(temperature: 1.5, seed: 3), .drawn(topK: 4, seed: 4)])
  func captionsWithTheCacheAreThoseWithout(_ choice: TokenChoice) throws {
    var configuration = try CoCa(openClip: Self.folder).configuration
    configuration.contextLength = 24
    var random = Random(seed: 5)
    let model = CoCa(configuration, random: &random)
    model.decoder.output.weight.value = random.normal([20, 12], standardDeviation: 0.7)
    let pixels = Variable(random.uniform([8, 3, 12, 12], in: -1..<1))
    func write(_ usesCache: Bool) -> (texts: [[Int]], logits: [[Float]]) {
      var logits: [[Float]] = []
      let texts = model.generate(
        about: model.image.tokens(pixels), choosing: choice, usesCache: usesCache
      ) { logits.append($1.contiguous().scalars) }
      return (texts, logits)
    }
    let (found, expected) = (write(true), write(false))
    #expect(found.texts == expected.texts && found.logits == expected.logits)
    #expect(model.generate(images: pixels, choosing: choice) == found.texts)
    #expect(found.logits.count > 4)
    if case .drawn(_, nil, _) = choice { #expect(Set(found.texts.map(\.count)).count > 2) }
  }

  /// As open_clip 3.3 counts them.
  @Test(arguments: [("coca_ViT-B-32", 253_560_065), ("coca_ViT-L-14", 638_450_177)])
  func publishedModelsHaveTheirSize(_ name: String, _ count: Int) throws {
    let model = CoCa.outline(try #require(CoCaConfiguration(named: name)))
    #expect(model.parameters.reduce(0) { $0 + $1.shape.elementCount } == count)
    #expect(CoCaConfiguration(named: name + "x") == nil)
  }

  @Test func weightsGoThereAndBack() throws {
    let model = try CoCa(openClip: Self.folder)
    let folder = try TemporaryFolder()
    try model.writeOpenClipWeights(to: folder.path("open_clip_model.safetensors"))
    let (found, expected) = (
      try SafetensorsFile(folder.path("open_clip_model.safetensors")),
      try SafetensorsFile(Self.folder + "/open_clip_model.safetensors")
    )
    #expect(found.names.sorted() == expected.names.sorted())
    for name in expected.names {
      #expect(try found.tensor(named: name) == expected.tensor(named: name), "\(name)")
    }
  }

  /// Where the image tower is as wide as the embedding, PyTorch stores the pooler's matrices as one.
  @Test func towersOfOneWidthHaveAFusedPooler() throws {
    var configuration = try CoCa(openClip: Self.folder).configuration
    configuration.image.width = 12
    configuration.image.heads = 2
    var random = Random(seed: 1)
    let folder = try TemporaryFolder()
    let path = folder.path("open_clip_model.safetensors")
    try CoCa(configuration, random: &random).writeOpenClipWeights(to: path)
    let names = try SafetensorsFile(path).names
    #expect(names.contains("visual.attn_pool.attn.in_proj_weight"))
    #expect(!names.contains("visual.attn_pool.attn.q_proj_weight"))
  }

  /// The embedding sees no padding, or with published models' mask one token of it.
  @Test(arguments: [true, false]) func textEmbeddingsSeeNoPadding(_ isCorrect: Bool) throws {
    var configuration = try CoCa(openClip: Self.folder).configuration
    configuration.hasCorrectMask = isCorrect
    var random = Random(seed: 2)
    let model = CoCa(configuration, random: &random)
    let table = model.text.tokenEmbedding.table
    let ids = IndexTensor([18, 4, 19, 0, 0, 0], shape: [1, 6])
    let before = model.text(ids).value
    // Another vector for padding, at all of its places.
    table.value[0] = table.value[0] + 1
    #expect((model.text(ids).value == before) == isCorrect)
  }

  @Test(arguments: [
    ("\"embed_cls\": true", "\"embed_cls\": false", "embed_cls"),
    ("\"embed_dim\": 12", "\"embed_dim\": 24", "expected the same"),
    ("\"attentional_pool\": true", "\"attentional_pool\": \"parallel\"", "attentional_pool"),
    ("\"embed_dim\": 12", "\"embed_dim\": 1e30", "embed_dim"),
    ("\"multimodal_cfg\"", "\"multimodal\"", "multimodal_cfg"),
    ("\"layers\": 2", "\"layers\": 3", "missing"),
    ("\"layers\": 2", "\"layers\": 2, \"mlp_ratio\": 1e300", "mlp_ratio"),
    ("\"context_length\": 6", "\"context_length\": 6, \"pad_id\": 1e300", "pad_id"),
    ("\"width\": 16", "\"width\": 99999", "a width of 99999, expected 1 to 16384"),
    ("\"head_width\": 8", "\"head_width\": 999", "a number of heads of 0"),
  ])
  func otherModelsAreRefused(_ old: String, _ new: String, _ problem: String) throws {
    let folder = try TemporaryFolder()
    let text = try String(contentsOfFile: Self.folder + "/open_clip_config.json", encoding: .utf8)
    #expect(text.contains(old))
    _ = try folder.write(
      Array(text.replacingOccurrences(of: old, with: new).utf8), to: "open_clip_config.json")
    try FileManager.default.copyItem(
      atPath: Self.folder + "/open_clip_model.safetensors", toPath: folder.path("open_clip_model.safetensors")
    )
    let error = #expect(throws: (any Error).self) { try CoCa(openClip: folder.path("")) }
    let sentence = error.map { "\($0)" } ?? ""
    #expect(sentence.contains(problem), "\(sentence)")
  }
}
