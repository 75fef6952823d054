import KernelInterface

// Exponentials and their relatives, without branches and tables. The polynomials are weighted minimax fits of the
// functions named beside them. Errors are in units in the last place (ULP) of the exact result; the tests hold them.

// Polynomials with coefficients from the lowest power up.

@_transparent
func polynomial(_ x: Vector, _ c0: Float, _ c1: Float, _ c2: Float, _ c3: Float) -> Vector {
  multiplyAdd(multiplyAdd(multiplyAdd(Vector(repeating: c3), x, c2), x, c1), x, c0)
}

@_transparent
func polynomial(_ x: Vector, _ c0: Float, _ c1: Float, _ c2: Float, _ c3: Float, _ c4: Float) -> Vector {
  multiplyAdd(polynomial(x, c1, c2, c3, c4), x, c0)
}

@_transparent
func polynomial(
  _ x: Vector, _ c0: Float, _ c1: Float, _ c2: Float, _ c3: Float, _ c4: Float, _ c5: Float
) -> Vector {
  multiplyAdd(polynomial(x, c1, c2, c3, c4, c5), x, c0)
}

/// Adding it to a float of at most 2^22 leaves the nearest integer in the lowest bits of the sum.
private var integerShift: Float { @_transparent get { 12_582_912 } }
private var integerShiftBits: Int32 { @_transparent get { 0x4b40_0000 } }

/// 2^k for integers k from -126 to 127.
@_transparent
private func powerOfTwo(_ k: VectorBits) -> Vector {
  unsafeBitCast((k &+ 127) &<< 23, to: Vector.self)
}

/// e^x within 1 ULP, gradual underflow included.
///
/// e^x = 2^n e^r with |r| <= log(2) / 2. The power is applied in two halves so that neither overflows before the
/// result does.
@_transparent
func exponential(_ x: Vector) -> Vector {
  let (r, k) = exponentialParts(clamp(x, -104, 89))
  let p = exponentialSeries(r) + Vector(repeating: 1)
  let half = k &>> 1
  return p * powerOfTwo(half) * powerOfTwo(k &- half)
}

/// x - n log(2) for the nearest integer n, and n.
@_transparent
private func exponentialParts(_ x: Vector) -> (rest: Vector, power: VectorBits) {
  let shifted = multiplyAdd(x, Vector(repeating: 1.44269504), integerShift)
  let n = shifted - Vector(repeating: integerShift)
  // log(2) in two parts: n times the first is exact.
  let high = multiplyAdd(n, Vector(repeating: -0.693359375), x)
  let rest = multiplyAdd(n, Vector(repeating: 2.12194440e-4), high)
  return (rest, unsafeBitCast(shifted, to: VectorBits.self) &- integerShiftBits)
}

/// e^r - 1 for |r| <= log(2) / 2.
@_transparent
private func exponentialSeries(_ r: Vector) -> Vector {
  let q = polynomial(r, 0.5, 0.16666666, 0.04166629, 0.0083334986, 0.0013944869, 0.00019790136)
  return multiplyAdd(r * r, q, r)
}

/// log(x) within 1 ULP; of a negative number NaN, of zero -infinity.
@_transparent
func logarithm(_ x: Vector) -> Vector {
  let isSubnormal = x .< Vector(repeating: Float.leastNormalMagnitude)
  let normal = select(isSubnormal, x * Vector(repeating: 8_388_608), x)
  // x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2)
  let bits = unsafeBitCast(normal, to: VectorBits.self)
  let exponent = (bits &- 0x3f35_04f3) &>> 23
  let f = unsafeBitCast(bits &- (exponent &<< 23), to: Vector.self) - Vector(repeating: 1)
  var k = unsafeBitCast(exponent &+ integerShiftBits, to: Vector.self) - Vector(repeating: integerShift)
  k = select(isSubnormal, k - Vector(repeating: 23), k)
  // log(1 + f) = f - f^2 / 2 + f^3 p(f)
  let square = f * f
  let low = polynomial(f, 0.33333313, -0.25000009, 0.20002119, -0.16667996)
  let high = polynomial(f, 0.14219552, -0.12405589, 0.11888162, -0.11675652, 0.067466408)
  let p = multiplyAdd(high, square * square, low)
  var y = multiplyAdd(k, Vector(repeating: -2.12194440e-4), square * f * p)
  y = multiplyAdd(square, Vector(repeating: -0.5), y)
  y = multiplyAdd(k, Vector(repeating: 0.693359375), f + y)
  y = select(x .< Vector(repeating: 0), Vector(repeating: .nan), y)
  y = select(x .== Vector(repeating: 0), Vector(repeating: -.infinity), y)
  return select((x .== Vector(repeating: .infinity)) .| (x .!= x), x, y)
}

/// log(1 + e) for -1/2 <= e <= 1 within 2 ULP: twice the inverse hyperbolic tangent of e / (2 + e).
@_transparent
func logarithmOfOnePlus(_ e: Vector) -> Vector {
  let s = e / (e + Vector(repeating: 2))
  let z = s * s
  let p = polynomial(z, 0.33333337, 0.19999439, 0.14308442, 0.10713829, 0.12150466)
  let twice = s + s
  return multiplyAdd(twice * z, p, twice)
}

/// log(1 + x) within 2 ULP; below -1 NaN, of -1 -infinity.
@_transparent
func logarithmOfOneMore(_ x: Vector) -> Vector {
  let one = Vector(repeating: 1)
  let sum = one + x
  // What rounding took from the sum; below -1/2 that is nothing.
  let rest = select(
    (x .> one) .& (x .< Vector(repeating: .infinity)), (x - (sum - one)) / sum, Vector(repeating: 0))
  let isNear = (x .>= Vector(repeating: -0.5)) .& (x .<= one)
  let y = select(isNear, logarithmOfOnePlus(x), logarithm(sum) + rest)
  // A small number is its own, also a subnormal one, and zero keeps its sign.
  return select(magnitude(x) .< Vector(repeating: 0x1p-25), x, y)
}

/// e^x - 1 within 2 ULP.
///
/// (e^r - 1 + 1 - 2^-n) 2^n with |r| <= log(2) / 2: only where n is 0 are the terms 1 and 2^-n far larger than the result,
/// and there they cancel.
@_transparent
func exponentialLessOne(_ x: Vector) -> Vector {
  let bounded = clamp(x, -80, 89)
  let (r, k) = exponentialParts(bounded)
  let half = k &>> 1
  let reciprocal = powerOfTwo(0 &- half) * powerOfTwo(half &- k)
  let p = exponentialSeries(r) + (Vector(repeating: 1) - reciprocal)
  return select(
    magnitude(x) .< Vector(repeating: 0x1p-25), x, p * powerOfTwo(half) * powerOfTwo(k &- half))
}

/// tanh(x) within 2 ULP.
@_transparent
func hyperbolicTangent(_ x: Vector) -> Vector {
  let t = magnitude(x)
  let one = Vector(repeating: 1)
  let large = one - Vector(repeating: 2) / (exponential(t + t) + one)
  let z = x * x
  let p = polynomial(z, -0.33333331, 0.13333206, -0.053946763, 0.021700703, -0.0081773987, 0.0021429618)
  let small = multiplyAdd(t * z, p, t)
  return withSign(of: x, select(t .< Vector(repeating: 0.625), small, large))
}

/// 1 / (1 + e^-x) within 3 ULP, gradual underflow included.
@_transparent
func sigmoid(_ x: Vector) -> Vector {
  let one = Vector(repeating: 1)
  let e = exponential(negate(magnitude(x)))
  return select(x .>= Vector(repeating: 0), one, e) / (one + e)
}

/// log(1 + e^-|x|), the smooth part of softplus and log-sigmoid.
@_transparent
func smoothCorner(_ x: Vector) -> Vector { logarithmOfOnePlus(exponential(negate(magnitude(x)))) }

/// log(1 + e^x) within 3 ULP.
@_transparent
func softplus(_ x: Vector) -> Vector {
  select(x .< Vector(repeating: 0), Vector(repeating: 0), x) + smoothCorner(x)
}

/// log(sigmoid(x)) within 3 ULP.
@_transparent
func logSigmoid(_ x: Vector) -> Vector {
  select(x .> Vector(repeating: 0), Vector(repeating: 0), x) - smoothCorner(x)
}

/// Beyond it the reduction of an angle would lose digits.
let largestReducedAngle: Float = 8000

/// x - n pi/2 for the nearest integer n, as a number of at most pi/4 and what its rounding left over.
@_transparent
private func reducedAngle(_ x: Vector) -> (quarters: VectorBits, angle: Vector, rest: Vector) {
  let shifted = multiplyAdd(x, Vector(repeating: 0.63661977), integerShift)
  let n = shifted - Vector(repeating: integerShift)
  // pi/2 in four parts: the products of n with the first three, and the first two differences, are exact.
  let near = multiplyAdd(
    n, Vector(repeating: -0.0004837513), multiplyAdd(n, Vector(repeating: -1.5703125), x))
  let third = n * Vector(repeating: 7.5495336e-08)
  let fourth = n * Vector(repeating: 2.563344e-12)
  let nearer = near - third
  let angle = nearer - fourth
  let rest = ((near - nearer) - third) + ((nearer - angle) - fourth)
  return (unsafeBitCast(shifted, to: VectorBits.self) &- integerShiftBits, angle, rest)
}

/// The sine of an angle that lies `quarters` right angles further.
@_transparent
private func sine(quarters: VectorBits, angle: Vector, rest: Vector) -> Vector {
  let z = angle * angle
  let half = z * Vector(repeating: 0.5)
  let one = Vector(repeating: 1)
  let w = one - half
  let s = multiplyAdd(multiplyAdd(Vector(repeating: -0.0001951084), z, 0.008332131), z, -0.16666654)
  let sine = angle + multiplyAdd(angle * z, s, rest * w)
  let c = multiplyAdd(multiplyAdd(Vector(repeating: 2.442568e-05), z, -0.0013887251), z, 0.041666646)
  let cosine = w + (((one - w) - half) + multiplyAdd(z * z, c, negate(angle * rest)))
  let y = select((quarters & 1) .== 0, sine, cosine)
  return unsafeBitCast(
    unsafeBitCast(y, to: VectorBits.self) ^ ((quarters & 2) &<< 30), to: Vector.self)
}

/// sin(x) within 1 ULP, for |x| up to 8000.
@_transparent
func sine(_ x: Vector) -> Vector {
  let r = reducedAngle(x)
  // A small angle is its own sine, and zero keeps its sign.
  return select(
    magnitude(x) .< Vector(repeating: 2e-4), x, sine(quarters: r.quarters, angle: r.angle, rest: r.rest))
}

/// cos(x) within 1 ULP, for |x| up to 8000.
@_transparent
func cosine(_ x: Vector) -> Vector {
  let r = reducedAngle(x)
  return sine(quarters: r.quarters &+ 1, angle: r.angle, rest: r.rest)
}
