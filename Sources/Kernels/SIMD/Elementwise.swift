import KernelInterface

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@inline(__always) func scalarUnary(_ operation: UnaryOperation, _ x: Float) -> Float {
  switch operation {
  case .negate: return -x
  case .absolute: return x.magnitude
  case .sign: return x > 0 ? 1 : x < 0 ? -1 : x
  case .square: return x * x
  case .squareRoot: return x.squareRoot()
  case .reciprocal: return 1 / x
  case .reciprocalSquareRoot: return 1 / x.squareRoot()
  case .exp: return expf(x)
  case .log: return logf(x)
  case .sin: return sinf(x)
  case .cos: return cosf(x)
  case .tanh: return tanhf(x)
  case .erf: return erff(x)
  case .sigmoid: return 1 / (1 + expf(-x))
  case .softplus: return (x > 0 ? x : x < 0 ? 0 : x) + log1pf(expf(-x.magnitude))
  case .logSigmoid: return (x < 0 ? x : x > 0 ? 0 : x) - log1pf(expf(-x.magnitude))
  case .relu: return x < 0 ? 0 : x
  case .relu6: return x < 0 ? 0 : x > 6 ? 6 : x
  case .geluTanh: return 0.5 * x * (1 + tanhf(0.7978845608028654 * (x + 0.044715 * x * x * x)))
  case .geluErf: return 0.5 * x * (1 + erff(x * 0.7071067811865476))
  case .quickGelu: return x / (1 + expf(-1.702 * x))
  case .silu: return x / (1 + expf(-x))
  case .floor: return x.rounded(.down)
  case .ceil: return x.rounded(.up)
  case .round: return x.rounded(.toNearestOrEven)
  }
}

@inline(__always) func scalarBinary(_ operation: BinaryOperation, _ a: Float, _ b: Float) -> Float {
  switch operation {
  case .add: return a + b
  case .subtract: return a - b
  case .multiply: return a * b
  case .divide: return a / b
  case .minimum: return a < b || a != a ? a : b
  case .maximum: return a > b || a != a ? a : b
  case .power: return powf(a, b)
  case .equal: return a == b ? 1 : 0
  case .notEqual: return a != b ? 1 : 0
  case .less: return a < b ? 1 : 0
  case .lessOrEqual: return a <= b ? 1 : 0
  case .greater: return a > b ? 1 : 0
  case .greaterOrEqual: return a >= b ? 1 : 0
  case .reluDerivative: return a > 0 ? b : 0
  case .relu6Derivative: return a > 0 && a < 6 ? b : 0
  case .geluTanhDerivative:
    let t = tanhf(0.7978845608028654 * (a + 0.044715 * a * a * a))
    let inner = 0.7978845608028654 * (1 + 3 * 0.044715 * a * a)
    return b * (0.5 * (1 + t) + 0.5 * a * (1 - t * t) * inner)
  case .geluErfDerivative:
    return b * (0.5 * (1 + erff(a * 0.7071067811865476)) + a * 0.3989422804014327 * expf(-0.5 * a * a))
  case .quickGeluDerivative:
    let s = 1 / (1 + expf(-1.702 * a))
    return b * (s + 1.702 * a * s * (1 - s))
  case .siluDerivative:
    let s = 1 / (1 + expf(-a))
    return b * (s + a * s * (1 - s))
  case .tanhDerivative: return b * (1 - a * a)
  case .sigmoidDerivative: return b * a * (1 - a)
  }
}

let elementwiseKernels = ElementwiseKernels(
  unary: { operation, x, xStride, out, count in
    let operation = UnaryOperation(rawValue: operation).unsafelyUnwrapped
    for i in 0..<count { out[i] = scalarUnary(operation, x[i * xStride]) }
  },
  binary: { operation, a, aStride, b, bStride, out, count in
    let operation = BinaryOperation(rawValue: operation).unsafelyUnwrapped
    for i in 0..<count { out[i] = scalarBinary(operation, a[i * aStride], b[i * bStride]) }
  },
  select: { condition, conditionStride, a, aStride, b, bStride, out, count in
    for i in 0..<count { out[i] = condition[i * conditionStride] != 0 ? a[i * aStride] : b[i * bStride] }
  },
  copy: { x, xStride, out, outStride, count in
    for i in 0..<count { out[i * outStride] = x[i * xStride] }
  },
  copyMatrix: { x, xRowStride, xColumnStride, out, outRowStride, outColumnStride, rows, columns in
    for i in 0..<rows {
      for j in 0..<columns {
        out[i * outRowStride + j * outColumnStride] = x[i * xRowStride + j * xColumnStride]
      }
    }
  },
  addScaled: { scale, x, y, count in
    for i in 0..<count { y[i] += scale * x[i] }
  },
  fill: { value, out, count in
    for i in 0..<count { out[i] = value }
  }
)
