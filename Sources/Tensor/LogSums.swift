import Foundation

/// Sums of powers along each row, or each column, of a matrix of logits that is seen part by part: of pairs that belong
/// together and of the others, each less the largest logit that was seen.
package struct LogSums {
  /// The largest logit of each line.
  private var largest: [Float]
  /// Pairs that belong together.
  private var members: [Int32]
  /// What they add to the sum of e^(logit - largest).
  private var own: [Double]
  /// What the others add to it.
  private var others: [Double]
  /// The sum of the logits of pairs that belong together.
  private var ownLogits: [Double]

  /// No pairs yet.
  package init(count: Int) {
    largest = Array(repeating: -.infinity, count: count)
    members = Array(repeating: 0, count: count)
    own = Array(repeating: 0, count: count)
    others = Array(repeating: 0, count: count)
    ownLogits = Array(repeating: 0, count: count)
  }

  /// A NaN is the largest.
  static func larger(_ a: Float, _ b: Float) -> Float { b > a || b.isNaN ? b : a }

  /// Takes a larger logit for the one that others are less of.
  static func raise(_ largest: inout Float, to new: Float, _ others: inout Double) {
    if new == largest { return }
    if others != 0 { others *= exp(Double(largest) - Double(new)) }
    largest = new
  }

  /// Counts a pair that belongs together.
  mutating func add(_ logit: Float, to line: Int) {
    members[line] += 1
    LogSums.raise(&largest[line], to: LogSums.larger(largest[line], logit), &others[line])
  }

  /// Calls `body` with the largest logits and the sums of the others, from a line on.
  mutating func withPointers(
    from line: Int, _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Double>) -> Void
  ) {
    largest.withUnsafeMutableBufferPointer { largest in
      others.withUnsafeMutableBufferPointer { others in
        body(largest.baseAddress! + line, others.baseAddress! + line)
      }
    }
  }

  /// What to subtract from logits.
  func shift(_ line: Int) -> Float { largest[line] == -.infinity ? 0 : largest[line] }

  private func power(_ logit: Float, _ line: Int) -> Double { exp(Double(logit) - Double(largest[line])) }

  /// Adds the power of a pair that was counted, once the largest logit of its line is known.
  mutating func takeOwn(_ logit: Float, of line: Int) {
    own[line] += power(logit, line)
    ownLogits[line] += Double(logit)
  }

  /// The probability of a pair less its target, 1 / `members`: the first two terms cancel if it is the only one.
  func slope(_ logit: Float, _ line: Int) -> Double {
    let count = Double(members[line])
    return (count * power(logit, line) - own[line] - others[line]) / (count * (own[line] + others[line]))
  }

  /// `weight` over the sum, 0 for a line without pairs, which has no loss.
  func factor(_ weight: Double, _ line: Int) -> Float {
    members[line] == 0 ? 0 : Float(weight / (own[line] + others[line]))
  }

  // MARK: Sums of parts

  /// Adds the sums of other parts of the same lines.
  package mutating func add(_ other: LogSums) {
    for line in largest.indices {
      let most = LogSums.larger(largest[line], other.largest[line])
      // Of nothing but excluded pairs.
      if most != -.infinity {
        let scale = exp(Double(largest[line]) - Double(most))
        let otherScale = exp(Double(other.largest[line]) - Double(most))
        own[line] = own[line] * scale + other.own[line] * otherScale
        others[line] = others[line] * scale + other.others[line] * otherScale
      }
      largest[line] = most
      members[line] += other.members[line]
      ownLogits[line] += other.ownLogits[line]
    }
  }

  /// The loss of all lines, once all of their parts were added: with one pair that is the largest, `own` is 1.
  package var loss: Double {
    members.indices.reduce(0) { sum, line in
      if members[line] == 0 { return sum }
      return sum + (Double(largest[line]) - ownLogits[line] / Double(members[line]))
        + log1p((own[line] - 1) + others[line])
    }
  }

  /// Numbers of a line in a ``NumberBuffer``.
  package static let numbersPerLine = 8

  /// Writes the lines into numbers that have room for them, bit by bit.
  package func write(to buffer: NumberBuffer, line first: Int) {
    for line in largest.indices {
      let place = (first + line) * LogSums.numbersPerLine
      let bytes = buffer.bytes(place..<place + LogSums.numbersPerLine)
      bytes.storeBytes(of: largest[line], as: Float.self)
      bytes.storeBytes(of: members[line], toByteOffset: 4, as: Int32.self)
      for (index, number) in [own[line], others[line], ownLogits[line]].enumerated() {
        bytes.storeBytes(of: number, toByteOffset: 8 + 8 * index, as: Double.self)
      }
    }
  }

  /// Lines that were written.
  package init(_ buffer: NumberBuffer, lines: Range<Int>) {
    self.init(count: lines.count)
    for (line, place) in lines.enumerated() {
      let first = place * LogSums.numbersPerLine
      let bytes = buffer.bytes(first..<first + LogSums.numbersPerLine)
      largest[line] = bytes.load(as: Float.self)
      members[line] = bytes.load(fromByteOffset: 4, as: Int32.self)
      own[line] = bytes.load(fromByteOffset: 8, as: Double.self)
      others[line] = bytes.load(fromByteOffset: 16, as: Double.self)
      ownLogits[line] = bytes.load(fromByteOffset: 24, as: Double.self)
    }
  }
}
