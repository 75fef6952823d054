/// A function of many numbers to one.
public enum ReductionOperation: Int32, Sendable, CaseIterable {
  case sum, product, maximum, minimum, sumOfSquares
}

/// Reductions and scans over one row of any stride.
public struct ReductionKernels: Sendable {
  /// `(operation, x, stride, count)`; of no numbers: 0, 1, -infinity, infinity, 0. A NaN makes the result NaN.
  public let reduce: Reduce
  /// `accumulator[i] = combine(accumulator[i], x[i * stride])` as `(operation, x, stride, accumulator, count)`: a
  /// reduction over an outer axis, one row at a time.
  public let accumulate: Accumulate
  /// Index of the first largest element (`maximum`) or smallest (`minimum`); a NaN wins, as in NumPy.
  public let argument: Argument
  /// log(sum(exp(x))) without overflow, as `(x, stride, count)`.
  public let logSumExp: LogSumExp
  /// sum(exp(x - shift)), as `(x, stride, count, shift)`.
  public let sumOfExponentials: SumOfExponentials
  /// `out[i * outStride]` = sum of `x[0...i]`, as `(x, stride, out, outStride, count)`.
  public let cumulativeSum: ElementwiseKernels.Copy

  /// A reduction of one row: `(operation, x, stride, count)`.
  public typealias Reduce = @convention(c) @Sendable (Int32, UnsafePointer<Float>, Int, Int) -> Float
  /// A step of a reduction over an outer axis: `(operation, x, stride, accumulator, count)`.
  public typealias Accumulate =
    @convention(c) @Sendable (
      Int32, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// A search in one row: `(operation, x, stride, count)`.
  public typealias Argument = @convention(c) @Sendable (Int32, UnsafePointer<Float>, Int, Int) -> Int
  /// A reduction without a choice of operation: `(x, stride, count)`.
  public typealias LogSumExp = @convention(c) @Sendable (UnsafePointer<Float>, Int, Int) -> Float
  /// See ``sumOfExponentials``.
  public typealias SumOfExponentials =
    @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Float) -> Double

  /// Collects the kernels of one level.
  public init(
    reduce: @escaping Reduce, accumulate: @escaping Accumulate, argument: @escaping Argument,
    logSumExp: @escaping LogSumExp, sumOfExponentials: @escaping SumOfExponentials,
    cumulativeSum: @escaping ElementwiseKernels.Copy
  ) {
    self.reduce = reduce
    self.accumulate = accumulate
    self.argument = argument
    self.logSumExp = logSumExp
    self.sumOfExponentials = sumOfExponentials
    self.cumulativeSum = cumulativeSum
  }
}
