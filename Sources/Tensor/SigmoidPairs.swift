import Foundation
import Kernels

/// The sigmoid loss and its gradients in one pass over the pairs.
struct SigmoidPairs {
  private let tiles: PairTiles
  private let scale, bias: Float
  private let labels: PairLabels
  private let negatives: NegativeSelection
  private let divisor: Int
  /// Positive pairs that are computed one by one, where the kernel does not tell them from others.
  private let separate: PairLists?

  init(
    _ tiles: PairTiles, scale: Float, bias: Float, labels: PairLabels, negatives: NegativeSelection,
    divisor: Int
  ) {
    self.tiles = tiles
    (self.scale, self.bias, self.labels) = (scale, bias, labels)
    (self.negatives, self.divisor) = (negatives, divisor)
    let isKnownToKernel =
      switch labels.positives {
      case .diagonal, .classes: labels.excluded == nil && negatives.isAll
      case .lists: false
      }
    separate =
      isKnownToKernel
      ? nil : labels.positivePairs(images: tiles.images.shape[0], texts: tiles.texts.shape[0])
  }

  /// Sums of the losses, of the gradients of the logits, and of those times the dot products.
  private struct Sums {
    var loss = 0.0
    var logit = 0.0
    var product = 0.0

    /// Calls `body` with the three.
    mutating func withPointer(_ body: (UnsafeMutablePointer<Double>) -> Void) {
      withUnsafeMutableBytes(of: &self) { body($0.assumingMemoryBound(to: Double.self).baseAddress!) }
    }

    static func += (a: inout Sums, b: Sums) {
      a.loss += b.loss
      a.logit += b.logit
      a.product += b.product
    }
  }

  func loss(_ wanted: PairwiseLoss.Wanted) -> PairwiseLoss {
    let ofImages = wanted.images ? Tensor(uninitialized: tiles.images.shape) : nil
    let ofTexts = wanted.texts ? Tensor(uninitialized: tiles.texts.shape) : nil
    var total = Sums()
    tiles.withMemory { tile in
      for rows in tiles.rows {
        var sums = [Sums](repeating: Sums(), count: rows.count)
        for columns in tiles.columns {
          tiles.multiply(rows, columns, to: tile)
          replaceByGradients(tile, rows, columns, adding: &sums)
          tiles.addGradients(rows, columns, tile, factor: scale, images: ofImages, texts: ofTexts)
        }
        // Row by row, so that the sums do not depend on how rows are shared among threads.
        for sum in sums { total += sum }
      }
    }
    return PairwiseLoss(
      value: Tensor(Float(total.loss / Double(divisor))), images: ofImages, texts: ofTexts,
      logScale: Float(total.product * Double(scale)), bias: Float(total.logit))
  }

  /// Turns a tile of dot products into the gradients of its logits.
  private func replaceByGradients(
    _ tile: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>, adding sums: inout [Sums]
  ) {
    let width = columns.count
    let kernel = Kernels.table.loss.sigmoidPairs
    let factor = 1 / Float(divisor)
    withLabels { isDiagonal, imageClasses, textClasses in
      sums.withUnsafeMutableBufferPointer { sums in
        let sums = sums.baseAddress!
        ThreadPool.parallelRanges(count: rows.count, grain: 16_384 / width + 1) { range in
          var keys: [UInt64] = []
          for row in range {
            let image = rows.lowerBound + row
            let line = UnsafeMutableBufferPointer(start: tile + row * width, count: width)
            withoutSeparatePairs(of: image, columns, line, &sums[row], factor) { sum in
              negatives.apply(to: line, image: image, &keys)
              sum.withPointer {
                kernel(
                  line.baseAddress!, width, scale, bias, isDiagonal ? image - columns.lowerBound : .min,
                  imageClasses.map { $0 + image }, textClasses.map { $0 + columns.lowerBound }, factor, $0, 1,
                  width)
              }
            }
          }
        }
      }
    }
  }

  /// Calls `body` while a row's positives, and pairs that are left out, are absent; then adds the positives.
  private func withoutSeparatePairs(
    of image: Int, _ columns: Range<Int>, _ line: UnsafeMutableBufferPointer<Float>, _ sum: inout Sums,
    _ factor: Float, _ body: (inout Sums) -> Void
  ) {
    guard let separate else { return body(&sum) }
    let first = columns.lowerBound
    let pairs = separate.pairs(of: image, in: columns)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: pairs.count) { products in
      for (index, pair) in pairs.enumerated() {
        let column = separate.text(of: pair) - first
        products[index] = line[column]
        line[column] = PairwiseLoss.absent
      }
      labels.excluded?.forEach(images: image..<image + 1, texts: columns) { _, text, _ in
        line[text - first] = PairwiseLoss.absent
      }
      body(&sum)
      for (index, pair) in pairs.enumerated() {
        line[separate.text(of: pair) - first] = addPositive(products[index], to: &sum, factor: factor)
      }
    }
  }

  /// - Returns: The gradient of the logit.
  private func addPositive(_ product: Float, to sums: inout Sums, factor: Float) -> Float {
    let logit = Double(scale) * Double(product) + Double(bias)
    let e = exp(-abs(logit))
    let gradient = -(logit >= 0 ? e : 1) / (1 + e) * Double(factor)
    sums += Sums(
      loss: Swift.max(-logit, 0) + log1p(e), logit: gradient, product: gradient * Double(product))
    return Float(gradient)
  }

  /// Calls `body` with the positives that the kernel tells from others.
  private func withLabels(
    _ body: (_ isDiagonal: Bool, _ images: UnsafePointer<Int32>?, _ texts: UnsafePointer<Int32>?) -> Void
  ) {
    switch labels.positives {
    case _ where separate != nil: body(false, nil, nil)
    case .classes(let images, let texts):
      images.values.withUnsafeBufferPointer { images in
        texts.values.withUnsafeBufferPointer { texts in body(false, images.baseAddress, texts.baseAddress) }
      }
    case .diagonal, .lists: body(true, nil, nil)
    }
  }
}

/// 1 for the pairs that the sigmoid loss is made of, else 0: `[n, m]`.
package func sigmoidPairWeights(
  images: Tensor, texts: Tensor, labels: PairLabels, negatives: NegativeSelection
) -> Tensor {
  let (n, m) = (images.shape[0], texts.shape[0])
  var weights = images.matmul(texts.transpose())
  let positives = labels.positivePairs(images: n, texts: m)
  var keys: [UInt64] = []
  weights.withUnsafeMutableScalars { products in
    for image in 0..<n {
      let line = UnsafeMutableBufferPointer(rebasing: products[image * m..<(image + 1) * m])
      func places(_ lists: PairLists) -> [Int] { lists.pairs(of: image, in: 0..<m).map(lists.text) }
      let own = places(positives)
      for column in own + (labels.excluded.map(places) ?? []) { line[column] = PairwiseLoss.absent }
      negatives.apply(to: line, image: image, &keys)
      for column in 0..<m { line[column] = line[column] == PairwiseLoss.absent ? 0 : 1 }
      for column in own { line[column] = 1 }
    }
  }
  return weights
}
