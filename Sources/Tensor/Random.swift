import Foundation
import Kernels

/// A counter-based generator of random numbers (Philox 4x32-10; Salmon et al., SC 2011).
///
/// The n-th number depends on the seed and n alone, so tensors are filled by several threads and are still the same for
/// any number of them. A value type: a copy continues with the same numbers.
public struct Random: Sendable {
  private var key: (UInt32, UInt32)
  private(set) var counter: UInt64 = 0
  private var makesPlaceholders = false

  /// A generator whose numbers depend on `seed` alone.
  public init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// A generator that goes on where another one of this seed has come to; `counter` is at most ``largestCounter``.
  init(seed: UInt64, counter: UInt64) {
    self.init(seed: seed)
    self.counter = counter
  }

  /// A generator for one of many things, such as a sample in a pass over data: its numbers are independent of those for
  /// other things and of those of `Random(seed: seed)`.
  package init(seed: UInt64, stream: UInt64, of thing: UInt64) {
    let key = Random(seed: seed).key
    let one = Random.philox(
      (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32), 1, 0), key: key)
    let two = Random.philox(
      (UInt32(truncatingIfNeeded: thing), UInt32(truncatingIfNeeded: thing >> 32), 1, 0), key: (one.0, one.1))
    self.init(seed: UInt64(two.1) << 32 | UInt64(two.0))
  }

  /// What the generator was made with.
  var seed: UInt64 { UInt64(key.1) << 32 | UInt64(key.0) }

  /// A generator whose tensors are one zero repeated and take no memory, for models that are about to be loaded.
  package static var placeholders: Random {
    var random = Random(seed: 0)
    random.makesPlaceholders = true
    return random
  }

  /// A generator whose numbers are independent of this one's.
  public mutating func split() -> Random {
    var part = Random(seed: nextUInt64())
    part.makesPlaceholders = makesPlaceholders
    return part
  }

  /// The generator that a copy would give by ``split()`` after `number` others.
  func part(_ number: Int) -> Random {
    var random = self
    random.counter += UInt64(number)
    return random.split()
  }

  /// The same generator, but one whose tensors are filled, for what is drawn after a model was loaded.
  package var withoutPlaceholders: Random {
    var random = self
    random.makesPlaceholders = false
    return random
  }

  /// 64 random bits.
  public mutating func nextUInt64() -> UInt64 {
    let block = Random.block(key: key, counter: counter)
    counter += 1
    return UInt64(block.0) << 32 | UInt64(block.1)
  }

  /// Four numbers of 32 random bits, by position.
  private static func block(key: (UInt32, UInt32), counter: UInt64) -> Words {
    philox((UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), 0, 0), key: key)
  }

  package typealias Words = (UInt32, UInt32, UInt32, UInt32)

  /// The function behind all numbers: a bijection of 128 bits, mixed by ten rounds with the key.
  package static func philox(_ counter: Words, key: (UInt32, UInt32)) -> Words {
    var x = counter
    var key = key
    for _ in 0..<10 {
      let a = UInt64(x.0) &* 0xD251_1F53
      let b = UInt64(x.2) &* 0xCD9E_8D57
      x = (
        UInt32(truncatingIfNeeded: b >> 32) ^ x.1 ^ key.0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ x.3 ^ key.1, UInt32(truncatingIfNeeded: a)
      )
      key.0 &+= 0x9E37_79B9
      key.1 &+= 0xBB67_AE85
    }
    return x
  }

  /// A tensor whose elements are made from four random numbers at a time: those behind the first `skipped` of a longer one.
  private mutating func fill(
    _ shape: Shape, skipping skipped: Int = 0,
    _ transform: (Words) -> (Float, Float, Float, Float)
  ) -> Tensor {
    if makesPlaceholders { return Tensor(0).expand(to: shape) }
    let result = Tensor(uninitialized: shape)
    let (key, start, count, out) = (key, counter, result.count, result.pointer)
    let blocks = skipped / 4..<(skipped + count + 3) / 4
    ThreadPool.parallelRanges(count: blocks.count, grain: 4096) { range in
      for i in range {
        let block = blocks.lowerBound + i
        let values = transform(Random.block(key: key, counter: start + UInt64(block)))
        let first = 4 * block - skipped
        if first >= 0 { out[first] = values.0 }
        if first + 1 >= 0 && first + 1 < count { out[first + 1] = values.1 }
        if first + 2 >= 0 && first + 2 < count { out[first + 2] = values.2 }
        if first + 3 < count { out[first + 3] = values.3 }
      }
    }
    counter += UInt64(blocks.upperBound)
    return result
  }

  /// A number in [0, 1) from the upper 24 bits.
  private static func unit(_ bits: UInt32) -> Float { Float(bits >> 8) * 0x1p-24 }

  /// Numbers evenly distributed over `range`.
  public mutating func uniform(_ shape: Shape, in range: Range<Float> = 0..<1) -> Tensor {
    let (low, width) = (range.lowerBound, range.upperBound - range.lowerBound)
    func scaled(_ bits: UInt32) -> Float {
      Swift.min(low + width * Random.unit(bits), range.upperBound.nextDown)
    }
    return fill(shape) { (scaled($0.0), scaled($0.1), scaled($0.2), scaled($0.3)) }
  }

  /// Numbers in [0, 1): those behind the first `skipped` elements of a longer tensor.
  package mutating func uniform(_ shape: Shape, skipping skipped: Int) -> Tensor {
    fill(shape, skipping: skipped) {
      (Random.unit($0.0), Random.unit($0.1), Random.unit($0.2), Random.unit($0.3))
    }
  }

  /// Normally distributed numbers (Box-Muller).
  public mutating func normal(_ shape: Shape, mean: Float = 0, standardDeviation: Float = 1) -> Tensor {
    func pair(_ a: UInt32, _ b: UInt32) -> (Float, Float) {
      let radius = standardDeviation * Float(Foundation.sqrt(-2 * Foundation.log(Double(1 - Random.unit(a)))))
      let angle = 2 * Double.pi * Double(Random.unit(b))
      return (mean + radius * Float(Foundation.cos(angle)), mean + radius * Float(Foundation.sin(angle)))
    }
    return fill(shape) {
      let (a, b) = (pair($0.0, $0.1), pair($0.2, $0.3))
      return (a.0, a.1, b.0, b.1)
    }
  }

  /// Normally distributed numbers within `bounds` standard deviations of the mean, by inversion of the distribution
  /// function; the standard deviation is that of the untruncated distribution.
  public mutating func truncatedNormal(
    _ shape: Shape, mean: Float = 0, standardDeviation: Float = 1, bounds: ClosedRange<Float> = -2...2
  ) -> Tensor {
    func cumulative(_ x: Float) -> Double { 0.5 * erfc(-Double(x) * 0.5.squareRoot()) }
    let (low, high) = (cumulative(bounds.lowerBound), cumulative(bounds.upperBound))
    func value(_ bits: UInt32) -> Float {
      let p = low + (high - low) * (Double(bits) + 0.5) * 0x1p-32
      let z = Float(Random.normalQuantile(p))
      return mean + standardDeviation * Swift.min(Swift.max(z, bounds.lowerBound), bounds.upperBound)
    }
    return fill(shape) { (value($0.0), value($0.1), value($0.2), value($0.3)) }
  }

  /// The number below which a standard normal variable falls with probability `p`: a rational first guess (Abramowitz &
  /// Stegun 26.2.23) refined by Newton's method.
  private static func normalQuantile(_ p: Double) -> Double {
    let tail = Foundation.sqrt(-2 * Foundation.log(Swift.min(p, 1 - p)))
    let numerator = 2.515517 + tail * (0.802853 + tail * 0.010328)
    let denominator = 1 + tail * (1.432788 + tail * (0.189269 + tail * 0.001308))
    var x = tail - numerator / denominator
    if p < 0.5 { x = -x }
    for _ in 0..<2 {
      let error = 0.5 * erfc(-x * 0.5.squareRoot()) - p
      x -= error * Foundation.sqrt(2 * Double.pi) * Foundation.exp(x * x / 2)
    }
    return x
  }

  /// 1 with the given probability, else 0.
  public mutating func bernoulli(_ shape: Shape, probability: Float) -> Tensor {
    bernoulli(shape, probability: probability, skipping: 0)
  }

  /// The same behind the first `skipped` elements of a longer tensor.
  package mutating func bernoulli(_ shape: Shape, probability: Float, skipping skipped: Int) -> Tensor {
    func value(_ bits: UInt32) -> Float { Random.unit(bits) < probability ? 1 : 0 }
    return fill(shape, skipping: skipped) { (value($0.0), value($0.1), value($0.2), value($0.3)) }
  }

  /// A whole number in `0..<bound`, without bias: the upper half of a product with 64 random bits, unless the lower half
  /// is one of the few that would make some numbers likelier (Lemire 2019).
  public mutating func nextInt(below bound: Int) -> Int {
    if bound <= 0 { programmerError("random: a bound of \(bound)") }
    let range = UInt64(bound)
    var product = nextUInt64().multipliedFullWidth(by: range)
    if product.low < range {
      let excess = (0 &- range) % range
      while product.low < excess { product = nextUInt64().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// The numbers `0..<count` in random order (Fisher & Yates 1938); traps on a negative count.
  public mutating func permutation(_ count: Int) -> [Int] {
    if count < 0 { programmerError("random: a permutation of \(count)") }
    var order = Array(0..<count)
    for place in order.indices.dropLast() {
      order.swapAt(place, place + nextInt(below: count - place))
    }
    return order
  }
}

/// For generic code. What the standard library makes of the bits may differ between its versions: where results must
/// not, use ``nextInt(below:)`` and ``permutation(_:)``.
extension Random: RandomNumberGenerator {
  /// 64 random bits.
  public mutating func next() -> UInt64 { nextUInt64() }
}
