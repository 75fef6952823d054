import Foundation
import Kernels
import SigLIPModel
import TestSupport
import Testing

/// Checkpoints of every architecture, as transformers and open_clip save them: what the model computes is what these
/// libraries compute, gradients included.
@Suite struct CheckpointParityTests {
  @Test(arguments: CheckpointReference.folders)
  func embeddingsAndLogits(of folder: String) throws {
    let reference = try CheckpointReference(folder: folder)
    try withoutGradients {
      let (images, texts) = (try reference.imageFeatures(), reference.model.text(try reference.tokens()))
      try reference.expect(images.value, equals: "image_features")
      try reference.expect(texts.value, equals: "text_features")
      try reference.expect(images.normalized().value, equals: "image_embeds")
      try reference.expect(texts.normalized().value, equals: "text_embeds")
      let logits = reference.model.logits(images: images.normalized(), texts: texts.normalized())
      try reference.expect(logits.value, equals: "logits_per_image")
    }
  }

  @Test(arguments: CheckpointReference.folders)
  func lossAndEveryGradient(of folder: String) throws {
    let reference = try CheckpointReference(folder: folder)
    let loss = try reference.loss()
    try reference.expect(loss.value, equals: "loss")
    let gradients = loss.backward()
    try expect(gradients, of: reference, equal: try reference.gradient())
  }

  /// The same with products of 16-bit numbers, on every level. Rounding an operand is off by a
  /// share of it whose square is 2^-14 / 24 in the mean (of two parts, 2^-30 / 24), and so a sum of products of independent errors by
  /// δ = 2^-7 / √12 (2^-15 / √12) of its usual size. A block has six products one behind the other; with patches and a
  /// projection, embeddings are off by δ √(6 depth + 2) if all errors add up, which they may to three times that.
  ///
  /// Gradients pass three times as many, and logits that are off by t times as much as embeddings change the slopes of
  /// the loss as much. Of them all together the length of the error is taken: some are small differences of large numbers.
  @Test(
    arguments: CheckpointReference.folders,
    [(MatmulPrecision.bfloat16, Float(0x1p-7)), (.bfloat16x3, 0x1p-15)])
  func roundedProducts(of folder: String, precision: (MatmulPrecision, spacing: Float)) throws {
    let reference = try CheckpointReference(folder: folder)
    let delta = precision.spacing / Float(12).squareRoot()
    let depth = Swift.max(
      reference.checkpoint.configuration.vision.depth, reference.checkpoint.configuration.text.depth)
    let products = Float(6 * depth + 2)
    let temperature = reference.model.logitScale.value.exp().item()
    // A model of a real size takes a minute on the plainest level.
    for table in depth < 12 ? Kernels.tables : [Kernels.tables.last!] {
      try Kernels.withTable(table) {
        try Compute.withMatmulPrecision(precision.0) {
          let place: Comment = "\(folder), \(table.name), \(precision.0)"
          for (features, name) in [
            (try reference.imageFeatures(), "image_features"),
            (reference.model.text(try reference.tokens()), "text_features"),
          ] {
            let error = try reference.relativeError(of: features.value, name)
            #expect(error < 3 * delta * products.squareRoot(), place)
            // And rounded they are.
            #expect(error > delta / 10, place)
          }
          let bound = delta * ((3 * products).squareRoot() + temperature * (2 * products).squareRoot())
          // Of a model that has learned, whose temperature is high, nothing can be said.
          if bound > 0.2 { return }
          let (gradients, expected) = (try reference.loss().backward(), try reference.gradient())
          var (error, size) = (0.0, 0.0)
          for (path, parameter) in reference.model.namedParameters() {
            let (found, wanted) = (try #require(gradients[parameter]), try #require(expected[path]))
            error += Double((found - wanted).square().sum().item())
            size += Double(wanted.square().sum().item())
          }
          #expect(Float((error / size).squareRoot()) < bound, place)
        }
      }
    }
  }

  /// While training, residual networks normalise by the batch, and remember its statistics.
  @Test(arguments: CheckpointReference.folders.filter(FileManager.default.hasTraining))
  func trainingWithBatchNormalisation(of folder: String) throws {
    let reference = try CheckpointReference(folder: folder)
    reference.model.train()
    let loss = try reference.loss()
    let training = folder + "/training"
    let wanted = try SafetensorsFile(training + "/expected.safetensors").tensor(named: "loss").item()
    #expect(abs(loss.value.item() - wanted) <= 1e-5 * abs(wanted))
    let expected = try reference.gradient(in: training)
    try expect(loss.backward(), of: reference, equal: expected)
    let buffers = reference.model.namedBuffers()
    #expect(!buffers.isEmpty)
    for (path, buffer) in buffers {
      let statistics = try #require(expected[path])
      CheckpointReference.expect(
        buffer.value, statistics, largest: statistics.abs().max().item(), "\(folder) \(path)")
    }
  }

  private func expect(
    _ gradients: Gradients, of reference: CheckpointReference, equal expected: [String: Tensor]
  ) throws {
    let (parameters, folder) = (reference.model.namedParameters(), reference.folder)
    #expect(expected.count == parameters.count + reference.model.namedBuffers().count)
    for (path, parameter) in parameters {
      // A softmax does not see what is added to all keys: that gradient is zero but for rounding.
      let measure = try #require(expected[path.replacingOccurrences(of: "key.bias", with: "query.bias")])
      CheckpointReference.expect(
        try #require(gradients[parameter], "\(path)"), try #require(expected[path]),
        largest: measure.abs().max().item(), "\(folder) \(path)")
    }
  }

  @Test(arguments: CheckpointReference.Case.allCases)
  func configurations(of name: CheckpointReference.Case) throws {
    let configuration = try CheckpointReference(name).checkpoint.configuration
    let path = try CheckpointReference(name).checkpoint.path
    #expect(try SigLIPCheckpoint.configuration(path: path) == configuration)
    let (vision, text) = (configuration.vision, configuration.text)
    if name.rawValue.hasPrefix("clip/") {
      #expect(configuration.family == .clip)
      #expect(configuration.objective == (name == .clipWithBias ? .sigmoid : .softmax))
      if name == .resNet {
        #expect(vision == .resNet(imageSize: 64, stages: [1, 2, 1, 1], channels: 2, width: 20))
        return
      }
      if name == .openAIResNet {
        #expect(vision == .resNet(imageSize: 32, stages: [1, 1, 1, 1], channels: 2, width: 12))
        return
      }
      let isQuick = [.clip, .openClipClip, .openAI].contains(name)
      let activation: Activation = isQuick ? .quickGelu : .geluExact
      #expect(vision.activation == activation && text.activation == activation)
      #expect(vision.normEpsilon == (name == .oldClip ? 1e-4 : 1e-5))
      #expect(text.normEpsilon == (name == .oldClip ? 1e-3 : 1e-5))
      #expect(name != .clipWithBias || (vision.hiddenWidth, text.hiddenWidth) == (96, 36))
      return
    }
    #expect(configuration.family == (name == .naFlex ? .siglip2 : .siglip))
    #expect(vision.isNaFlex == (name == .naFlex))
    #expect(vision.activation == (name == .v1 || name == .openClip ? .geluExact : .gelu))
    let isExact = name == .v1 || name == .openClip || name == .international
    #expect(text.activation == (isExact ? .geluExact : .gelu))
    #expect(text.outputWidth == (name == .international ? nil : name == .giantOpt ? 24 : 16))
    #expect(vision.width == (name == .giantOpt ? 24 : 16))
  }

  /// Padding changes nothing: each image alone, and all in one sequence length or another.
  @Test func paddedPatchesAreNotSeen() throws {
    let reference = try CheckpointReference(.naFlex)
    let tower = try #require(reference.model.image as? NaFlexVisionTransformer)
    let all = try reference.patches()
    let together = tower(all).value
    for (number, grid) in all.grids.enumerated() {
      let count = grid.height * grid.width
      let own = all.patches.narrow(start: number, length: 1, axis: 0).narrow(start: 0, length: count, axis: 1)
      let alone = tower(PatchSequences(patches: own.contiguous(), grids: [grid])).value
      #expect(alone.isApproximatelyEqual(to: together[number].unsqueeze(0), absolute: 1e-5, relative: 1e-5))
      let noise = own.pad([(0, 0), (0, 20 - count), (0, 0)], value: 7)
      let longer = tower(PatchSequences(patches: noise, grids: [grid])).value
      #expect(longer.isApproximatelyEqual(to: alone, absolute: 1e-5, relative: 1e-5))
    }
  }

  /// Patches are read as (row, column, channel), in rows.
  @Test func imagesAreCutIntoPatches() throws {
    let image = Tensor.arange(0, 3 * 4 * 6).reshape([3, 4, 6])
    let sequences = PatchSequences(images: [image, image.narrow(start: 2, length: 2, axis: 2)], patchSize: 2)
    #expect(sequences.patches.shape == [2, 6, 12])
    #expect(sequences.grids.map(\.height) == [2, 2] && sequences.grids.map(\.width) == [3, 1])
    // Patch (1, 2) of the first image: rows 2 and 3, columns 4 and 5.
    #expect(sequences.patches[0][5].scalars == [16, 40, 64, 17, 41, 65, 22, 46, 70, 23, 47, 71])
    #expect(sequences.patches[1][1].scalars == [14, 38, 62, 15, 39, 63, 20, 44, 68, 21, 45, 69])
    #expect(sequences.patches[1][2].scalars == [Float](repeating: 0, count: 12))
    let reference = try CheckpointReference(.naFlex)
    let tower = try #require(reference.model.image as? NaFlexVisionTransformer)
    let pixels = Random.pixels([3, 6, 10])
    let patches = tower(PatchSequences(images: [pixels], patchSize: 2, count: 30)).value
    let whole = tower(Variable(pixels.unsqueeze(0))).value
    #expect(patches.isApproximatelyEqual(to: whole, absolute: 1e-5, relative: 1e-5))
  }

  @Test(arguments: PositionResize.allCases, ["larger", "smaller", "uneven"])
  func positionsAreResizedAsByTheirSource(by method: PositionResize, of name: String) throws {
    let file = try SafetensorsFile(fixture("siglip_family/positions.safetensors"))
    let size = try file.indices(named: "\(name)/size").values.map { Int($0) }
    let expected = try file.tensor(named: "\(name)/\(method.rawValue)")
    let found = method(try file.tensor(named: "\(name)/grid"), height: size[0], width: size[1])
    #expect(found.isApproximatelyEqual(to: expected, absolute: 1e-5, relative: 1e-5), "\(found) \(expected)")
  }

  @Test func aModelForAnotherSizeHasResizedPositions() throws {
    let checkpoint = try CheckpointReference(.v1).checkpoint
    let resized = checkpoint.resized(imageSize: 20)
    #expect(resized.configuration.vision.gridSize == 5)
    let (before, after) = (checkpoint.model.stateDictionary(), resized.model.stateDictionary())
    for (path, value) in after {
      let old = try #require(before[path])
      #expect(
        value == (path == "image.positionEmbedding" ? PositionResize.bicubic(old, height: 5, width: 5) : old),
        "\(path)")
    }
    #expect(resized.model.image(Variable(Random.pixels([2, 3, 20, 20]))).shape == [2, 16])
  }

  /// The class token keeps its position.
  @Test func aClassTokenHasNoPlaceInTheImage() throws {
    let checkpoint = try CheckpointReference(.openClipClip).checkpoint
    let resized = checkpoint.resized(imageSize: 20)
    let (before, after) = (checkpoint.model.stateDictionary(), resized.model.stateDictionary())
    let path = "image.tower.positionEmbedding"
    let (old, new) = (try #require(before[path]), try #require(after[path]))
    #expect(old.shape == [10, 24] && new.shape == [26, 24])
    #expect(new[0].scalars == old[0].scalars)
    let patches = PositionResize.bicubicAntialiased(old[1...].contiguous(), height: 5, width: 5)
    #expect(new[1...].contiguous() == patches)
    #expect(resized.model.embed(images: Variable(Random.pixels([2, 3, 20, 20]))).shape == [2, 20])
    #expect(try resized.imagePreprocessing() == .clip(imageSize: 20))
  }
}

extension FileManager {
  /// Whether a case says what happens while training.
  fileprivate func hasTraining(_ folder: String) -> Bool { fileExists(atPath: folder + "/training") }
}

extension Random {
  /// Numbers in [-1, 1], always the same.
  fileprivate static func pixels(_ shape: Shape) -> Tensor {
    var random = Random(seed: 5)
    return random.uniform(shape, in: -1..<1)
  }
}
