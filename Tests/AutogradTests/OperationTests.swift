import Autograd
import Kernels
import Testing

/// Every operation of the registry on every sample.
@Suite struct OperationTests {
  @Test(arguments: OperationCase.all)
  func valuesAndGradientsAgreeWithTheReference(_ operation: OperationCase) {
    let sample = operation.sample
    for layout in Layout.allCases where !(sample.hasKinks && layout == .expanded) {
      let inputs = operation.inputs().map { layout($0) }
      let (value, gradients) = operation.evaluate(inputs)
      let point = inputs.map(ReferenceArray.init)
      let expected = sample.reference(point)
      #expect(value.shape == expected.shape)
      expectClose(value, expected, sample.tolerance, "value, \(layout)")
      let seed = operation.seed(for: value)
      for stream in 0..<3 as Range<UInt64> {
        let direction = operation.directions(like: inputs, stream)
        let slope = differences(sample.reference, at: point, along: direction.map(ReferenceArray.init))
        let scale = zip(gradients, direction).reduce(0) { $0 + largest($1.0) * absoluteSum($1.1) }
        let tape = zip(gradients, direction).reduce(0) { $0 + dot($1.0, $1.1) }
        let byDifferences = dot(seed, slope)
        #expect(
          abs(tape - byDifferences) <= sample.tolerance * scale + 1e-6,
          "gradient, \(layout): tape \(tape), differences \(byDifferences)")
      }
    }
  }

  /// The gradient is linear in the seed: its derivative with respect to the seed, along a direction of the inputs, is
  /// the derivative of the value along that direction. Its derivative with respect to the inputs is the second derivative.
  @Test(arguments: OperationCase.all.filter(\.sample.isTwiceDifferentiable))
  func gradientsHaveRightGradients(_ operation: OperationCase) {
    let sample = operation.sample
    let inputs = operation.inputs()
    let point = inputs.map(ReferenceArray.init)
    let leaves = inputs.map { Variable($0, requiresGradient: true) }
    let output = sample.forward(leaves)
    let seed = Variable(operation.seed(for: output.value), requiresGradient: true)
    let first = gradients(of: output, withRespectTo: leaves, seed: seed, createGraph: true)
    let v = operation.directions(like: inputs, 10)
    let w = operation.directions(like: inputs, 11)
    let slope = zip(first, v).reduce(Variable(0)) { $0 + ($1.0 * Variable($1.1)).sum() }
    // A derivative that is 0 everywhere, as that of x⁰, leads nowhere.
    let second =
      slope.requiresGradient
      ? gradients(of: slope, withRespectTo: [seed] + leaves)
      : ([seed] + leaves).map { Variable(.zeros($0.shape)) }

    let direction = v.map(ReferenceArray.init)
    expectClose(
      second[0].value, differences(sample.reference, at: point, along: direction), 10 * sample.tolerance,
      "derivative with respect to the seed")

    let other = w.map(ReferenceArray.init)
    // Where there are kinks the value is linear between them, and a step must not reach one.
    let step = sample.hasKinks ? 1e-5 : 1e-3
    let curvature = differences(
      { self.differences(sample.reference, at: $0, along: direction, step: step) }, at: point, along: other,
      step: step)
    let tape = zip(second[1...], w).reduce(0) { $0 + dot($1.0.value, $1.1) }
    let byDifferences = dot(seed.value, curvature)
    let scale = zip(second[1...], w).reduce(0) { $0 + largest($1.0.value) * absoluteSum($1.1) }
    #expect(
      abs(tape - byDifferences) <= 20 * sample.tolerance * scale + 1e-4,
      "second derivative: tape \(tape), differences \(byDifferences)")
  }

  @Test(arguments: OperationCase.all.filter { $0.sample.composition != nil })
  func fusedAgreesWithComposed(_ operation: OperationCase) throws {
    let inputs = operation.inputs()
    let composition = try #require(operation.sample.composition)
    let fused = operation.evaluate(inputs)
    let composed = operation.evaluate(inputs, composition)
    let tolerance = operation.sample.tolerance
    expectClose(fused.value, ReferenceArray(composed.value), tolerance, "value")
    for (a, b) in zip(fused.gradients, composed.gradients) {
      expectClose(a, ReferenceArray(b), tolerance, "gradient")
    }
  }

  @Test(arguments: OperationCase.all)
  func resultsDoNotDependOnTheRunTheThreadsOrWhatIsAskedFor(_ operation: OperationCase) {
    let inputs = operation.inputs()
    let first = operation.evaluate(inputs)
    for threads in [1, 2] {
      let again = ThreadPool.withThreadCount(threads) { operation.evaluate(inputs) }
      #expect(again.value == first.value)
      #expect(again.gradients == first.gradients)
    }
    for position in inputs.indices {
      let mixed = inputs.enumerated().map { Variable($0.element, requiresGradient: $0.offset == position) }
      let output = operation.sample.forward(mixed)
      let alone = gradients(
        of: output, withRespectTo: [mixed[position]], seed: Variable(operation.seed(for: output.value)))
      #expect(alone[0].value == first.gradients[position], "input \(position) alone")
    }
  }

  @Test(arguments: OperationCase.all)
  func instructionSetsAgree(_ operation: OperationCase) {
    let inputs = operation.inputs()
    let plain = Kernels.withTable(Kernels.singlePrecisionTables[0]) { operation.evaluate(inputs) }
    for table in Kernels.singlePrecisionTables.dropFirst() {
      let result = Kernels.withTable(table) { operation.evaluate(inputs) }
      expectClose(
        result.value, ReferenceArray(plain.value), operation.sample.tolerance, "value, \(table.name)")
      for (a, b) in zip(result.gradients, plain.gradients) {
        expectClose(a, ReferenceArray(b), operation.sample.tolerance, "gradient, \(table.name)")
      }
    }
  }

  /// Values and gradients by products of 16-bit numbers, on every level: off by the rounding of their operands, and by
  /// nothing where there is no product. Twice the bounds of one product, as sums of several have been rounded before.
  @Test(arguments: OperationCase.all)
  func precisionsAgree(_ operation: OperationCase) {
    let inputs = operation.inputs()
    let exact = operation.evaluate(inputs)
    for (precision, tolerance) in [(MatmulPrecision.bfloat16, 0x1p-6), (.bfloat16x3, 6 * 0x1p-16)] {
      for table in Kernels.tables {
        Kernels.withTable(table) {
          let result = Compute.withMatmulPrecision(precision) { operation.evaluate(inputs) }
          expectClose(
            result.value, ReferenceArray(exact.value), operation.sample.tolerance + tolerance,
            "value, \(table.name), \(precision)")
          for (a, b) in zip(result.gradients, exact.gradients) {
            expectClose(
              a, ReferenceArray(b), operation.sample.tolerance + tolerance,
              "gradient, \(table.name), \(precision)")
          }
          let onThree = ThreadPool.withThreadCount(3) {
            Compute.withMatmulPrecision(precision) { operation.evaluate(inputs) }
          }
          #expect(onThree.value == result.value && onThree.gradients == result.gradients)
        }
      }
    }
  }
}

// MARK: - Numbers

extension OperationTests {
  /// Elements may differ by `tolerance` times the largest expected one; NaN agrees with nothing.
  private func expectClose(
    _ found: Tensor, _ expected: ReferenceArray, _ tolerance: Double, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let scale = expected.values.reduce(0) { max($0, $1.magnitude) }
    let worst = zip(found.scalars, expected.values).first { pair in
      !((Double(pair.0) - pair.1).magnitude <= tolerance * scale + 1e-9)
    }
    #expect(
      found.count == expected.values.count && worst == nil, "\(what): \(String(describing: worst))",
      sourceLocation: sourceLocation)
  }

  /// Derivative of a function along a direction, by central differences.
  private func differences(
    _ function: ([ReferenceArray]) -> ReferenceArray, at point: [ReferenceArray],
    along direction: [ReferenceArray], step: Double = 1e-5
  ) -> ReferenceArray {
    func moved(_ step: Double) -> ReferenceArray {
      function(
        zip(point, direction).map { point, direction in
          ReferenceArray(
            zip(point.values, direction.values).map { $0 + step * $1 }, shape: point.shape)
        })
    }
    let (after, before) = (moved(step), moved(-step))
    return ReferenceArray(
      zip(after.values, before.values).map { ($0 - $1) / (2 * step) }, shape: after.shape)
  }

  private func dot(_ a: Tensor, _ b: Tensor) -> Double { dot(a, ReferenceArray(b)) }

  private func dot(_ a: Tensor, _ b: ReferenceArray) -> Double {
    zip(a.scalars, b.values).reduce(0) { $0 + Double($1.0) * $1.1 }
  }

  private func largest(_ a: Tensor) -> Double { a.scalars.reduce(0) { max($0, Double($1.magnitude)) } }

  private func absoluteSum(_ a: Tensor) -> Double { a.scalars.reduce(0) { $0 + Double($1.magnitude) } }
}
