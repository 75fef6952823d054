import KernelInterface

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@inline(__always)
private func map(
  _ x: UnsafePointer<Float>, _ stride: Int, _ out: UnsafeMutablePointer<Float>, _ count: Int,
  _ function: (Vector) -> Vector
) {
  var i = 0
  if stride == 1 {
    while i + vectorWidth <= count {
      store(function(load(x + i)), out + i)
      i += vectorWidth
    }
  }
  while i < count {
    let n = Swift.min(vectorWidth, count - i)
    store(function(load(x + i * stride, stride: stride, n)), out + i, n)
    i += n
  }
}

@inline(__always)
private func map(
  _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>, _ bStride: Int,
  _ out: UnsafeMutablePointer<Float>, _ count: Int, _ function: (Vector, Vector) -> Vector
) {
  var i = 0
  if aStride == 1 && bStride == 1 {
    while i + vectorWidth <= count {
      store(function(load(a + i), load(b + i)), out + i)
      i += vectorWidth
    }
  } else if aStride == 1 && bStride == 0 {
    let b = Vector(repeating: b[0])
    while i + vectorWidth <= count {
      store(function(load(a + i), b), out + i)
      i += vectorWidth
    }
  }
  while i < count {
    let n = Swift.min(vectorWidth, count - i)
    let va = load(a + i * aStride, stride: aStride, n)
    let vb = load(b + i * bStride, stride: bStride, n)
    store(function(va, vb), out + i, n)
    i += n
  }
}

/// Sine or cosine: angles so large that they need more digits of pi go to the C library, one at a time.
@inline(__always)
private func mapAngles(
  _ x: UnsafePointer<Float>, _ stride: Int, _ out: UnsafeMutablePointer<Float>, _ count: Int,
  _ function: (Vector) -> Vector, _ scalarFunction: (Float) -> Float
) {
  let limit = Vector(repeating: largestReducedAngle)
  var i = 0
  while i < count {
    let n = Swift.min(vectorWidth, count - i)
    let angles = load(x + i * stride, stride: stride, n)
    // Not `any`, which would be one function for the modules of all instruction sets.
    if horizontalSum(truth((magnitude(angles) .> limit) .| (angles .!= angles))) != 0 {
      for j in i..<i + n { out[j] = scalarFunction(x[j * stride]) }
    } else {
      store(function(angles), out + i, n)
    }
    i += n
  }
}

@inline(__always)
private func sign(_ x: Vector) -> Vector {
  let isOrdered = (x .< Vector(repeating: 0)) .| (x .> Vector(repeating: 0))
  return select(isOrdered, withSign(of: x, Vector(repeating: 1)), x)
}

/// To the nearest integer, ties to even.
@inline(__always)
private func round(_ x: Vector) -> Vector {
  // From 2^23 on every float is an integer; adding 2^23 to a smaller one rounds it to an integer.
  let shift = Vector(repeating: 8_388_608)
  let t = magnitude(x)
  return select(t .< shift, withSign(of: x, (t + shift) - shift), x)
}

@inline(__always)
private func floor(_ x: Vector) -> Vector {
  let nearest = round(x)
  return select(nearest .> x, nearest - Vector(repeating: 1), nearest)
}

@inline(__always)
private func ceil(_ x: Vector) -> Vector { negate(floor(negate(x))) }

@inline(__always)
private func truth(_ mask: SIMDMask<VectorBits>) -> Vector {
  select(mask, Vector(repeating: 1), Vector(repeating: 0))
}

/// The constant 1.
private var one: Vector { @inline(__always) get { Vector(repeating: 1) } }

@inline(__always)
private func unary(
  _ operation: UnaryOperation, _ x: UnsafePointer<Float>, _ stride: Int, _ out: UnsafeMutablePointer<Float>,
  _ count: Int
) {
  switch operation {
  case .negate: map(x, stride, out, count, negate)
  case .absolute: map(x, stride, out, count, magnitude)
  case .sign: map(x, stride, out, count, sign)
  case .square: map(x, stride, out, count) { $0 * $0 }
  case .squareRoot: map(x, stride, out, count) { $0.squareRoot() }
  case .reciprocal: map(x, stride, out, count) { one / $0 }
  case .reciprocalSquareRoot: map(x, stride, out, count) { one / $0.squareRoot() }
  case .exp: map(x, stride, out, count, exponential)
  case .log: map(x, stride, out, count, logarithm)
  case .expm1: map(x, stride, out, count, exponentialLessOne)
  case .log1p: map(x, stride, out, count, logarithmOfOneMore)
  case .sin: mapAngles(x, stride, out, count, sine) { sinf($0) }
  case .cos: mapAngles(x, stride, out, count, cosine) { cosf($0) }
  case .tanh: map(x, stride, out, count, hyperbolicTangent)
  case .erf: map(x, stride, out, count, errorFunction)
  case .sigmoid: map(x, stride, out, count, sigmoid)
  case .softplus: map(x, stride, out, count, softplus)
  case .logSigmoid: map(x, stride, out, count, logSigmoid)
  case .relu: map(x, stride, out, count, relu)
  case .relu6: map(x, stride, out, count) { clamp($0, 0, 6) }
  case .geluTanh: map(x, stride, out, count, geluTanh)
  case .geluErf: map(x, stride, out, count, geluErf)
  case .quickGelu: map(x, stride, out, count, quickGelu)
  case .silu: map(x, stride, out, count, silu)
  case .normalProbability: map(x, stride, out, count, normalProbability)
  case .floor: map(x, stride, out, count, floor)
  case .ceil: map(x, stride, out, count, ceil)
  case .round: map(x, stride, out, count, round)
  }
}

@inline(__always)
private func binary(
  _ operation: BinaryOperation, _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>,
  _ bStride: Int, _ out: UnsafeMutablePointer<Float>, _ count: Int
) {
  switch operation {
  case .add: map(a, aStride, b, bStride, out, count) { $0 + $1 }
  case .subtract: map(a, aStride, b, bStride, out, count) { $0 - $1 }
  case .multiply: map(a, aStride, b, bStride, out, count) { $0 * $1 }
  case .divide: map(a, aStride, b, bStride, out, count) { $0 / $1 }
  case .minimum: map(a, aStride, b, bStride, out, count, minimum)
  case .maximum: map(a, aStride, b, bStride, out, count, maximum)
  case .power:
    if bStride == 0 && count > 0 && b[0] == 2 { return map(a, aStride, out, count) { $0 * $0 } }
    for i in 0..<count { out[i] = powf(a[i * aStride], b[i * bStride]) }
  case .equal: map(a, aStride, b, bStride, out, count) { truth($0 .== $1) }
  case .notEqual: map(a, aStride, b, bStride, out, count) { truth($0 .!= $1) }
  case .less: map(a, aStride, b, bStride, out, count) { truth($0 .< $1) }
  case .lessOrEqual: map(a, aStride, b, bStride, out, count) { truth($0 .<= $1) }
  case .greater: map(a, aStride, b, bStride, out, count) { truth($0 .> $1) }
  case .greaterOrEqual: map(a, aStride, b, bStride, out, count) { truth($0 .>= $1) }
  case .reluDerivative: map(a, aStride, b, bStride, out, count, reluDerivative)
  case .relu6Derivative: map(a, aStride, b, bStride, out, count, relu6Derivative)
  case .geluTanhDerivative: map(a, aStride, b, bStride, out, count, geluTanhDerivative)
  case .geluErfDerivative: map(a, aStride, b, bStride, out, count, geluErfDerivative)
  case .quickGeluDerivative: map(a, aStride, b, bStride, out, count, quickGeluDerivative)
  case .siluDerivative: map(a, aStride, b, bStride, out, count, siluDerivative)
  case .tanhDerivative: map(a, aStride, b, bStride, out, count, tanhDerivative)
  case .sigmoidDerivative: map(a, aStride, b, bStride, out, count, sigmoidDerivative)
  }
}

let elementwiseKernels = ElementwiseKernels(
  unary: { operation, x, xStride, out, count in
    unary(operationCase(operation, as: UnaryOperation.self), x, xStride, out, count)
  },
  binary: { operation, a, aStride, b, bStride, out, count in
    binary(operationCase(operation, as: BinaryOperation.self), a, aStride, b, bStride, out, count)
  },
  select: { condition, conditionStride, a, aStride, b, bStride, out, count in
    forEachVector(count) { i, n in
      let mask = load(condition + i * conditionStride, stride: conditionStride, n)
      let va = load(a + i * aStride, stride: aStride, n)
      let vb = load(b + i * bStride, stride: bStride, n)
      store(select(mask .!= Vector(repeating: 0), va, vb), out + i, n)
    }
  },
  copy: { x, xStride, out, outStride, count in copy(x, xStride, out, outStride, count) },
  copyMatrix: { x, xRowStride, xColumnStride, out, outRowStride, outColumnStride, rows, columns in
    copyMatrix(x, xRowStride, xColumnStride, out, outRowStride, outColumnStride, rows, columns)
  },
  addScaled: { scale, x, y, count in
    let factor = Vector(repeating: scale)
    forEachVector(count) { i, n in
      store(multiplyAdd(factor, load(x + i, stride: 1, n), load(y + i, stride: 1, n)), y + i, n)
    }
  },
  fill: { value, out, count in
    let vector = Vector(repeating: value)
    forEachVector(count) { i, n in store(vector, out + i, n) }
  }
)
