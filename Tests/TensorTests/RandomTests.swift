import Foundation
import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct RandomTests {
  /// Known answers that accompany the paper (Random123, kat_vectors: philox4x32, 10 rounds).
  @Test func knownAnswers() {
    let vectors: [(Random.Words, (UInt32, UInt32), Random.Words)] = [
      ((0, 0, 0, 0), (0, 0), (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)),
      (
        (0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff), (0xffff_ffff, 0xffff_ffff),
        (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
      ),
      (
        (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), (0xa409_3822, 0x299f_31d0),
        (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
      ),
    ]
    for (counter, key, expected) in vectors { #expect(Random.philox(counter, key: key) == expected) }
    var random = Random(seed: 0)
    #expect(random.nextUInt64() == 0x6627_e8d5_e169_c58d)
  }

  static let makers: [(String, @Sendable (inout Random, Shape) -> Tensor)] = [
    ("uniform", { $0.uniform($1) }), ("normal", { $0.normal($1) }),
    ("bernoulli", { $0.bernoulli($1, probability: 0.3) }),
    ("truncated", { $0.truncatedNormal($1) }),
  ]

  @Test func sameForAnyNumberOfThreads() {
    for (name, make) in Self.makers {
      func numbers() -> Tensor {
        var random = Random(seed: 42)
        return make(&random, [200, 251])
      }
      #expect(ThreadPool.withThreadCount(1, numbers) == ThreadPool.withThreadCount(2, numbers), "\(name)")
    }
  }

  @Test func seedsCopiesAndSplits() {
    for (name, make) in Self.makers {
      var random = Random(seed: 1)
      var copy = random
      let first = make(&random, [101])
      #expect(make(&copy, [101]) == first, "\(name)")
      #expect(make(&random, [101]) != first, "\(name) continues")
      var other = Random(seed: 2)
      #expect(make(&other, [101]) != first, "\(name) depends on the seed")
      var high = Random(seed: 1 | 1 << 32)
      #expect(make(&high, [101]) != first, "\(name) depends on the upper half of the seed")
      var part = copy.split()
      #expect(make(&part, [101]) != make(&copy, [101]), "\(name) after a split")
      #expect(make(&copy, []).rank == 0)
      #expect(make(&copy, [0]).count == 0)
    }
  }

  private func moments(_ x: Tensor) -> (mean: Double, deviation: Double, skew: Double, kurtosis: Double) {
    let values = x.scalars.map(Double.init)
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    func central(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1 - mean, power) } / count }
    let deviation = central(2).squareRoot()
    return (mean, deviation, central(3) / pow(deviation, 3), central(4) / pow(deviation, 4))
  }

  private let count = 40_000

  @Test func uniformNumbers() {
    var random = Random(seed: 3)
    let x = random.uniform([count], in: -1..<3)
    let (mean, deviation, skew, kurtosis) = moments(x)
    #expect((mean - 1).magnitude < 0.03)
    #expect((deviation - 4 / 12.0.squareRoot()).magnitude < 0.02)
    #expect(skew.magnitude < 0.05 && (kurtosis - 1.8).magnitude < 0.05)
    #expect(x.min().item() >= -1 && x.max().item() < 3)
    #expect(random.uniform([1000], in: 1..<1.0000001).max().item() < 1.0000001)
  }

  @Test func normalNumbers() {
    var random = Random(seed: 3)
    let (mean, deviation, skew, kurtosis) = moments(random.normal([count], mean: 2, standardDeviation: 3))
    #expect((mean - 2).magnitude < 0.06)
    #expect((deviation - 3).magnitude < 0.05)
    #expect(skew.magnitude < 0.06 && (kurtosis - 3).magnitude < 0.15)
  }

  @Test func truncatedNormalNumbers() {
    var random = Random(seed: 3)
    let x = random.truncatedNormal([count], mean: 1, standardDeviation: 2)
    let (mean, deviation, skew, kurtosis) = moments(x)
    // A standard normal cut at two deviations: deviation 0.87962566, kurtosis 2.3655.
    #expect((mean - 1).magnitude < 0.04)
    #expect((deviation - 2 * 0.879_625_66).magnitude < 0.03)
    #expect(skew.magnitude < 0.06 && (kurtosis - 2.3655).magnitude < 0.06)
    #expect(x.min().item() >= -3 && x.max().item() <= 5)
    let tail = random.truncatedNormal([1000], bounds: 2...3)
    #expect(tail.min().item() >= 2 && tail.max().item() <= 3)
  }

  @Test func classes() {
    var random = Random(seed: 3)
    let logits = Tensor([0, -.infinity, 1, Float(log(3.0))]).expand(to: [2, 4])
    let drawn = random.categorical(logits: logits, count: 20_000)
    #expect(drawn.shape == [2, 20_000])
    let sum = 1 + exp(Float(1)) + 3
    for (index, expected) in [1 / sum, 0, exp(Float(1)) / sum, 3 / sum].enumerated() {
      let share = (drawn .== index).mean(axis: 1)
      #expect(
        share.isApproximatelyEqual(to: Tensor.full([2], expected), absolute: 0.012), "\(index): \(share)")
    }
    #expect((drawn .== 1).sum().item() == 0)
    #expect(random.categorical(logits: Tensor.eye(5) * 1000).values == [0, 1, 2, 3, 4])
    let columns = Tensor([[0, 90, 0], [90, 0, 90]])
    #expect(random.categorical(logits: columns, axis: 0) == IndexTensor([1, 0, 1]))
    #expect(random.categorical(logits: .zeros([0, 3])).shape == [0])
    #expect(random.categorical(logits: .zeros([2, 3, 4]), count: 5, axis: 1).shape == [2, 4, 5])
    var (first, again) = (Random(seed: 9), Random(seed: 9))
    #expect(first.categorical(logits: logits, count: 50) == again.categorical(logits: logits, count: 50))
  }

  @Test func coinsAndOrders() {
    var random = Random(seed: 3)
    let coins = random.bernoulli([count], probability: 0.3)
    #expect((coins.mean().item() - 0.3).magnitude < 0.01)
    #expect(Set(coins.scalars) == [0, 1])
    #expect(random.bernoulli([100], probability: 0).sum().item() == 0)
    #expect(random.bernoulli([100], probability: 1).sum().item() == 100)
    let order = random.permutation(1000)
    #expect(order.sorted() == Array(0..<1000) && order != Array(0..<1000))
    #expect(random.permutation(0) == [])
    let draws = (0..<6000).map { _ in random.nextInt(below: 6) }
    for face in 0..<6 { #expect((draws.count { $0 == face } - 1000).magnitude < 150) }
  }

  /// As of the first version: what a seed gives never changes.
  @Test func wholeNumbersAndOrdersOfASeed() {
    var random = Random(seed: 42)
    #expect((0..<8).map { _ in random.nextInt(below: 10) } == [6, 9, 8, 7, 3, 3, 2, 3])
    #expect(
      (0..<2).map { _ in random.nextInt(below: .max) } == [
        5_054_491_572_065_977_828, 2_456_595_056_484_236_623,
      ])
    _ = random.nextUInt64()
    #expect(random.permutation(10) == [3, 4, 0, 1, 8, 9, 6, 5, 2, 7])
  }

  @Test func everyBoundIsKept() {
    var random = Random(seed: 5)
    for bound in [1, 2, 3, 7, 1 << 32, .max - 1, .max] {
      for _ in 0..<100 { #expect((0..<bound).contains(random.nextInt(below: bound))) }
    }
    // Two thirds of all 64-bit numbers: a modulus would give the first half of them twice as often.
    let bound = Int.max / 3 * 2
    let low = (0..<6000).count { _ in random.nextInt(below: bound) < bound / 2 }
    #expect((low - 3000).magnitude < 200)
  }

  @Test func aSavedGeneratorGoesOn() throws {
    for seed in [0, 1, 0x0123_4567_89AB_CDEF, UInt64.max] {
      var random = Random(seed: seed)
      _ = random.normal([1001])
      var read = try JSONDecoder().decode(Random.self, from: JSONEncoder().encode(random))
      #expect(read == random)
      var restored = try #require(Random(state: random.state))
      let next = random.uniform([100])
      #expect(read.uniform([100]) == next && restored.uniform([100]) == next)
      #expect(read == random && restored == random)
      var part = restored.split()
      #expect(part != restored && part.nextUInt64() != restored.nextUInt64())
    }
  }

  @Test func damagedGeneratorsAreRefused() throws {
    func message(_ json: String) -> String {
      do {
        return "\(try JSONDecoder().decode(Random.self, from: Data(json.utf8)))"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message(#"{"seed": 1, "counter": 18446744073709551615}"#).contains(
        "found a counter of 18446744073709551615, expected at most 2^62"))
    for json in [
      "{}", #"{"seed": 1}"#, #"{"seed": -1, "counter": 0}"#, #"{"seed": "1", "counter": 0}"#, "[]",
    ] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Random.self, from: Data(json.utf8)) }
    }
    let state = Random(seed: 7).state
    #expect(state.shape == [16] && state.scalars[0] == 7)
    for value in [-1, 0.5, 256, .nan, .infinity] as [Float] {
      var damaged = state.scalars
      damaged[3] = value
      #expect(Random(state: Tensor(damaged)) == nil, "\(value)")
    }
    var late = state.scalars
    late[15] = 0x40
    #expect(Random(state: Tensor(late))?.state == Tensor(late))
    late[8] = 1
    #expect(Random(state: Tensor(late)) == nil)
    #expect(Random(state: .zeros([15])) == nil && Random(state: .zeros([4, 4])) == nil)
  }
}
