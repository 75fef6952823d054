import Foundation
import NN
import Training

/// What a training would be, found out without making a step.
public struct DryRun {
  /// The model's parameters.
  public let model: String
  /// Pairs, passes and steps.
  public let course: String
  /// Bytes of memory that the run needs at most, as far as can be told.
  public let memoryBytes: Int
  /// The samples that cannot be opened.
  public let damaged: [DamagedSample]
  /// A page with the first batch.
  public let page: String

  /// All of it as lines.
  public var lines: String {
    var lines = [model, course, "memory: \(SystemMemory.words(memoryBytes)) at most, estimated"]
    if !damaged.isEmpty {
      lines.append(
        "\(damaged.count) damaged samples: "
          + damaged.prefix(10).map { "\($0.key.oneLine(limit: 100)) (\($0.problem))" }.joined(separator: ", ")
      )
    }
    return lines.joined(separator: "\n")
  }
}

extension SigLIPTraining {
  /// Opens every sample, makes the first batch, and measures small steps.
  ///
  /// - Throws: ``TooManyDamagedSamples``, ``Interrupted``, ``FileError``.
  public func dryRun() throws -> DryRun { try Compute.withMatmulPrecision(precision, makeDryRun) }

  private func makeDryRun() throws -> DryRun {
    let reader = TolerantReader(data.source, maximumShare: configuration.loader.maximumDamagedShare)
    try open(data, reader)
    let features = try lockedFeatures()
    let trained = try trainedModel(features)
    let maker = batchMaker(reader, features)
    let samples = order.batch(at: DataPosition())
    let pictures = try maker.pictures(samples.prefix(64))
    let (sizes, total) = (parts.configuration, order.batchesPerEpoch)
    let passes = String(format: "%.2f", Double(configuration.steps) / Double(total))
    let text = "\(sizes.text.contextLength) tokens of \(sizes.text.vocabularySize)"
    return DryRun(
      model: trained.summary(),
      course: """
        data: \(data.source.count) samples, \(data.imageCount) images; \(text)
        steps: \(configuration.steps) of \(configuration.batchSize) pairs, \(total) a pass, \(passes) passes
        """,
      memoryBytes: try memory(trained, maker, features), damaged: reader.damaged,
      page: DryRun.page(pictures, title: "First batch of \(configuration.output)"))
  }

  /// Opens every image once, without decoding it.
  private func open(_ data: OpenedData, _ reader: TolerantReader) throws {
    let progress = Progress("opening samples", total: data.source.count, unit: "samples")
    for index in 0..<data.source.count {
      try Interruption.check("stopped: nothing was written")
      _ = try reader.read(index) { index in
        _ = try data.source.captions(at: index)
        _ = try data.source.image(at: index)
      }
      progress.advance()
    }
  }

  /// Steps of a quarter and a half of the pairs that towers see at a time are measured, and led on in a straight line.
  private func memory(
    _ model: SigLIP, _ maker: PairBatchMaker, _ features: LockedFeatures?
  ) throws -> Int {
    let pool = MemoryPool.shared
    let stepper = StepLoss(model: model, configuration: configuration, features: features)
    // It freezes what is locked.
    _ = configuration.optimizer.optimizer(
      of: model, schedule: configuration.schedule.schedule(of: configuration.steps),
      groups: try configuration.parameterGroups(of: model, parts.configuration))
    model.train()
    let atATime = min(configuration.microbatchSize ?? configuration.batchSize, configuration.batchSize)
    let sizes = atATime <= 4 ? [atATime, atATime] : [atATime / 4, atATime / 2]
    // As a run does before its steps. What is left outside are code and samples' tables.
    pool.releaseUnused()
    let outside = max(SystemMemory.current - pool.usedBytes, 0)
    let steps = try sizes.map { size in
      let batch = try maker(order.batch(at: DataPosition()).prefix(size))
      pool.resetPeak()
      let loss = stepper(batch)
      let forward = pool.usedBytes
      return withExtendedLifetime(loss.backward()) { (forward: forward, peak: pool.peakBytes) }
    }
    func line(_ first: Int, _ second: Int) -> Int {
      second + (sizes[1] > sizes[0] ? (second - first) * (atATime - sizes[1]) / (sizes[1] - sizes[0]) : 0)
    }
    // Few pairs need the most when all gradients are there, many when all activations are.
    let step = max(line(steps[0].peak, steps[1].peak), line(steps[0].forward, steps[1].forward))
    let parameters = model.namedParameters().map(\.parameter)
    func count(_ some: [Parameter]) -> Int { some.reduce(0) { $0 + $1.shape.elementCount } }
    let trained = count(parameters.filter { !$0.isFrozen })
    let state = 4 * Int(configuration.optimizer.statesPerParameter * Double(trained))
    let average = configuration.average == nil ? 0 : 4 * count(parameters)
    let side = parts.configuration.vision.imageSize
    let pixels = features == nil ? 4 * 3 * side * side * configuration.batchSize : 0
    let ahead = configuration.loader.ahead ?? max(2 * configuration.loader.workers, 1)
    let embeddings = 4 * 4 * parts.configuration.embeddingWidth * configuration.batchSize
    return outside + step + state + average + (ahead + 1) * pixels + embeddings
  }
}

extension DryRun {
  fileprivate static func page(
    _ pictures: [(image: RGBImage, caption: String, key: String)], title: String
  ) -> String {
    let cards = pictures.map { picture in
      "<figure><img src=\"\(picture.image.dataURI)\" alt=\"\"><figcaption>\(escapedForHTML(picture.caption))"
        + "<br><small>\(escapedForHTML(picture.key))</small></figcaption></figure>"
    }
    return htmlPage(
      title: title,
      style: """
        :root { color-scheme: light dark } body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem }
        main { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem }
        figure { margin: 0 } img { max-width: 100%; min-width: 6rem; image-rendering: auto; border-radius: .4rem }
        figcaption { overflow-wrap: anywhere } small { opacity: .6 }
        """,
      body: "<h1>\(escapedForHTML(title))</h1>\n<main>\n\(cards.joined(separator: "\n"))\n</main>")
  }
}
