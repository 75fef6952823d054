import Foundation
import SigLIPModel
import Synchronization
import TestSupport
import Testing

/// Numbers as samples; those of `damaged` cannot be read.
private struct NumberSource: ImageTextSource {
  let count: Int
  var damaged: Set<Int> = []

  func key(at index: Int) -> String { "n\(index)" }

  func image(at index: Int) throws -> SampleImage {
    if damaged.contains(index) { throw FileError(.malformed, "n\(index)", "it\tis bad") }
    return .pixels(RGBImage(width: 1, height: 1, pixels: [0, 0, UInt8(truncatingIfNeeded: index)]))
  }

  func captions(at index: Int) -> [Caption] { [Caption("\(index)")] }
}

/// Several sources as one, and samples that cannot be read.
@Suite struct SourceMixtureTests {
  // MARK: Mixtures

  @Test func passesHaveTheSharesOfTheWeights() throws {
    let mixture = try SourceMixture(
      [(NumberSource(count: 50), 3), (NumberSource(count: 1000), 1)], count: 100, seed: 5)
    for epoch in 0..<4 {
      let places = (0..<100).map { mixture.place(at: mixture.index(ofPlace: $0, epoch: epoch)) }
      #expect(places.count { $0.source == 0 } == 75)
    }
  }

  @Test func sourcesAreGoneThroughBeforeASampleComesAgain() throws {
    let counts = [50, 1000, 1]
    let mixture = try SourceMixture(
      counts.map { (NumberSource(count: $0), $0 == 1 ? 0.2 : 1) }, count: 110, seed: 5)
    var seen: [[Int]] = [[], [], []]
    for index in 0..<2200 {
      let (source, sample) = mixture.place(at: index)
      seen[source].append(sample)
    }
    for (samples, count) in zip(seen, counts) {
      for pass in stride(from: 0, through: samples.count - count, by: count) {
        #expect(samples[pass..<pass + count].sorted() == Array(0..<count))
      }
    }
    let passes = [seen[0][0..<50], seen[0][50..<100]].map { Array($0) }
    #expect(passes[0] != passes[1] && passes[0] != Array(0..<50))
    #expect(seen.map(\.count) == [1000, 1000, 200])
  }

  @Test func orderDependsOnTheSeedAlone() throws {
    func keys(_ seed: UInt64) throws -> [String] {
      let mixture = try SourceMixture(
        [(NumberSource(count: 9), 1), (NumberSource(count: 20), 1)], count: 12, seed: seed)
      return (0..<40).reversed().map { mixture.key(at: $0) }
    }
    #expect(try keys(1) == keys(1))
    #expect(try keys(1) != keys(2))
    let mixture = try SourceMixture(
      [(NumberSource(count: 9), 1), (NumberSource(count: 20), 1)], seed: 1)
    for index in 0..<58 {
      let sample = try mixture.sample(at: index)
      let (source, number) = mixture.place(at: index)
      #expect(sample.key == "\(source):n\(number)" && sample.captions == [Caption("\(number)")])
      #expect(try sample.image.decoded().pixels[2] == UInt8(number))
    }
  }

  /// Sources whose passes have different samples, mixtures among them, go on with each pass.
  @Test func mixturesMix() throws {
    let inner = try SourceMixture([(NumberSource(count: 40), 1), (NumberSource(count: 6), 1)], count: 8)
    let mixture = try SourceMixture([(inner, 1), (NumberSource(count: 4), 1)], count: 8, seed: 3)
    #expect(mixture.distinctCount == 50 && inner.distinctCount == 46)
    let keys = (0..<20).flatMap { epoch in
      (0..<8).map { mixture.key(at: mixture.index(ofPlace: $0, epoch: epoch)) }
    }
    #expect(keys.count { $0.hasPrefix("0:0:") } == 40 && Set(keys).count == 50)
    // A source whose passes are alike has its samples at their places.
    let plain = NumberSource(count: 4)
    #expect(plain.index(ofPlace: 3, epoch: 7) == 3 && plain.distinctCount == 4)
  }

  @Test func mixturesOfNothingAreRefused() {
    let source = NumberSource(count: 3)
    func refusal(_ sources: [(source: any ImageTextSource, weight: Double)], count: Int? = nil)
      -> String
    {
      do {
        _ = try SourceMixture(sources, count: count)
        return "nothing thrown"
      } catch { return "\(error)" }
    }
    #expect(refusal([]) == "a mixture of no sources")
    for weight in [0, -1, .nan, .infinity] {
      #expect(
        refusal([(source, 1), (source, weight)]).hasPrefix("source 2 has weight "))
    }
    #expect(refusal([(source, 1e308), (source, 1e308)]) == "the sum of all weights is inf")
    #expect(refusal([(source, 1), (NumberSource(count: 0), 1)]) == "source 2 has no samples")
    #expect(refusal([(source, 1000), (source, 1)]) == "source 2 has no share in 6 samples a pass")
    #expect(refusal([(source, 1)], count: 0) == "a mixture of 0 samples a pass")
  }

  // MARK: Damage

  @Test func damagedSamplesAreLeftOutAndListed() throws {
    let folder = try TemporaryFolder()
    let source = NumberSource(count: 200, damaged: [7, 150])
    let reader = TolerantReader(source)
    for _ in 0..<2 {
      for index in (0..<200).reversed() {
        let sample = try reader.read(index) { try source.sample(at: $0) }
        #expect((sample == nil) == source.damaged.contains(index))
      }
    }
    #expect(reader.damaged.map(\.index) == [7, 150])
    try reader.writeDamaged(to: folder.path("damaged.tsv"))
    #expect(
      try String(contentsOf: URL(filePath: folder.path("damaged.tsv")), encoding: .utf8)
        == "index\tkey\tproblem\n7\tn7\tn7 is damaged: it\\tis bad.\n150\tn150\tn150 is damaged: it\\tis bad.\n"
    )
  }

  @Test func tooManyDamagedSamplesStopWithTheFirstTen() throws {
    let source = NumberSource(count: 1000, damaged: Set(100..<120))
    let reader = TolerantReader(source, maximumShare: 0.011)
    var message = ""
    do {
      for index in 0..<1000 { _ = try reader.read(index) { try source.image(at: $0) } }
    } catch { message = "\(error)" }
    #expect(reader.damaged.count == 12)
    #expect(
      message.hasPrefix(
        "12 of 1000 samples are damaged, expected at most 1.1%: n100 (n100 is damaged: "))
    #expect(
      message.contains("n109 (") && !message.contains("n110 (") && message.hasSuffix(" and 2 more"))
  }

  /// A small source that comes often counts with its samples, not with how often they come.
  @Test func samplesOfMixturesCountOnce() throws {
    let mixture = try SourceMixture(
      [(NumberSource(count: 2, damaged: [0]), 9), (NumberSource(count: 98, damaged: [5]), 1)], count: 20)
    let reader = TolerantReader(mixture, maximumShare: 0.02)
    for index in (0..<2000).reversed() { _ = try reader.read(index) { try mixture.image(at: $0) } }
    #expect(reader.damaged.map(\.key).sorted() == ["0:n0", "1:n5"])
    let indices = reader.damaged.map(\.index)
    #expect(indices[0] < 2 && mixture.key(at: indices[0]) == "0:n0" && indices == indices.sorted())
    let strict = TolerantReader(mixture, maximumShare: 0.019)
    let error = #expect(throws: TooManyDamagedSamples.self) {
      for index in 0..<2000 { _ = try strict.read(index) { try mixture.image(at: $0) } }
    }
    let beginning = "2 of 100 samples are damaged, expected at most 1.9%: 0:n0 ("
    #expect(error?.description.hasPrefix(beginning) == true)
  }

  @Test func whatIsNoDamageIsThrown() {
    struct Other: Error {}
    let reader = TolerantReader(NumberSource(count: 10), maximumShare: 1)
    #expect(throws: Other.self) { try reader.read(0) { _ in throw Other() } }
    #expect(reader.damaged.isEmpty)
  }

  @Test func manyThreadsCountEachSampleOnce() {
    let source = NumberSource(count: 100, damaged: Set(0..<50))
    let reader = TolerantReader(source, maximumShare: 0.5)
    let failures = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 400) { number in
      do { _ = try reader.read(number % 100) { try source.image(at: $0) } } catch {
        failures.withLock { $0 += 1 }
      }
    }
    #expect(reader.damaged.count == 50 && failures.withLock { $0 } == 0)
  }
}
