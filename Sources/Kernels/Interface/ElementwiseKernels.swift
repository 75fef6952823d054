/// A function of one number that has a vectorised kernel.
public enum UnaryOperation: Int32, Sendable, CaseIterable {
  case negate, absolute, sign, square, squareRoot, reciprocal, reciprocalSquareRoot
  case exp, expm1, log, log1p, sin, cos, tanh, erf, sigmoid, softplus, logSigmoid
  case relu, relu6, geluTanh, geluErf, quickGelu, silu
  case normalProbability
  case floor, ceil, round
}

/// A function of two numbers that has a vectorised kernel. Comparisons give 1 for true and 0 for false.
public enum BinaryOperation: Int32, Sendable, CaseIterable {
  case add, subtract, multiply, divide, minimum, maximum, power
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  /// `(x, g)` gives `g * f'(x)`.
  case reluDerivative, relu6Derivative, geluTanhDerivative, geluErfDerivative, quickGeluDerivative
  /// `(x, g)` gives `g * f'(x)`.
  case siluDerivative, tanhDerivative, sigmoidDerivative
}

/// Elementwise kernels. Outputs are contiguous; inputs have any stride, 0 repeats one value. An output may be the
/// same memory as a contiguous input.
public struct ElementwiseKernels: Sendable {
  /// `out[i] = f(x[i * xStride])` as `(operation, x, xStride, out, count)`.
  public let unary: Unary
  /// `out[i] = f(a[i * aStride], b[i * bStride])` as `(operation, a, aStride, b, bStride, out, count)`.
  public let binary: Binary
  /// `out[i] = condition[i] != 0 ? a[i] : b[i]` as `(condition, stride, a, aStride, b, bStride, out, count)`.
  public let select: Select
  /// `out[i * outStride] = x[i * xStride]` as `(x, xStride, out, outStride, count)`.
  public let copy: Copy
  /// A matrix of `rows` x `columns` copied between any strides, in cache-sized tiles, as
  /// `(x, xRowStride, xColumnStride, out, outRowStride, outColumnStride, rows, columns)`.
  public let copyMatrix: CopyMatrix
  /// `y[i] += scale * x[i]`, both contiguous, as `(scale, x, y, count)`.
  public let addScaled: AddScaled
  /// `out[i] = value` as `(value, out, count)`.
  public let fill: Fill

  /// A map of one operand: `(operation, x, xStride, out, count)`.
  public typealias Unary =
    @convention(c) @Sendable (
      Int32, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// A map of two operands: `(operation, a, aStride, b, bStride, out, count)`.
  public typealias Binary =
    @convention(c) @Sendable (
      Int32, UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// A choice between two operands: `(condition, stride, a, aStride, b, bStride, out, count)`.
  public typealias Select =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafePointer<Float>, Int,
      UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// A map from one stride to another: `(x, xStride, out, outStride, count)`.
  public typealias Copy =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int
    ) -> Void
  /// A copy of a matrix: `(x, row stride, column stride, out, row stride, column stride, rows, columns)`.
  public typealias CopyMatrix =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>, Int, Int, Int, Int
    ) -> Void
  /// A scaled addition: `(scale, x, y, count)`.
  public typealias AddScaled =
    @convention(c) @Sendable (
      Float, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// Repetition of one value: `(value, out, count)`.
  public typealias Fill = @convention(c) @Sendable (Float, UnsafeMutablePointer<Float>, Int) -> Void

  /// Collects the kernels of one level.
  public init(
    unary: @escaping Unary, binary: @escaping Binary, select: @escaping Select, copy: @escaping Copy,
    copyMatrix: @escaping CopyMatrix, addScaled: @escaping AddScaled, fill: @escaping Fill
  ) {
    self.unary = unary
    self.binary = binary
    self.select = select
    self.copy = copy
    self.copyMatrix = copyMatrix
    self.addScaled = addScaled
    self.fill = fill
  }
}
