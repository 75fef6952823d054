/// Optimiser updates: one pass over a contiguous range of a parameter p, its gradient g and its state.
///
/// Factors arrive in double precision because `1 - beta2` loses digits in single.
public struct OptimizerKernels: Sendable {
  /// Stochastic gradient descent as PyTorch has it, without dampening: `d = g + decay p; m = momentum m + d;
  /// p -= rate (nesterov ? d + momentum m : m)`, as
  /// `(p, g, m or nil, count, rate, momentum, decay, nesterov, isDecoupled)`. `m` starts as zero; without it `p -= rate d`.
  /// A decoupled decay is not added to the gradient: it multiplies p by `1 - rate decay`.
  public let sgd: SGD
  /// Adam and AdamW as PyTorch has them: `p -= rate / correction1 m / (sqrt(v / correction2) + epsilon)`, as
  /// `(p, g, m, v, count, rate, beta1, beta2, epsilon, decay, correction1, correction2, isDecoupled)` with
  /// `correction = 1 - beta^step`. The decay is added to the gradient, or, decoupled, multiplies p by `1 - rate decay`.
  public let adam: Adam
  /// Lion: `c = beta1 m + (1 - beta1) g; p -= rate (sign(c) + decay p); m = beta2 m + (1 - beta2) g`, as
  /// `(p, g, m, count, rate, beta1, beta2, decay)`. The sign of zero is zero.
  public let lion: Lion
  /// One step of a running average: `a += share (p - a)`, as `(a, p, count, share)`.
  public let average: Average
  /// AdaFactor's statistics of a matrix of contiguous rows, `q = g g + epsilon`: `rowMeans[i]` = mean of the row,
  /// `columnSums[j] += q`, as `(g, epsilon, rowMeans, columnSums, rows, columns)`.
  public let squareMeans: SquareMeans
  /// AdaFactor's factored update of one row: `u = g min(rowFactor columnFactors[j], limit)`, then as ``adaFactor``, as
  /// `(p, g, rowFactor, columnFactors, limit, m in bfloat16 or nil, m or nil, count, beta1, rate, decay)`.
  public let adaFactorRow: AdaFactorRow
  /// Sum of the squares of the u of ``adaFactorRow`` in double precision, as
  /// `(g, rowFactor, columnFactors, limit, count)`.
  public let adaFactorRowSquares: AdaFactorRowSquares
  /// AdaFactor's update with a second moment for every number: `u = scale g / sqrt(max(v, least)); m = beta1 m +
  /// (1 - beta1) u; p -= rate m + decay p`, after `v = beta2 v + (1 - beta2)(g g + epsilon)` unless beta2 is 1, as
  /// `(p, g, v, m in bfloat16 or nil, m or nil, count, epsilon, least, scale, beta1, beta2, rate, decay)`. There is one m
  /// or the other or none; of the one in bfloat16 the value before rounding is applied, without any u is.
  public let adaFactor: AdaFactor
  /// Updates v as ``adaFactor`` does and sums the squares of `g / sqrt(max(v, least))` in double precision, as
  /// `(g, v, count, epsilon, least, beta2)`.
  public let adaFactorSquares: AdaFactorSquares
  /// Sum of squares in double precision, as `(x, count)`.
  public let sumOfSquares: SumOfSquares

  /// A single-precision state or gradient.
  public typealias Source = UnsafePointer<Float>
  /// A parameter or state that changes.
  public typealias Target = UnsafeMutablePointer<Float>
  /// See ``sgd``.
  public typealias SGD =
    @convention(c) @Sendable (
      Target, Source, Target?, Int, Double, Double, Double, Bool, Bool
    ) -> Void
  /// See ``adam``.
  public typealias Adam =
    @convention(c) @Sendable (
      Target, Source, Target, Target, Int, Double, Double, Double, Double, Double, Double, Double, Bool
    ) -> Void
  /// See ``lion``.
  public typealias Lion =
    @convention(c) @Sendable (Target, Source, Target, Int, Double, Double, Double, Double) -> Void
  /// See ``average``.
  public typealias Average = @convention(c) @Sendable (Target, Source, Int, Double) -> Void
  /// See ``squareMeans``.
  public typealias SquareMeans = @convention(c) @Sendable (Source, Float, Target, Target, Int, Int) -> Void
  /// See ``adaFactorRow``.
  public typealias AdaFactorRow =
    @convention(c) @Sendable (
      Target, Source, Float, Source, Float, UnsafeMutablePointer<UInt16>?, Target?, Int, Double, Double,
      Double
    ) -> Void
  /// See ``adaFactorRowSquares``.
  public typealias AdaFactorRowSquares =
    @convention(c) @Sendable (Source, Float, Source, Float, Int) -> Double
  /// See ``adaFactor``.
  public typealias AdaFactor =
    @convention(c) @Sendable (
      Target, Source, Target, UnsafeMutablePointer<UInt16>?, Target?, Int, Float, Float, Double, Double,
      Double, Double, Double
    ) -> Void
  /// See ``adaFactorSquares``.
  public typealias AdaFactorSquares =
    @convention(c) @Sendable (Source, Target, Int, Float, Float, Double) -> Double
  /// See ``sumOfSquares``.
  public typealias SumOfSquares = @convention(c) @Sendable (Source, Int) -> Double

  /// Collects the kernels of one level.
  public init(
    sgd: @escaping SGD, adam: @escaping Adam, lion: @escaping Lion, average: @escaping Average,
    squareMeans: @escaping SquareMeans, adaFactorRow: @escaping AdaFactorRow,
    adaFactorRowSquares: @escaping AdaFactorRowSquares, adaFactor: @escaping AdaFactor,
    adaFactorSquares: @escaping AdaFactorSquares, sumOfSquares: @escaping SumOfSquares
  ) {
    self.sgd = sgd
    self.adam = adam
    self.lion = lion
    self.average = average
    self.squareMeans = squareMeans
    self.adaFactorRow = adaFactorRow
    self.adaFactorRowSquares = adaFactorRowSquares
    self.adaFactor = adaFactor
    self.adaFactorSquares = adaFactorSquares
    self.sumOfSquares = sumOfSquares
  }
}
