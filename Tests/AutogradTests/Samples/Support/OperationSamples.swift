import Autograd

/// What the tests try an operation on: the samples of `Operations/Name.swift` are in `Samples/Name.swift`.
struct OperationSamples {
  /// The name that ``record(_:_:value:saving:fused:derivative:)`` was given.
  let name: String
  let samples: [OperationSample]

  init(_ name: String, _ samples: [OperationSample]) {
    self.name = name
    self.samples = samples
  }
}

/// One use of an operation: its inputs, what it computes, and how close it has to come.
struct OperationSample: CustomStringConvertible {
  /// Random inputs are drawn from a range, away from kinks and poles if need be.
  struct Input {
    let shape: Shape
    let range: Range<Float>

    init(_ shape: Shape, in range: Range<Float> = -2..<2) {
      self.shape = shape
      self.range = range
    }
  }

  let description: String
  let inputs: [Input]
  /// The operation.
  let forward: ([Variable]) -> Variable
  /// The same in double precision; its differences are what derivatives are held against.
  let reference: ([ReferenceArray]) -> ReferenceArray
  /// The same from other operations, for fused ones.
  let composition: (([Variable]) -> Variable)?
  /// Allowed difference of values and of derivatives, relative to the largest element.
  let tolerance: Double
  /// Whether gradients have gradients here.
  let isTwiceDifferentiable: Bool
  /// Whether the operation chooses among its inputs, so that equal ones, or a long step, must be avoided.
  let hasKinks: Bool

  init(
    _ inputs: [Input], _ description: String? = nil, tolerance: Double = 1e-5,
    isTwiceDifferentiable: Bool = true, hasKinks: Bool = false,
    forward: @escaping ([Variable]) -> Variable, composition: (([Variable]) -> Variable)? = nil,
    reference: @escaping ([ReferenceArray]) -> ReferenceArray
  ) {
    self.description = description ?? inputs.map { "\($0.shape)" }.joined(separator: ", ")
    self.inputs = inputs
    self.forward = forward
    self.reference = reference
    self.composition = composition
    self.tolerance = tolerance
    self.isTwiceDifferentiable = isTwiceDifferentiable
    self.hasKinks = hasKinks
  }
}

/// Every operation on the tape. A test fails when one is missing here.
enum OperationRegistry {
  static var all: [OperationSamples] {
    [
      Variable.activationSamples,
      [AdaptivePoolingSamples.average, AdaptivePoolingSamples.maximum],
      Variable.arithmeticSamples,
      [AttentionSamples.all, AttentionSamples.withProbabilities],
      Variable.batchSumsSamples,
      BinaryCrossEntropySamples.all,
      Variable.checkpointSamples,
      [ConvolutionSamples.all, ConvolutionSamples.oneDimensional, ConvolutionSamples.transposed],
      CrossEntropySamples.all,
      Variable.constantSamples,
      Variable.einsumSamples,
      Variable.elementarySamples,
      [FeedForwardSamples.all],
      Variable.indexingSamples,
      [LayerNormSamples.all],
      InterpolationSamples.all,
      [LinearSamples.all],
      LossSamples.all,
      Variable.matmulSamples,
      Variable.nodeSamples,
      NormalizationSamples.all,
      [PoolingSamples.average, PoolingSamples.maximum, PoolingSamples.globalAverage],
      Variable.rectifierSamples,
      Variable.reductionSamples,
      Variable.scanSamples,
      Variable.selectionSamples,
      Variable.shapingSamples,
      [SigmoidLossSamples.all],
      Variable.slicingSamples,
      Variable.subscriptSamples,
      [Variable.softmaxSamples, Variable.logSoftmaxSamples],
      [SoftmaxLossSamples.all],
      [UnfoldingSamples.unfold, UnfoldingSamples.fold],
    ].flatMap(\.self)
  }
}
