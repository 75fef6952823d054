/// Samples of the operations that have kernels of their own beside a composition.
package enum FusedSamples {
  package static var all: [OperationSamples] {
    [
      LinearSamples.all, FeedForwardSamples.all, Variable.softmaxSamples, Variable.logSoftmaxSamples,
      LayerNormSamples.all,
      AttentionSamples.all, SigmoidLossSamples.all, SoftmaxLossSamples.crossEntropy,
      SoftmaxLossSamples.pairwise,
      ConvolutionSamples.all, PoolingSamples.average, PoolingSamples.maximum, PoolingSamples.globalAverage,
    ]
  }
}
