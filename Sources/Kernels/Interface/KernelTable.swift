/// Every kernel of one instruction-set level. Each level fills in one table; `Kernels.table` is the one in use.
///
/// Kernels take raw pointers, counts and strides (in elements), run on the calling thread, never allocate, and
/// do not check their arguments: shapes are the business of the layer above.
public struct KernelTable: Sendable {
  /// The level's name, as `PAIRWISE_ISA` spells it.
  public let name: StaticString
  /// Elementwise maps of one, two and three operands, fills and strided copies.
  public let elementwise: ElementwiseKernels
  /// Reductions and scans.
  public let reduction: ReductionKernels
  /// Sums that variances are made of.
  public let moments: MomentKernels
  /// Softmax and layer normalisation.
  public let row: RowKernels
  /// Matrix products.
  public let gemm: GemmKernels
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
    moments: MomentKernels, row: RowKernels, gemm: GemmKernels, convolution: ConvolutionKernels,
    blocked: BlockedKernels, pooling: PoolingKernels,
    optimizer: OptimizerKernels, loss: LossKernels, conversion: ConversionKernels
  ) {
    self.name = name
    self.elementwise = elementwise
    self.reduction = reduction
    self.moments = moments
    self.row = row
    self.gemm = gemm
    self.convolution = convolution
    self.blocked = blocked
    self.pooling = pooling
    self.optimizer = optimizer
    self.loss = loss
    self.conversion = conversion
  }
}
