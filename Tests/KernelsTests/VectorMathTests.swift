import Foundation
import Kernels
import Testing

/// Every operation of one number against double precision, with its error in units in the last place.
@Suite struct VectorMathTests {
  /// What the documentation of each function promises, in ULP.
  static let bounds: [(UnaryOperation, Double)] = [
    (.negate, 0), (.absolute, 0), (.sign, 0), (.square, 0.5), (.squareRoot, 0.5), (.reciprocal, 0.5),
    (.reciprocalSquareRoot, 1.5), (.exp, 1), (.expm1, 2), (.log, 1), (.log1p, 2), (.sin, 1), (.cos, 1),
    (.tanh, 2), (.erf, 2),
    (.sigmoid, 3), (.softplus, 3), (.logSigmoid, 3), (.relu, 0), (.relu6, 0), (.silu, 4), (.floor, 0),
    (.ceil, 0), (.round, 0),
  ]

  /// Edge cases, then every 40,009th float of the whole range, then denser samples where functions bend.
  static let samples: [Float] = {
    var samples: [Float] = [
      0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
      .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0.5, 1.5, 2.5, -0.5, -1.5,
      -0.3, 0.3, 8_388_607.5, 8_388_609, -8_388_607.5, 88.72283, 88.72284, -87.33655, -103.97, -104.1, 1, -1,
      0.625, 0.92, 6, 0.70710677, 0.70710679,
    ]
    for bits in stride(from: UInt32(1), to: 0x7f80_0000, by: 40_009) {
      samples.append(Float(bitPattern: bits))
      samples.append(-Float(bitPattern: bits))
    }
    for i in 0..<30_000 { samples.append((Float(i) - 15_000) * 7.1731e-3) }
    return samples
  }()

  static func apply(_ level: Level, _ operation: UnaryOperation, _ x: [Float]) -> [Float] {
    filled(x.count) { level.table.elementwise.unary(operation.rawValue, x, 1, $0, x.count) }
  }

  @Test(arguments: Level.all, bounds.map(\.0))
  func errorIsWithinItsBound(level: Level, operation: UnaryOperation) {
    let bound = Self.bounds.first { $0.0 == operation }!.1
    let result = Self.apply(level, operation, Self.samples)
    var worst = (ulps: 0.0, at: Float(0), result: Float(0))
    for (x, y) in zip(Self.samples, result) {
      if operation == .silu && x < -87 {
        // -infinity * 0 has no agreed value.
        #expect(x.isInfinite || abs(Double(y) - reference(.silu, Double(x))) < 2e-43)
        continue
      }
      let error = ulps(y, reference(operation, Double(x)))
      if error > worst.ulps { worst = (error, x, y) }
    }
    if ProcessInfo.processInfo.environment["PAIRWISE_PRINT_ERRORS"] != nil {
      print(level.testDescription, operation, "max ULP", worst.ulps, "at", worst.at)
    }
    #expect(worst.ulps <= bound, "\(operation)(\(worst.at)) = \(worst.result): \(worst.ulps) ULP")
  }

  static let tails: [UnaryOperation] = [.geluTanh, .geluErf, .quickGelu, .normalProbability]

  /// Relative error of the functions whose exponent carries rounding errors of its own.
  @Test(arguments: Level.all, tails)
  func activationsAreAccurateInTheirTails(level: Level, operation: UnaryOperation) {
    var worst = 0.0
    for (x, y) in zip(Self.samples, Self.apply(level, operation, Self.samples)) {
      if x.isInfinite { continue }
      let exact = reference(operation, Double(x))
      if exact.isNaN != y.isNaN { worst = .infinity }
      if exact.isNaN || (exact.magnitude < 1e-37 && y.magnitude < 1e-36) { continue }
      let growth = operation == .quickGelu ? abs(Double(x)) : Double(x) * Double(x)
      worst = max(worst, abs(Double(y) - exact) / (abs(exact) * (1 + growth)))
    }
    if ProcessInfo.processInfo.environment["PAIRWISE_PRINT_ERRORS"] != nil {
      print(level.testDescription, operation, "relative / growth", worst)
    }
    #expect(worst <= 5e-7)
    #expect(Self.apply(level, operation, [.infinity]) == [Float(reference(operation, .infinity))])
  }

  @Test func everyOperationIsTested() {
    let tested = Set(Self.bounds.map(\.0)).union(Self.tails)
    #expect(tested == Set(UnaryOperation.allCases))
  }

  @Test(arguments: Level.all)
  func signsOfZeroSurvive(level: Level) {
    for operation in [UnaryOperation.tanh, .erf, .expm1, .log1p, .floor, .ceil, .round, .sign] {
      #expect(sameBits(Self.apply(level, operation, [-0.0, 0]), [-0.0, 0]), "\(operation)")
    }
    #expect(sameBits(Self.apply(level, .negate, [0, -0.0]), [-0.0, 0]))
    #expect(sameBits(Self.apply(level, .ceil, [-0.25]), [-0.0]))
  }
}
