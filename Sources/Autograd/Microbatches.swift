/// Computes a batch in parts and keeps only their results: an exact step of any batch in the memory of one part
/// (Gao et al. 2021).
///
/// `body` is called for consecutive ranges of rows, and again for each in the backward sweep; a loss of the joined results
/// has the value and the gradients that it would have had of the whole. Where the weights' own sums over rows are rounded
/// is all that differs. Random numbers are those of the whole batch too, for layers that draw them by
/// ``RandomSource/bernoulli(rows:probability:)``, such as dropout.
///
/// Nothing may make rows depend on each other. Batch normalisation by the batch's statistics would, and stops the program.
///
/// - Parameters:
///   - count: Rows of the batch.
///   - size: Rows in a part; the last may have fewer. A batch of no more is computed in one piece and kept.
///   - body: Results for some rows, one along axis 0 for each.
public func microbatched(_ count: Int, size: Int, _ body: @escaping (Range<Int>) -> Variable) -> Variable {
  if size < 1 { programmerError("microbatched: parts of \(size) rows") }
  if count <= size { return body(0..<count) }
  let generators = SharedGenerators()
  let parts = stride(from: 0, to: count, by: size).map { first in
    let rows = first..<min(first + size, count)
    let part = BatchPart(rows: rows, generators: generators)
    let result = checkpoint([]) { _ in BatchPart.$current.withValue(part) { body(rows) } }
    if result.rank == 0 || result.shape[0] != rows.count {
      programmerError("microbatched: a result of shape \(result.shape) for \(rows.count) rows")
    }
    return result
  }
  return .concatenate(parts, axis: 0)
}

/// The part of a batch that is being computed.
final class BatchPart: @unchecked Sendable {
  @TaskLocal static var current: BatchPart?

  let rows: Range<Int>
  private let generators: SharedGenerators
  private var position = 0

  init(rows: Range<Int>, generators: SharedGenerators) {
    (self.rows, self.generators) = (rows, generators)
  }

  /// The generator that every part of the batch has at this place.
  func draw(_ fresh: () -> Random) -> Random {
    position += 1
    return generators.generator(position - 1, fresh)
  }
}

/// Generators drawn by the first part of a batch, and handed out to all. Used by one computation at a time.
final class SharedGenerators: @unchecked Sendable {
  private var drawn: [Random] = []

  func generator(_ position: Int, _ fresh: () -> Random) -> Random {
    if position == drawn.count { drawn.append(fresh()) }
    return drawn[position]
  }
}

/// Whether a part of a batch is being computed, from which statistics of the whole cannot be had.
public var isPartOfBatch: Bool { BatchPart.current != nil }
