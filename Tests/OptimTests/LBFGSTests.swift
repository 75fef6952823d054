import Foundation
import Optim
import Testing

@Suite struct LBFGSTests {
  /// Rosenbrock's valley in several dimensions, whose minimum is 0 where all are 1.
  private static func valley(_ x: [Double], _ gradient: inout [Double]) -> Double {
    var value = 0.0
    for i in 0..<x.count - 1 {
      let (a, b) = (1 - x[i], x[i + 1] - x[i] * x[i])
      value += a * a + 100 * b * b
      gradient[i] += -2 * a - 400 * x[i] * b
      gradient[i + 1] += 200 * b
    }
    return value
  }

  @Test(arguments: [2, 7, 40])
  func aBentValley(dimensions: Int) {
    let start = (0..<dimensions).map { $0 % 2 == 0 ? -1.2 : 1.0 }
    let minimum = LBFGS(gradientTolerance: 1e-10).minimize(from: start, Self.valley)
    #expect(minimum.isConverged && minimum.largestDerivative <= 1e-10 && minimum.value < 1e-18)
    for x in minimum.point { #expect(abs(x - 1) < 1e-9) }
    // scipy's L-BFGS-B computes the valley 47, 81 and 298 times.
    #expect(minimum.evaluations < [2: 60, 7: 120, 40: 400][dimensions]!, "\(minimum.evaluations)")
  }

  /// Curvatures from 1 to a million: steepest descent would need as many steps, scipy's L-BFGS-B 139.
  @Test func manyScales() {
    let curvatures = (0..<20).map { pow(10, 6 * Double($0) / 19) }
    let minimum = LBFGS(gradientTolerance: 1e-9, historySize: 50).minimize(from: curvatures.map { _ in 1 }) {
      x, gradient in
      var value = 0.0
      for i in x.indices {
        let distance = x[i] - Double(i)
        gradient[i] = curvatures[i] * distance
        value += curvatures[i] * distance * distance / 2
      }
      return value
    }
    #expect(minimum.isConverged && minimum.iterations < 200, "\(minimum.iterations)")
    for (i, x) in minimum.point.enumerated() { #expect(abs(x - Double(i)) < 1e-8) }
  }

  /// A function that is nowhere beyond 1: a step that goes there is too long.
  @Test func stepsStayWhereThereAreNumbers() {
    let minimum = LBFGS(gradientTolerance: 1e-9).minimize(from: [0.999]) { x, gradient in
      gradient[0] = 1 / (1 - x[0]) - 3
      return -log(1 - x[0]) - 3 * x[0]
    }
    #expect(minimum.isConverged && abs(minimum.point[0] - 2.0 / 3) < 1e-9)
  }

  @Test func itEndsWhereItIsTold() {
    let start = [-1.2, 1]
    let short = LBFGS(maximumIterations: 3).minimize(from: start, Self.valley)
    #expect(short.iterations == 3 && !short.isConverged)
    var gradient = [0.0, 0]
    #expect(short.value < Self.valley(start, &gradient))
    let none = LBFGS().minimize(from: [1, 1], Self.valley)
    #expect(none.iterations == 0 && none.evaluations == 1 && none.isConverged && none.point == [1, 1])
    // Nothing is below: rounding ends it, with the best point.
    let exact = LBFGS(gradientTolerance: 0).minimize(from: [3.3, -1]) { x, gradient in
      gradient = [x[0] - 0.1, 3 * (x[1] - 0.7)]
      return 100 + (gradient[0] * gradient[0] + gradient[1] * gradient[1] / 3) / 2
    }
    #expect(abs(exact.point[0] - 0.1) < 1e-7 && abs(exact.point[1] - 0.7) < 1e-7)
  }

  @Test func aFunctionMayThrow() {
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try LBFGS().minimize(from: [1]) { _, _ in throw Stop() }
    }
  }

  /// Nothing to choose: the same start gives the same bits.
  @Test func itIsDeterministic() {
    let minimizer = LBFGS(gradientTolerance: 1e-6, historySize: 3)
    let start = [0.3, -2, 1.7]
    #expect(minimizer.minimize(from: start, Self.valley) == minimizer.minimize(from: start, Self.valley))
  }
}
