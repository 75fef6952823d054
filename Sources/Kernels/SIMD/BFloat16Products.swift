#if BFLOAT16
  import CPUFeatures
  import KernelInterface

  // Products of 16-bit numbers by the instruction that has them. A word holds two steps of depth.

  /// Products of operands rounded to bfloat16, at the level `avx512bf16`.
  public let bfloat16Kernels = GemmKernels(
    .bfloat16, stepsInGroup: 2, tileRows: tileRows, tileColumns: tileColumns,
    pack: { x, laneStride, depthStride, lanes, tile, depth, _, _, out in
      packPairs(x, laneStride, depthStride, lanes, tile, depth, out)
    }, multiplyBlock: multiplyBlock)

  /// Products of operands in two parts, at the level `avx512bf16`.
  public let bfloat16x3Kernels = GemmKernels(
    .bfloat16x3, stepsInGroup: 2, wordsInGroup: 3, tileRows: tileRows, tileColumns: tileColumns,
    pack: { x, laneStride, depthStride, lanes, tile, depth, _, isSecond, out in
      packPairsOfParts(x, laneStride, depthStride, lanes, tile, depth, isSecond, out)
    }, multiplyBlock: multiplyBlock)
#endif
