/// Every kernel of one instruction-set level. Each level fills in one table; `Kernels.table` is the one in use.
///
/// Kernels take raw pointers, counts and strides (in elements), run on the calling thread, never allocate, and
/// do not check their arguments: shapes are the business of the layer above.
public struct KernelTable: Sendable {
  /// The level's name, as `PAIRWISE_ISA` spells it.
  public private(set) var name: StaticString
  /// The level that computes the same in single precision.
  public let singlePrecisionName: StaticString
  /// Elementwise maps of one, two and three operands, fills and strided copies.
  public let elementwise: ElementwiseKernels
  /// Reductions and scans.
  public let reduction: ReductionKernels
  /// Sums that variances are made of.
  public let moments: MomentKernels
  /// Softmax and layer normalisation.
  public let row: RowKernels
  /// Matrix products in every precision.
  public private(set) var products: ProductKernels
  /// Matrix products in the precision that is in use.
  public private(set) var gemm: GemmKernels
  /// The precision that derivatives of what is computed now will use.
  public private(set) var gradientPrecision = ProductPrecision.float32
  /// Whether products, or those of derivatives, round their operands.
  public private(set) var rounds = false
  /// Convolutions.
  public let convolution: ConvolutionKernels
  /// Convolutions of blocked images.
  public let blocked: BlockedKernels
  /// Average and maximum pooling.
  public let pooling: PoolingKernels
  /// Optimiser updates.
  public let optimizer: OptimizerKernels
  /// Losses with their gradients.
  public let loss: LossKernels
  /// Conversions between number formats.
  public let conversion: ConversionKernels

  /// Collects the kernel families of one level.
  public init(
    name: StaticString, elementwise: ElementwiseKernels, reduction: ReductionKernels,
    moments: MomentKernels, row: RowKernels, products: ProductKernels, convolution: ConvolutionKernels,
    blocked: BlockedKernels, pooling: PoolingKernels,
    optimizer: OptimizerKernels, loss: LossKernels, conversion: ConversionKernels
  ) {
    self.name = name
    singlePrecisionName = name
    self.elementwise = elementwise
    self.reduction = reduction
    self.moments = moments
    self.row = row
    self.products = products
    gemm = products.float32
    self.convolution = convolution
    self.blocked = blocked
    self.pooling = pooling
    self.optimizer = optimizer
    self.loss = loss
    self.conversion = conversion
  }
  /// The same kernels with products of another precision in use.
  public func with(_ precision: ProductPrecision, forGradients gradientPrecision: ProductPrecision)
    -> KernelTable
  {
    var table = self
    table.gemm = products[precision]
    table.gradientPrecision = gradientPrecision
    table.rounds = precision != .float32 || gradientPrecision != .float32
    return table
  }

  /// A level that has other products of numbers of 16 and 8 bits than this one.
  public func with(
    name: StaticString, bfloat16: GemmKernels, bfloat16x3: GemmKernels, int8: GemmKernels
  ) -> KernelTable {
    var table = self
    table.name = name
    table.products = ProductKernels(
      float32: products.float32, bfloat16: bfloat16, bfloat16x3: bfloat16x3, int8: int8)
    return table
  }
}
