/// Sums of distances from a pivot and of their squares, in double precision: what variances are made of.
///
/// With one of the numbers themselves as the pivot p, `squares - sums² / n` is the sum of squared distances from the mean
/// to within n times the precision of a `Double`, wherever the numbers lie: their squared distance from the pivot adds
/// up to at most n times as much.
public struct MomentKernels: Sendable {
  /// Adds the sums over one row of any stride to `sums[0]` and `sums[1]`, as `(x, stride, count, pivot, sums)`.
  public let reduce: Reduce
  /// Adds the sums over every column of a matrix of contiguous rows, each with a pivot of its own, as
  /// `(x, rowStride, rows, pivots, sums, squares, columns)`. Both sums have room for a multiple of 16 columns.
  public let accumulate: Accumulate

  /// See ``reduce``.
  public typealias Reduce =
    @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Float, UnsafeMutablePointer<Double>) -> Void
  /// See ``accumulate``.
  public typealias Accumulate =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafePointer<Float>, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>, Int
    ) -> Void

  /// Collects the kernels of one level.
  public init(reduce: @escaping Reduce, accumulate: @escaping Accumulate) {
    self.reduce = reduce
    self.accumulate = accumulate
  }
}
