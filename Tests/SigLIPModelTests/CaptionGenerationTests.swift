import Testing

import SigLIPModel

/// Texts that are written one token after another, with what was computed before kept and without.
@Suite struct CaptionGenerationTests {
  private static let context = 40

  /// A decoder whose logits differ enough to end texts at several places.
  private static func decoder(seed: UInt64 = 1, output: CaptionConfiguration.Output = .linear(bias: true))
    -> CaptionDecoder
  {
    var configuration = CaptionConfiguration(
      vocabularySize: 25, contextLength: context, width: 32, depth: 3, heads: 4, hiddenWidth: 48,
      memoryWidth: 20, startToken: 0, endToken: 1)
    configuration.output = output
    var random = Random(seed: seed)
    let decoder = CaptionDecoder(configuration, random: &random)
    for parameter in decoder.parameters {
      parameter.value = parameter.value + random.normal(parameter.shape, standardDeviation: 0.3)
    }
    return decoder
  }

  private static func memory(_ count: Int) -> Variable {
    var random = Random(seed: 2)
    return Variable(random.normal([count, 7, 20]))
  }

  private struct Written {
    var texts: [[Int]] = []
    var steps: [(images: [Int], logits: [Float])] = []
  }

  private static func write(
    _ decoder: CaptionDecoder, _ memory: Variable, _ choice: TokenChoice, usesCache: Bool
  ) -> Written {
    var written = Written()
    written.texts = decoder.generate(about: memory, choosing: choice, usesCache: usesCache) {
      written.steps.append(($0, $1.contiguous().scalars))
    }
    return written
  }

  /// The same bits, not merely near: products add up in one order, and hidden keys add nothing.
  @Test(arguments: [
    TokenChoice.greedy, .drawn(seed: 3), .drawn(temperature: 0.7, topK: 5, seed: 4),
    .drawn(temperature: 2, topK: 25, seed: 5),
  ])
  func theCacheChangesNoBitOfLogits(_ choice: TokenChoice) {
    for output in [CaptionConfiguration.Output.linear(bias: true), .tokenTable] {
      let (decoder, memory) = (Self.decoder(output: output), Self.memory(6))
      let cached = Self.write(decoder, memory, choice, usesCache: true)
      let again = Self.write(decoder, memory, choice, usesCache: false)
      #expect(cached.texts == again.texts)
      #expect(cached.steps.map(\.images) == again.steps.map(\.images))
      #expect(cached.steps.map(\.logits) == again.steps.map(\.logits))
      #expect(cached.steps.count > 10)
    }
  }

  /// What is written has the logits that teacher forcing gives it, ends where it says, and is the likeliest where it should be.
  @Test func textsAreThoseOfTheirLogits() throws {
    let (decoder, memory) = (Self.decoder(), Self.memory(8))
    let greedy = Self.write(decoder, memory, .greedy, usesCache: true)
    #expect(Set(greedy.texts.map(\.count)).count > 2, "\(greedy.texts.map(\.count))")
    for (image, text) in greedy.texts.enumerated() {
      let row = IndexTensor([0] + text, shape: [1, text.count + 1])
      let ended = text.count < Self.context
      let inputs = ended ? row : row[0..., ..<(-1)]
      let logits = decoder(inputs, memory: memory[image..<image + 1]).value
      let steps = greedy.steps.filter { $0.images.contains(image) }
      #expect(steps.count == inputs.shape[1])
      #expect(logits.argmax().values.map(Int.init) == text + (ended ? [1] : []))
      for (position, step) in steps.enumerated() {
        let place = try #require(step.images.firstIndex(of: image))
        #expect(Array(step.logits[place * 25..<(place + 1) * 25]) == logits[0, position].contiguous().scalars)
      }
    }
  }

  @Test func textsAreTheSameAloneAndAmongOthers() {
    let (decoder, memory) = (Self.decoder(), Self.memory(5))
    let all = decoder.generate(about: memory)
    for image in 0..<5 {
      #expect(decoder.generate(about: memory[image..<image + 1]) == [all[image]])
    }
    let drawn = TokenChoice.drawn(seed: 7)
    let more = decoder.generate(about: memory, choosing: drawn)
    #expect(decoder.generate(about: memory[..<3], choosing: drawn) == Array(more[..<3]))
  }

  @Test func textsEndWhenTheyAreToldTo() {
    let (decoder, memory) = (Self.decoder(), Self.memory(4))
    let all = decoder.generate(about: memory)
    for count in [0, 1, 4] {
      #expect(decoder.generate(about: memory, atMost: count) == all.map { Array($0.prefix(count)) })
    }
    // All at once: nothing is computed any more.
    let bias = decoder.output!.bias!
    bias.value = Tensor((0..<25).map { $0 == 1 ? 1000 : 0 })
    var steps = 0
    #expect(decoder.generate(about: memory) { _, _ in steps += 1 } == [[], [], [], []])
    #expect(steps == 1)
    #expect(decoder.generate(about: memory[..<0]) == [])
  }

  @Test func drawingIsByProbability() {
    let decoder = Self.decoder()
    var random = Random(seed: 9)
    let one = Variable(random.normal([1, 7, 20])).expand(to: [2000, 7, 20])
    var logits = Tensor(0)
    func first(_ choice: TokenChoice) -> [Int] {
      decoder.generate(about: one, choosing: choice, atMost: 1) { logits = $1[0] }.map { $0.first ?? 1 }
    }
    let drawn = first(.drawn(seed: 1))
    #expect(drawn == first(.drawn(seed: 1)) && drawn != first(.drawn(seed: 2)))
    let probabilities = withoutGradients { Variable(logits).softmax().value.scalars }
    for (token, probability) in probabilities.enumerated() {
      let expected = Double(probability) * 2000
      let found = Double(drawn.count { $0 == token })
      #expect(abs(found - expected) <= 5 * max(1, expected).squareRoot(), "\(token)")
    }
    // The three most likely, and none else; near 0 the likeliest.
    let likely = Set(logits.topK(3).indices.values.map { Int($0) })
    #expect(Set(first(.drawn(temperature: 2, topK: 3, seed: 1))) == likely)
    #expect(Set(first(.drawn(temperature: 1e-3, seed: 1))) == Set(first(.greedy)))
    #expect(first(.drawn(topK: 1, seed: 1)) == first(.greedy))
  }

  @Test func captionersWriteAboutImages() {
    var random = Random(seed: 4)
    let vision = TowerTests.transformer
    let configuration = CaptionConfiguration(
      vocabularySize: 12, contextLength: 5, width: 8, depth: 1, heads: 2, hiddenWidth: 12, memoryWidth: 16,
      startToken: 0, endToken: 1)
    let model = Captioner(vision: vision, configuration, random: &random)
    for parameter in model.decoder.parameters {
      parameter.value = parameter.value + random.normal(parameter.shape, standardDeviation: 0.3)
    }
    let pixels = Variable(random.uniform([3, 3, 12, 12], in: -1..<1))
    #expect(
      model.generate(images: pixels) == model.decoder.generate(about: model.image.tokens(pixels)))
    #expect(model.generate(images: pixels, atMost: 2).allSatisfy { $0.count <= 2 })
  }
}
