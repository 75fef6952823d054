import Autograd
import Foundation
import TestSupport
import Testing

/// The softmax losses against double precision where they and their gradients are small: a part in a million of the
/// loss, not of 1.
@Suite struct SoftmaxLossTests {
  /// A matrix of rows.
  private typealias Matrix = [[Double]]

  private func rows(_ tensor: Tensor) -> Matrix {
    let (count, width) = (tensor.shape[0], tensor.shape[1])
    let values = tensor.scalars.map(Double.init)
    return (0..<count).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  private func transposed(_ matrix: Matrix) -> Matrix {
    matrix[0].indices.map { column in matrix.map { $0[column] } }
  }

  /// The loss of rows of logits and its gradient, in terms that do not cancel.
  private func crossEntropy(_ logits: Matrix, _ isPositive: (Int, Int) -> Bool) -> (
    loss: Double, gradient: Matrix
  ) {
    var loss = 0.0
    let gradient = logits.enumerated().map { row, logits -> [Double] in
      let members = logits.indices.filter { isPositive(row, $0) }
      guard let first = members.first else { return logits.map { _ in 0 } }
      let count = Double(members.count)
      let powers = logits.map { exp($0 - logits[first]) }
      let others = logits.indices.reduce(0) { isPositive(row, $1) ? $0 : $0 + powers[$1] }
      let rest = members.dropFirst().reduce(others) { $0 + powers[$1] }
      loss += log1p(rest) - members.reduce(0) { $0 + logits[$1] - logits[first] } / count
      return logits.indices.map { column in
        if !isPositive(row, column) { return powers[column] / (1 + rest) }
        let surplus = members.reduce(0) { $0 + (powers[column] - powers[$1]) } - others
        return surplus / (count * (1 + rest))
      }
    }
    let count = Double(logits.count)
    return (loss / count, gradient.map { $0.map { $0 / count } })
  }

  private func difference(_ found: Tensor?, _ expected: [Double]) -> Double {
    guard let found else { return .infinity }
    let size = expected.reduce(0) { max($0, abs($1)) }
    return zip(found.scalars, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / size
  }

  /// Pairs of unit vectors close to each other, all at right angles to the others; `repeats` pairs share one direction.
  private func embeddings(_ count: Int, repeats: Int, noise: Float, _ random: inout Random) -> Tensor {
    let classes = IndexTensor((0..<count).map { $0 / repeats })
    let vectors = Tensor.eye(count).take(classes) + random.normal([count, count], standardDeviation: noise)
    return vectors / vectors.norm(axes: [1], keepDimensions: true)
  }

  @Test(arguments: [(Float(1), 1), (8, 1), (16, 1), (16, 3), (30, 1), (75, 1)])
  func pairs(scale: Float, repeats: Int) throws {
    var random = Random(seed: 21)
    let count = 24
    let images = embeddings(count, repeats: repeats, noise: 0.01, &random)
    let texts = embeddings(count, repeats: repeats, noise: 0.01, &random)
    let leaves = [images, texts, Tensor(log(scale))].map { Variable($0, requiresGradient: true) }
    let classes = IndexTensor((0..<count).map { $0 / repeats })
    let loss = softmaxPairwiseLoss(
      images: leaves[0], texts: leaves[1], logScale: leaves[2],
      positives: repeats == 1 ? .diagonal : .classes(images: classes, texts: classes))

    // The scale as single precision knows it.
    let scale = Double(exp(log(scale)))
    let (x, y) = (rows(images), rows(texts))
    let logits = x.map { x in y.map { y in scale * zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } } }
    let along = crossEntropy(logits) { $0 / repeats == $1 / repeats }
    let across = crossEntropy(transposed(logits)) { $0 / repeats == $1 / repeats }
    let slopes = zip(along.gradient, transposed(across.gradient)).map { zip($0, $1).map { ($0 + $1) / 2 } }
    let ofImages = slopes.map { slopes in
      (0..<count).map { j in scale * (0..<count).reduce(0) { $0 + slopes[$1] * y[$1][j] } }
    }
    let ofTexts = transposed(slopes).map { slopes in
      (0..<count).map { j in scale * (0..<count).reduce(0) { $0 + slopes[$1] * x[$1][j] } }
    }
    let ofScale = zip(slopes, logits).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }

    // Logits are rounded by a part in ten million, and what is rounded there the exponential multiplies. Several pairs
    // in a row differ in their logits by a hundredth, which loses two more digits.
    let tolerance = (2e-6 + 3e-7 * scale) * (repeats == 1 ? 1 : 50)
    let expected = (along.loss + across.loss) / 2
    #expect(abs(Double(loss.item()) - expected) <= tolerance * expected, "\(loss.item()), not \(expected)")
    let found = loss.backward()
    #expect(difference(found[leaves[0]], ofImages.flatMap(\.self)) <= tolerance)
    #expect(difference(found[leaves[1]], ofTexts.flatMap(\.self)) <= tolerance)
    #expect(difference(found[leaves[2]], [ofScale]) <= tolerance)
  }

  @Test(arguments: [Float(1), 9, 20, 50])
  func crossEntropyOfGoodGuesses(margin: Float) {
    let (count, classes) = (5, 37)
    var random = Random(seed: 22)
    let labels = (0..<count).map { $0 * 9 % classes }
    let logits =
      random.uniform([count, classes], in: 0..<1)
      + margin * Tensor.eye(classes).take(IndexTensor(labels))
    let leaf = Variable(logits, requiresGradient: true)
    let loss = Autograd.crossEntropy(logits: leaf, labels: IndexTensor(labels))
    let expected = crossEntropy(rows(logits)) { labels[$0] == $1 }
    #expect(abs(Double(loss.item()) - expected.loss) <= 1e-6 * (1 + Double(margin)) * expected.loss)
    let tolerance = 1e-6 * (1 + Double(margin))
    #expect(difference(loss.backward()[leaf], expected.gradient.flatMap(\.self)) <= tolerance)
  }
}
