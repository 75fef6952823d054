import Kernels
import SigLIPModel
import TestSupport
import Testing

/// An embedding is the same, to the last bit, alone and in any batch, with packed weights and without, recorded or not,
/// on any number of threads. (Levels of instructions, and precisions of products, round differently.)
@Suite struct BatchTests {
  private static let count = 64
  private static let runs = [(1, 1), (1, 4), (3, 7), (8, 3), (8, 1), (64, 5), (64, 6), (64, 1)]

  /// Holds `embed`, which maps a range of inputs to their embeddings, to what it gives for one input at a time. Of small
  /// batches a few are tried, of `count` inputs one.
  private func check(
    _ module: some Module, count: Int = count, _ name: String, embed: (Range<Int>) -> Variable
  ) throws {
    func bits(_ size: Int, threads: Int, of count: Int) -> [UInt32] {
      ThreadPool.withThreadCount(threads) {
        stride(from: 0, to: count, by: size).flatMap {
          embed($0..<min($0 + size, count)).value.scalars.map(\.bitPattern)
        }
      }
    }
    let rounding = Kernels.tables.last!.with(.bfloat16, forGradients: .bfloat16)
    for table in Kernels.singlePrecisionTables + [rounding] {
      try Kernels.withTable(table) {
        let alone = withoutGradients { bits(1, threads: 1, of: count) }
        let state = module.stateDictionary()
        for isPacked in [false, true] {
          if isPacked { module.packWeights() }
          for (size, threads) in Self.runs where size <= count && (isPacked || size * threads > 1) {
            let few = max(size, min(count, 12))
            let together = withoutGradients { bits(size, threads: threads, of: few) }
            #expect(
              together == Array(alone.prefix(alone.count / count * few)),
              "\(name), \(table.name) \(table.gemm.precision), packed \(isPacked), batches of \(size), \(threads) threads"
            )
          }
        }
        #expect(
          bits(count, threads: 2, of: count) == alone,
          "\(name), \(table.name) \(table.gemm.precision), recorded")
        // Unpacked again, for the next level.
        try module.load(state)
      }
    }
  }

  private func ids(_ configuration: TextConfiguration, _ random: inout Random) -> [Int] {
    (0..<Self.count * configuration.contextLength).map { _ in
      random.nextInt(below: configuration.vocabularySize)
    }
  }

  /// Sizes that fill registers and caches, and sizes that do not.
  @Test(arguments: [(32, 8, 64, 4, 256), (50, 10, 40, 2, 99), (21, 3, 24, 3, 312)])
  func images(size: Int, patch: Int, width: Int, heads: Int, hidden: Int) throws {
    var random = Random(seed: 11)
    let tower = VisionTransformer(
      VisionConfiguration(
        imageSize: size, patchSize: patch, width: width, depth: 2, heads: heads, hiddenWidth: hidden),
      random: &random)
    let pixels = random.uniform([Self.count, 3, size, size], in: -1..<1)
    try check(tower, "width \(width)") { tower(Variable(pixels[$0])).normalized() }
  }

  @Test(arguments: TextPooling.allCases, [(16, 64, 4, 256), (7, 40, 2, 300)])
  func texts(pooling: TextPooling, sizes: (context: Int, width: Int, heads: Int, hidden: Int)) throws {
    var random = Random(seed: 12)
    let configuration = TextConfiguration(
      vocabularySize: 90, contextLength: sizes.context, width: sizes.width, depth: 2, heads: sizes.heads,
      hiddenWidth: sizes.hidden, outputWidth: 33, pooling: pooling)
    let tower = TextTransformer(configuration, random: &random)
    let ids = ids(configuration, &random)
    try check(tower, "\(pooling), width \(sizes.width)") { range in
      let length = sizes.context
      let own = Array(ids[range.lowerBound * length..<range.upperBound * length])
      return tower(IndexTensor(own, shape: [range.count, length])).normalized()
    }
  }

  /// Beside longer sequences too: padding changes no bit.
  @Test func sequencesOfAnyLength() throws {
    var random = Random(seed: 13)
    let tower = NaFlexVisionTransformer(
      VisionConfiguration(
        imageSize: 64, patchSize: 4, width: 48, depth: 2, heads: 3, hiddenWidth: 192, isNaFlex: true),
      random: &random)
    let images = [(3, 5), (17, 16), (2, 2), (1, 9), (6, 10), (7, 7), (18, 18), (4, 13)].map {
      random.uniform([3, 4 * $0.0, 4 * $0.1], in: -1..<1)
    }
    for count in [nil, 340] {
      var known: [Range<Int>: PatchSequences] = [:]
      try check(tower, count: images.count, count == nil ? "NaFlex" : "NaFlex, padded") { range in
        let sequences =
          known[range] ?? PatchSequences(images: Array(images[range]), patchSize: 4, count: count)
        known[range] = sequences
        return tower(sequences).normalized()
      }
    }
  }

  @Test func lockedTower() throws {
    let tower = try EfficientNetLite0(path: exampleData("efficientnet-lite0.safetensors"))
    tower.freeze()
    var random = Random(seed: 14)
    let pixels = random.uniform([8, 3, 40, 33], in: -1..<1)
    try check(tower, count: 8, "EfficientNet") { tower(Variable(pixels[$0])) }
    // Layer by layer, as where a gradient is wanted.
    tower.unfreeze()
    for threads in [1, 3] {
      let alone = (0..<3).flatMap { tower(Variable(pixels[$0..<$0 + 1])).value.scalars.map(\.bitPattern) }
      let together = ThreadPool.withThreadCount(threads) { tower(Variable(pixels[0..<3])).value.scalars }
      #expect(together.map(\.bitPattern) == alone)
    }
  }
}
