/// What the tests try an operation on: each operation states its samples beside its definition.
package struct OperationSamples {
  /// The name that ``record(_:_:value:saving:fused:derivative:)`` was given.
  package let name: String
  package let samples: [OperationSample]

  package init(_ name: String, _ samples: [OperationSample]) {
    self.name = name
    self.samples = samples
  }
}

/// One use of an operation: its inputs, what it computes, and how close it has to come.
package struct OperationSample: CustomStringConvertible {
  /// Random inputs are drawn from a range, away from kinks and poles if need be.
  package struct Input {
    package let shape: Shape
    package let range: Range<Float>

    package init(_ shape: Shape, in range: Range<Float> = -2..<2) {
      self.shape = shape
      self.range = range
    }
  }

  package let description: String
  package let inputs: [Input]
  /// The operation.
  package let forward: ([Variable]) -> Variable
  /// The same in double precision; its differences are what derivatives are held against.
  package let reference: ([ReferenceArray]) -> ReferenceArray
  /// The same from other operations, for fused ones.
  package let composition: (([Variable]) -> Variable)?
  /// Allowed difference of values and of derivatives, relative to the largest element.
  package let tolerance: Double
  /// Whether gradients have gradients here.
  package let isTwiceDifferentiable: Bool
  /// Whether the operation chooses among its inputs, so that equal ones, or a long step, must be avoided.
  package let hasKinks: Bool

  package init(
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
package enum OperationRegistry {
  package static var all: [OperationSamples] {
    Variable.arithmeticSamples + Variable.selectionSamples + Variable.elementarySamples
      + Variable.activationSamples + Variable.reductionSamples + Variable.shapingSamples
      + Variable.slicingSamples + Variable.matmulSamples + Variable.indexingSamples
      + Variable.einsumSamples + Variable.tapeSamples + FusedSamples.all
  }
}
