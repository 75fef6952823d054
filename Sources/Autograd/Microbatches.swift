/// Computes a batch in parts and keeps only their results: an exact step of any batch in the memory of one part
/// (Gao et al. 2021).
///
/// `body` is called for consecutive ranges of rows, and again for each in the backward sweep; a loss of the joined results
/// has the value and the gradients that it would have had of the whole. Where the weights' own sums over rows are rounded
/// is all that differs. Random numbers are those of the whole batch too, for layers that draw them by
/// ``RandomSource/bernoulli(rows:probability:)``, such as dropout.
///
/// Nothing may make rows depend on each other. Batch normalisation by the batch's statistics would, and stops the program;
/// parts that are computed side by side can have them, see ``PartedBatch/part(_:sums:_:)``.
///
/// - Parameters:
///   - count: Rows of the batch.
///   - size: Rows in a part; the last may have fewer. A batch of no more is computed in one piece and kept.
///   - body: Results for some rows, one along axis 0 for each.
public func microbatched(_ count: Int, size: Int, _ body: @escaping (Range<Int>) -> Variable) -> Variable {
  if size < 1 { programmerError("microbatched: parts of \(size) rows") }
  if count <= size { return body(0..<count) }
  // What is a part itself has parts of the same batch.
  let outer = BatchPart.current
  let batch = outer?.batch ?? PartedBatch()
  let parts = stride(from: 0, to: count, by: size).map { first in
    let rows = first..<min(first + size, count)
    let place = outer?.rows.lowerBound ?? 0
    let part = BatchPart(
      rows: rows.lowerBound + place..<rows.upperBound + place, of: batch, after: outer?.position ?? 0)
    let result = checkpoint([]) { _ in BatchPart.$current.withValue(part) { body(rows) } }
    if result.rank == 0 || result.shape[0] != rows.count {
      programmerError("microbatched: a result of shape \(result.shape) for \(rows.count) rows")
    }
    if first + size >= count { outer?.position = part.position }
    return result
  }
  return .concatenate(parts, axis: 0)
}

/// A batch whose parts are computed one by one, with the random numbers of the whole: see ``microbatched(_:size:_:)``, which
/// joins their results.
///
/// Used by one computation at a time.
public final class PartedBatch: @unchecked Sendable {
  /// Drawn by the first part, and handed out to all.
  private var drawn: [Random] = []

  /// A batch of which nothing was computed yet.
  public init() {}

  /// What `body` computes of some rows of the batch. Each part has to be computed by the same layers.
  ///
  /// - Parameter sums: How layers come to sums over the batch, where all parts are computed side by side.
  public func part<Result>(
    _ rows: Range<Int>, sums: BatchSums? = nil, _ body: () throws -> Result
  ) rethrows -> Result {
    try BatchPart.$current.withValue(BatchPart(rows: rows, of: self, after: 0, sums: sums), operation: body)
  }

  fileprivate func generator(_ position: Int, _ fresh: () -> Random) -> Random {
    if position == drawn.count { drawn.append(fresh()) }
    return drawn[position]
  }
}

/// The part of a batch that is being computed.
final class BatchPart: @unchecked Sendable {
  @TaskLocal static var current: BatchPart?

  let rows: Range<Int>
  fileprivate let batch: PartedBatch
  let sums: BatchSums?
  /// Generators that were drawn for these rows.
  fileprivate var position: Int

  fileprivate init(rows: Range<Int>, of batch: PartedBatch, after position: Int, sums: BatchSums? = nil) {
    (self.rows, self.batch, self.position, self.sums) = (rows, batch, position, sums)
  }

  /// The generator that every part of the batch has at this place.
  func draw(_ fresh: () -> Random) -> Random {
    position += 1
    return batch.generator(position - 1, fresh)
  }
}

/// Whether a part of a batch is being computed, from which statistics of the whole cannot be had.
public var isPartOfBatch: Bool { BatchPart.current != nil }
