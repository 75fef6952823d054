import Foundation

extension Random {
  /// Classes drawn with the probabilities `softmax(logits)`, one for each row.
  ///
  /// Powers are added up in double precision and 53 random bits pick a class, so that a class of probability 0 (a logit of
  /// -infinity) is never drawn. A row without any class, or with NaN or infinity, stops the program.
  ///
  /// - Parameters:
  ///   - logits: Logarithms of probabilities, up to a constant a row.
  ///   - axis: The axis of the classes, which is dropped.
  public mutating func categorical(logits: Tensor, axis: Int = -1) -> IndexTensor {
    let drawn = categorical(logits: logits, count: 1, axis: axis)
    return drawn.reshape(drawn.shape.dropLast())
  }

  /// `count` classes for each row, with replacement, along a new last axis; see ``categorical(logits:axis:)``.
  public mutating func categorical(logits: Tensor, count: Int, axis: Int = -1) -> IndexTensor {
    if count < 0 { programmerError("categorical: a count of \(count)") }
    let axis = logits.shape.axis(axis, of: "categorical")
    let rows = logits.movedLast([axis])
    let (outer, classes) = (rows.shape.dropLast(), logits.shape[axis])
    var drawn: [Int32] = []
    rows.withUnsafeScalars { x in
      for row in 0..<outer.elementCount {
        draw(count, UnsafeBufferPointer(rebasing: x[row * classes..<(row + 1) * classes]), into: &drawn)
      }
    }
    return IndexTensor(drawn, shape: outer + [count])
  }

  private mutating func draw(
    _ count: Int, _ logits: UnsafeBufferPointer<Float>, into drawn: inout [Int32]
  ) {
    let largest = Double(logits.max() ?? -.infinity)
    let powers = logits.map { Foundation.exp(Double($0) - largest) }
    let total = powers.reduce(0, +)
    if !(total > 0) {
      programmerError("categorical: none of the logits \(Array(logits.prefix(8))) of a row can be drawn")
    }
    for _ in 0..<count {
      var rest = total * Double(nextUInt64() >> 11) * 0x1p-53
      var picked: Int32 = 0
      for (index, power) in powers.enumerated() where power > 0 {
        picked = Int32(index)
        rest -= power
        if rest < 0 { break }
      }
      drawn.append(picked)
    }
  }
}
