import Kernels

/// What products of matrices round their operands to. Tensors, and the sums of products, are in single precision always.
///
/// It holds for matrix products, linear layers, attention and convolutions whose windows do not overlap; other convolutions,
/// and the products of pairwise losses unless they are told so, stay in single precision. With one precision, results do not
/// depend on the number of threads, nor a row on those computed beside it; with another instruction set
/// (``Compute/instructionSet``) they differ in the rounding of sums.
public enum MatmulPrecision: String, CaseIterable, Codable, Sendable {
  /// Nothing is rounded: the default.
  case float32
  /// To bfloat16, 8 significant bits: a product of two numbers is off by at most 0.8% of it (PyTorch's `autocast` with
  /// `bfloat16`, for products). Numbers beyond 3.39e38 become infinite. Twice as fast where the CPU multiplies such numbers
  /// (AVX-512 BF16), elsewhere as fast as ``float32``.
  case bfloat16
  /// As the sum of two bfloat16 numbers each, of whose four products the smallest is left out: a product is off by at most
  /// 3 · 2^-16 of it (4.6e-5; XLA's `BF16_BF16_F32_X3`). Not for infinite operands, which give NaN. Slower than ``float32``
  /// but where bfloat16 is more than three times as fast.
  case bfloat16x3

  var kernel: ProductPrecision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .bfloat16x3: .bfloat16x3
    }
  }

  init(_ kernel: ProductPrecision) {
    switch kernel {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .bfloat16x3: self = .bfloat16x3
    case .int8: programmerError("products of numbers of 8 bits are those of weights packed so")
    }
  }
}

/// What a layer's weight is rounded to when it is packed for products.
public enum WeightPrecision: String, CaseIterable, Sendable {
  /// As ``MatmulPrecision/float32``: for products in that precision alone.
  case float32
  /// As ``MatmulPrecision/bfloat16``: for products in that precision alone.
  case bfloat16
  /// As ``MatmulPrecision/bfloat16x3``: for products in that precision alone.
  case bfloat16x3
  /// To 255 values for each output and each 1,024 inputs; what the weight meets is rounded likewise, each row by itself while
  /// it is multiplied. Products in every precision use it, for inference: numbers are off by at most 0.4% of the largest of
  /// their row or output. Results are the same with every instruction set. With AVX-512 VNNI or AMX (levels `avx512bf16` and
  /// `amx`) bytes are multiplied, from a quarter of single precision's memory; elsewhere they are emulated, and take as long
  /// as ``float32`` and as much memory. What is not finite makes the results of its row, or output, NaN.
  case int8

  var kernel: ProductPrecision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .bfloat16x3: .bfloat16x3
    case .int8: .int8
    }
  }

  /// Bytes that a number takes in panels of the instruction set in use, about.
  package var bytesPerNumber: Double { Double(4 * Kernels.table.products[kernel].words(1024)) / 1024 }
}

extension Compute {
  /// What products round their operands to: nothing, or `PAIRWISE_MATMUL_PRECISION`, unless set. Setting it also sets
  /// ``gradientMatmulPrecision``, for all threads that are in no ``withMatmulPrecision(_:gradients:_:)``.
  public static var matmulPrecision: MatmulPrecision {
    get { MatmulPrecision(Kernels.precision.products) }
    set { Kernels.precision = (newValue.kernel, newValue.kernel) }
  }

  /// What products in derivatives round their operands to: the precision in force when the operation was computed, not when
  /// the backward sweep passes.
  public static var gradientMatmulPrecision: MatmulPrecision {
    get { MatmulPrecision(Kernels.precision.gradients) }
    set { Kernels.precision = (Kernels.precision.products, newValue.kernel) }
  }

  /// Whether ``matmulPrecision`` or ``gradientMatmulPrecision`` is not single precision: quick to ask.
  package static var roundsProducts: Bool { Kernels.rounds }

  /// Runs `body` with another precision of products, on this thread.
  ///
  /// - Parameter gradients: For derivatives of what `body` computes, whenever they are asked for; as `precision` if not given.
  public static func withMatmulPrecision<R>(
    _ precision: MatmulPrecision, gradients: MatmulPrecision? = nil, _ body: () throws -> R
  ) rethrows -> R {
    try Kernels.with(precision.kernel, forGradients: gradients?.kernel, body)
  }
}
