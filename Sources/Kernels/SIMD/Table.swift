import KernelInterface

#if AVX512
  private let name: StaticString = "avx512"
#elseif AVX2
  private let name: StaticString = "avx2"
#else
  private let name: StaticString = "baseline"
#endif

/// The kernels of this instruction-set level.
public let kernelTable = KernelTable(
  name: name, elementwise: elementwiseKernels, reduction: reductionKernels,
  moments: momentKernels, row: rowKernels, products: productKernels,
  convolution: convolutionKernels, blocked: blockedKernels, pooling: poolingKernels,
  optimizer: optimizerKernels, loss: lossKernels, conversion: conversionKernels)
