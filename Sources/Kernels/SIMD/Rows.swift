import KernelInterface

let rowKernels = RowKernels(
  softmax: { _, _, _, _ in }, logSoftmax: { _, _, _, _ in }, softmaxDerivative: { _, _, _, _, _ in },
  logSoftmaxDerivative: { _, _, _, _, _ in }, layerNorm: { _, _, _, _, _, _, _, _, _ in },
  layerNormInputDerivative: { _, _, _, _, _, _, _, _ in },
  layerNormParameterDerivative: { _, _, _, _, _, _, _, _ in }
)
