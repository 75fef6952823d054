import Foundation
import Kernels
import Testing

/// A kernel table as the argument of a test, shown by its name.
struct Level: CustomTestStringConvertible, Sendable {
  let table: KernelTable
  var testDescription: String { "\(table.name)" }
  static let all = Kernels.singlePrecisionTables.map { Level(table: $0) }
}

/// Sizes around the width of a vector, the blocks of a sum, and beyond.
let sizes = [0, 1, 15, 16, 17, 31, 33, 63, 65, 100, 1000]

/// Numbers without pattern, the same on every run.
func numbers(_ count: Int, seed: UInt64 = 1, in range: ClosedRange<Float> = -3...3) -> [Float] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Float(state >> 40) / Float(1 << 24)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }
}

/// `values` laid out `stride` apart; stride 0 keeps the first only.
func spread(_ values: [Float], stride: Int) -> [Float] {
  if stride == 0 { return [values.first ?? 0] }
  var result = [Float](repeating: 99, count: max(values.count * stride, 1))
  for (i, value) in values.enumerated() { result[i * stride] = value }
  return result
}

/// What `spread` keeps, as a contiguous operand.
func seen(_ values: [Float], stride: Int) -> [Float] {
  stride == 0 ? values.map { _ in values[0] } : values
}

/// An array of `count` numbers that `body` fills through a pointer. Canaries behind it must survive.
func filled(_ count: Int, with initial: Float = 0, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
  var result = [Float](repeating: initial, count: count) + [Float](repeating: 12345, count: 16)
  result.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  precondition(result[count...].allSatisfy { $0 == 12345 }, "written beyond the end")
  return Array(result[..<count])
}

/// Distance in units in the last place of the exact value; 0 for two NaNs or equal infinities.
func ulps(_ value: Float, _ exact: Double) -> Double {
  if value.isNaN || exact.isNaN { return value.isNaN && exact.isNaN ? 0 : .infinity }
  let rounded = Float(exact)
  if rounded.isInfinite || value.isInfinite { return value == rounded ? 0 : .infinity }
  return abs(Double(value) - exact) / Double(max(rounded.magnitude.ulp, .leastNonzeroMagnitude))
}

/// Largest absolute difference, and infinity where only one is NaN.
func difference(_ a: [Float], _ b: [Double]) -> Double {
  zip(a, b).reduce(a.count == b.count ? 0 : .infinity) { worst, pair in
    if pair.0.isNaN != pair.1.isNaN { return .infinity }
    if Double(pair.0) == pair.1 || pair.0.isNaN { return worst }
    return max(worst, abs(Double(pair.0) - pair.1))
  }
}

func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
}

private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
private func normalProbability(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
private func normalDensity(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
private func geluArgument(_ x: Double) -> Double {
  2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
}

func reference(_ operation: UnaryOperation, _ x: Double) -> Double {
  switch operation {
  case .negate: -x
  case .absolute: abs(x)
  case .sign: x > 0 ? 1 : x < 0 ? -1 : x
  case .square: x * x
  case .squareRoot: x.squareRoot()
  case .reciprocal: 1 / x
  case .reciprocalSquareRoot: 1 / x.squareRoot()
  case .exp: exp(x)
  case .log: log(x)
  case .log1p: log1p(x)
  case .expm1: expm1(x)
  case .sin: sin(x)
  case .cos: cos(x)
  case .tanh: tanh(x)
  case .erf: erf(x)
  case .sigmoid: x < 0 ? exp(x) / (1 + exp(x)) : logistic(x)
  case .softplus: x.isNaN ? x : max(x, 0) + log1p(exp(-abs(x)))
  case .logSigmoid: x.isNaN ? x : min(x, 0) - log1p(exp(-abs(x)))
  case .relu: x < 0 ? 0 : x
  case .relu6: x < 0 ? 0 : x > 6 ? 6 : x
  case .geluTanh: x * logistic(geluArgument(x))
  case .geluErf: x * normalProbability(x)
  case .quickGelu: x * logistic(1.702 * x)
  case .silu: x * logistic(x)
  case .normalProbability: normalProbability(x)
  case .floor: x.rounded(.down)
  case .ceil: x.rounded(.up)
  case .round: x.rounded(.toNearestOrEven)
  }
}

func reference(_ operation: BinaryOperation, _ a: Double, _ b: Double) -> Double {
  switch operation {
  case .add: return a + b
  case .subtract: return a - b
  case .multiply: return a * b
  case .divide: return a / b
  case .minimum: return a.isNaN || b.isNaN ? .nan : min(a, b)
  case .maximum: return a.isNaN || b.isNaN ? .nan : max(a, b)
  case .power: return pow(a, b)
  case .equal: return a == b ? 1 : 0
  case .notEqual: return a != b ? 1 : 0
  case .less: return a < b ? 1 : 0
  case .lessOrEqual: return a <= b ? 1 : 0
  case .greater: return a > b ? 1 : 0
  case .greaterOrEqual: return a >= b ? 1 : 0
  case .reluDerivative: return a <= 0 ? 0 : b
  case .relu6Derivative: return a <= 0 || a >= 6 ? 0 : b
  case .geluTanhDerivative:
    let s = logistic(geluArgument(a))
    return b * (s + a * s * (1 - s) * 2 * (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * a * a))
  case .geluErfDerivative: return b * (normalProbability(a) + a * normalDensity(a))
  case .quickGeluDerivative:
    let s = logistic(1.702 * a)
    return b * (s + 1.702 * a * s * (1 - s))
  case .siluDerivative: return b * (logistic(a) + a * logistic(a) * (1 - logistic(a)))
  case .tanhDerivative: return b * 4 * logistic(2 * a) * logistic(-2 * a)
  case .sigmoidDerivative: return b * logistic(a) * logistic(-a)
  }
}
