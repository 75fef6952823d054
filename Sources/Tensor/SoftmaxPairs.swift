import Foundation
import Kernels

/// The softmax loss of all pairs, and its gradients: one pass over tiles of logits for the sums of their powers along rows
/// and columns, and one for the gradients.
///
/// In every row and column the powers of pairs that belong together are summed apart from those of the others, in double
/// precision: a loss near 0 and the gradients of its pairs are made of the others' powers alone, and so as exact as
/// those.
struct SoftmaxPairs {
  private let tiles: PairTiles
  private let scale: Float
  private let positives: PairLists
  private let excluded: PairLists?
  private var rows, columns: LogSums
  /// Logits of the pairs that belong together.
  private var logits: [Float]

  /// Columns in one task of a pass over all rows.
  private static let width = 512
  /// Rows whose powers are summed in single precision.
  private static let height = 128

  /// What a row and a column weigh in the loss.
  struct Weights {
    let row, column: Double

    /// Those of all images and texts.
    init(images: Int, texts: Int) { (row, column) = (0.5 / Double(images), 0.5 / Double(texts)) }
  }

  init(_ tiles: PairTiles, scale: Float, labels: PairLabels) {
    let (n, m) = (tiles.images.shape[0], tiles.texts.shape[0])
    (self.tiles, self.scale) = (tiles, scale)
    positives = labels.positivePairs(images: n, texts: m)
    excluded = labels.excluded
    (rows, columns) = (LogSums(count: n), LogSums(count: m))
    logits = Array(repeating: 0, count: positives.count)
  }

  /// The sums of the lines of a part of all pairs, and the logits of its pairs that belong together.
  mutating func sums() -> (rows: LogSums, columns: LogSums) {
    tiles.withMemory { sumAll($0) }
    return (rows, columns)
  }

  /// The gradients that a part of all pairs gives to its images and texts, by the sums of whole lines.
  mutating func gradients(rows: LogSums, columns: LogSums, weights: Weights) -> (
    images: Tensor, texts: Tensor
  ) {
    (self.rows, self.columns) = (rows, columns)
    let ofImages = Tensor(uninitialized: tiles.images.shape)
    let ofTexts = Tensor(uninitialized: tiles.texts.shape)
    tiles.withMemory { tile in
      for rows in tiles.rows {
        for columns in tiles.columns {
          multiply(rows, columns, to: tile)
          keepLogits(rows, columns, tile)
          replaceByGradients(rows, columns, tile, weights)
          tiles.addGradients(rows, columns, tile, factor: scale, images: ofImages, texts: ofTexts)
        }
      }
    }
    return (ofImages, ofTexts)
  }

  mutating func loss(_ wanted: PairwiseLoss.Wanted) -> PairwiseLoss {
    let (images, texts) = (tiles.images, tiles.texts)
    // The gradient of the scale is made of those of either embeddings.
    let needsImages = wanted.images || (wanted.logScale && !wanted.texts)
    let ofImages = needsImages ? Tensor(uninitialized: images.shape) : nil
    let ofTexts = wanted.texts ? Tensor(uninitialized: texts.shape) : nil
    let (n, m) = (images.shape[0], texts.shape[0])
    tiles.withMemory { tile in
      sumAll(tile)
      if ofImages == nil && ofTexts == nil { return }
      for rows in tiles.rows {
        for columns in tiles.columns {
          if !tiles.isOne { multiply(rows, columns, to: tile) }
          replaceByGradients(rows, columns, tile, Weights(images: n, texts: m))
          tiles.addGradients(rows, columns, tile, factor: scale, images: ofImages, texts: ofTexts)
        }
      }
    }
    // Σ g t x·y, g being the gradients of the logits.
    let logScale: Float =
      if !wanted.logScale {
        0
      } else if let ofImages {
        sumOfProducts(ofImages, images)
      } else {
        sumOfProducts(ofTexts!, texts)
      }
    let value = 0.5 * (rows.loss / Double(n)) + 0.5 * (columns.loss / Double(m))
    return PairwiseLoss(
      value: Tensor(Float(value)), images: wanted.images ? ofImages : nil, texts: ofTexts, logScale: logScale,
      bias: 0)
  }

  /// Sums all tiles, and then the pairs that belong together, whose largest logits are known by now.
  private mutating func sumAll(_ tile: UnsafeMutablePointer<Float>) {
    for rows in tiles.rows {
      for columns in tiles.columns { sum(rows, columns, tile) }
    }
    positives.forEach(images: 0..<tiles.images.shape[0], texts: 0..<tiles.texts.shape[0]) {
      image, text, pair in
      rows.takeOwn(logits[pair], of: image)
      columns.takeOwn(logits[pair], of: text)
    }
  }

  /// Adds a tile to the sums.
  private mutating func sum(_ rows: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>) {
    multiply(rows, columns, to: tile)
    keepLogits(rows, columns, tile)
    leavePairsOut(rows, columns, tile)
    sumRows(rows, columns, tile)
    sumColumns(rows, columns, tile)
  }

  /// Logits of a tile; those of excluded pairs are -infinity, whose power is 0.
  private func multiply(_ rows: Range<Int>, _ columns: Range<Int>, to tile: UnsafeMutablePointer<Float>) {
    tiles.multiply(rows, columns, by: scale, to: tile)
    excluded?.forEach(images: rows, texts: columns) { image, text, _ in
      tile[(image - rows.lowerBound) * columns.count + text - columns.lowerBound] = -.infinity
    }
  }

  /// Remembers the logits of pairs that belong together.
  private mutating func keepLogits(
    _ rows: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>
  ) {
    positives.forEach(images: rows, texts: columns) { image, text, pair in
      logits[pair] = tile[(image - rows.lowerBound) * columns.count + text - columns.lowerBound]
    }
  }

  /// Counts pairs that belong together. In their places stands -infinity: they are no part of the others' sums.
  private mutating func leavePairsOut(
    _ rows: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>
  ) {
    positives.forEach(images: rows, texts: columns) { image, text, pair in
      tile[(image - rows.lowerBound) * columns.count + text - columns.lowerBound] = -.infinity
      self.rows.add(logits[pair], to: image)
      self.columns.add(logits[pair], to: text)
    }
  }

  private mutating func sumRows(
    _ range: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>
  ) {
    let kernels = Kernels.table.reduction
    rows.withPointers(from: range.lowerBound) { largest, others in
      ThreadPool.parallelRanges(count: range.count, grain: 16_384 / columns.count + 1) { lines in
        for line in lines {
          let x = tile + line * columns.count
          let most = LogSums.larger(
            largest[line], kernels.reduce(ReductionOperation.maximum.rawValue, x, 1, columns.count))
          LogSums.raise(&largest[line], to: most, &others[line])
          // Of nothing but excluded pairs.
          if most == -.infinity { continue }
          others[line] += kernels.sumOfExponentials(x, 1, columns.count, most)
        }
      }
    }
  }

  /// A few hundred columns at a time, so that every row is read in long runs.
  private mutating func sumColumns(
    _ rows: Range<Int>, _ range: Range<Int>, _ tile: UnsafeMutablePointer<Float>
  ) {
    let (elementwise, accumulate) = (Kernels.table.elementwise, Kernels.table.reduction.accumulate)
    columns.withPointers(from: range.lowerBound) { allLargest, allOthers in
      ThreadPool.parallelRanges(count: range.count, grain: SoftmaxPairs.width) { lines in
        let width = lines.count
        let (largest, others) = (allLargest + lines.lowerBound, allOthers + lines.lowerBound)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * SoftmaxPairs.width) { buffer in
          let most = buffer.baseAddress!
          let (powers, sums) = (most + SoftmaxPairs.width, most + 2 * SoftmaxPairs.width)
          most.update(from: largest, count: width)
          for row in 0..<rows.count {
            accumulate(
              ReductionOperation.maximum.rawValue, tile + row * range.count + lines.lowerBound, 1, most, width
            )
          }
          for line in 0..<width {
            LogSums.raise(&largest[line], to: most[line], &others[line])
            if most[line] == -.infinity { most[line] = 0 }
          }
          for first in stride(from: 0, to: rows.count, by: SoftmaxPairs.height) {
            elementwise.fill(0, sums, width)
            for row in first..<Swift.min(first + SoftmaxPairs.height, rows.count) {
              let x = tile + row * range.count + lines.lowerBound
              elementwise.binary(BinaryOperation.subtract.rawValue, x, 1, most, 1, powers, width)
              elementwise.unary(UnaryOperation.exp.rawValue, powers, 1, powers, width)
              accumulate(ReductionOperation.sum.rawValue, powers, 1, sums, width)
            }
            for line in 0..<width { others[line] += Double(sums[line]) }
          }
        }
      }
    }
  }

  /// Half the probability along the row over n and half that along the column over m, less the targets.
  private func replaceByGradients(
    _ rows: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>, _ weights: Weights
  ) {
    let elementwise = Kernels.table.elementwise
    let (rowWeight, columnWeight) = (weights.row, weights.column)
    let columnFactors = columns.map { self.columns.factor(columnWeight, $0) }
    let columnLargest = columns.map { self.columns.shift($0) }
    ThreadPool.parallelRanges(count: rows.count, grain: 16_384 / columns.count + 1) { range in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: SoftmaxPairs.width) { buffer in
        let ofColumns = buffer.baseAddress!
        for line in range {
          let row = rows.lowerBound + line
          var (largest, factor) = (self.rows.shift(row), self.rows.factor(rowWeight, row))
          for start in stride(from: 0, to: columns.count, by: SoftmaxPairs.width) {
            let width = Swift.min(SoftmaxPairs.width, columns.count - start)
            let x = tile + line * columns.count + start
            columnLargest.withUnsafeBufferPointer {
              elementwise.binary(
                BinaryOperation.subtract.rawValue, x, 1, $0.baseAddress! + start, 1, ofColumns, width)
            }
            elementwise.unary(UnaryOperation.exp.rawValue, ofColumns, 1, ofColumns, width)
            columnFactors.withUnsafeBufferPointer {
              elementwise.binary(
                BinaryOperation.multiply.rawValue, ofColumns, 1, $0.baseAddress! + start, 1, ofColumns, width)
            }
            elementwise.binary(BinaryOperation.subtract.rawValue, x, 1, &largest, 0, x, width)
            elementwise.unary(UnaryOperation.exp.rawValue, x, 1, x, width)
            elementwise.binary(BinaryOperation.multiply.rawValue, x, 1, &factor, 0, x, width)
            elementwise.binary(BinaryOperation.add.rawValue, x, 1, ofColumns, 1, x, width)
          }
          for pair in positives.pairs(of: row, in: columns) {
            let column = positives.text(of: pair)
            tile[line * columns.count + column - columns.lowerBound] = Float(
              rowWeight * self.rows.slope(logits[pair], row)
                + columnWeight * self.columns.slope(logits[pair], column))
          }
        }
      }
    }
  }
}

/// The sum of all products of two matrices' elements, some rows at a time: there is no matrix of products.
package func sumOfProducts(_ a: Tensor, _ b: Tensor) -> Float {
  let rows = max(1, (1 << 18) / max(a.shape[1], 1))
  var sum = 0.0
  for first in stride(from: 0, to: a.shape[0], by: rows) {
    let part = first..<min(first + rows, a.shape[0])
    sum += Double((a.slice(part, axis: 0) * b.slice(part, axis: 0)).sum().item())
  }
  return Float(sum)
}
