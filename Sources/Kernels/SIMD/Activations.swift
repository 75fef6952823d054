import KernelInterface

// Activations and their derivatives. Each derivative takes the input x and the gradient g of the output. Where a
// factor that grows meets one that vanishes, x is clamped to the range in which the product is not yet zero.

private var zero: Vector { @_transparent get { Vector(repeating: 0) } }
private var one: Vector { @_transparent get { Vector(repeating: 1) } }

/// Where the power series of the error function gives way to the exponential of a polynomial.
private let errorFunctionSplit: Float = 0.92

/// erf(x) for |x| < 0.92: x + x p(x^2).
@_transparent
private func errorFunctionNearZero(_ x: Vector) -> Vector {
  let z = x * x
  let low = polynomial(z, 0.12837917, -0.37612632, 0.11283679, -0.026858497, 0.0051988298)
  let high = multiplyAdd(Vector(repeating: 8.2674618e-05), z, -0.00081180752)
  let z4 = (z * z) * z
  return multiplyAdd(x, multiplyAdd(z4 * (z * z), high, low), x)
}

/// 1 - erf(t) for t >= 0.92: exp(-t - t p(t)), fitted up to 9.6, beyond which the result is zero.
@_transparent
private func complementaryErrorFunctionTail(_ t: Vector) -> Vector {
  let t = clamp(t, 0, 10)
  let high = polynomial(t, -0.00063071604, 5.9046291e-05, -3.6406475e-06, 1.3196987e-07, -2.1210635e-09)
  let low = polynomial(t, 0.12904546, 0.63358051, 0.10878528, -0.025956411, 0.0047256914)
  let square = t * t
  let p = multiplyAdd(square * square * t, high, low)
  return exponential(negate(multiplyAdd(t, p, t)))
}

/// erf(x) within 2 ULP.
@_transparent
func errorFunction(_ x: Vector) -> Vector {
  let t = magnitude(x)
  let far = withSign(of: x, one - complementaryErrorFunctionTail(t))
  return select(t .< Vector(repeating: errorFunctionSplit), errorFunctionNearZero(x), far)
}

/// The probability that a standard normal number is below x, within a relative error of 5e-7 (1 + x^2).
@_transparent
func normalProbability(_ x: Vector) -> Vector {
  let half = Vector(repeating: 0.5)
  let z = x * Vector(repeating: 0.70710678)
  let t = magnitude(z)
  let tail = half * complementaryErrorFunctionTail(t)
  let far = select(x .< zero, tail, one - tail)
  let near = multiplyAdd(half, errorFunctionNearZero(z), half)
  return select(t .< Vector(repeating: errorFunctionSplit), near, far)
}

@_transparent
func relu(_ x: Vector) -> Vector { select(x .< zero, zero, x) }

@_transparent
func reluDerivative(_ x: Vector, _ g: Vector) -> Vector { select(x .<= zero, zero, g) }

@_transparent
func relu6Derivative(_ x: Vector, _ g: Vector) -> Vector {
  select((x .<= zero) .| (x .>= Vector(repeating: 6)), zero, g)
}

/// x P(X < x), within a relative error of 5e-7 (1 + x^2).
@_transparent
func geluErf(_ x: Vector) -> Vector { x * normalProbability(x) }

@_transparent
func geluErfDerivative(_ x: Vector, _ g: Vector) -> Vector {
  let bounded = clamp(x, -20, 20)
  let density = Vector(repeating: 0.39894228) * exponential(bounded * bounded * Vector(repeating: -0.5))
  return g * multiplyAdd(bounded, density, normalProbability(x))
}

/// 2 sqrt(2 / pi) (x + 0.044715 x^3)
@_transparent
private func geluArgument(_ x: Vector) -> Vector {
  x * multiplyAdd(x * x, Vector(repeating: 0.071354816), 1.5957691)
}

/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, within a relative error of 5e-7 (1 + x^2); as
/// (1 + tanh(u)) / 2 = sigmoid(2 u), it does not lose its digits where x is negative.
@_transparent
func geluTanh(_ x: Vector) -> Vector { x * sigmoid(geluArgument(x)) }

/// s = sigmoid(x) and its derivative s (1 - s), neither of which loses its digits on either side.
@_transparent
private func sigmoidAndSlope(_ x: Vector) -> (value: Vector, slope: Vector) {
  let e = exponential(negate(magnitude(x)))
  let reciprocal = one / (one + e)
  return (select(x .>= zero, one, e) * reciprocal, e * reciprocal * reciprocal)
}

/// g s (1 - s) with s = sigmoid(x): from x, because s itself is 1 long before its slope is 0.
@_transparent
func sigmoidDerivative(_ x: Vector, _ g: Vector) -> Vector { g * sigmoidAndSlope(x).slope }

/// g (1 - tanh(x)^2), as tanh(x) = 2 sigmoid(2 x) - 1.
@_transparent
func tanhDerivative(_ x: Vector, _ g: Vector) -> Vector {
  g * (Vector(repeating: 4) * sigmoidAndSlope(x + x).slope)
}

@_transparent
func geluTanhDerivative(_ x: Vector, _ g: Vector) -> Vector {
  let bounded = clamp(x, -20, 20)
  let s = sigmoidAndSlope(geluArgument(bounded))
  let inner = multiplyAdd(bounded * bounded, Vector(repeating: 0.21406445), 1.5957691)
  return g * multiplyAdd(bounded * inner, s.slope, s.value)
}

/// x sigmoid(1.702 x), within a relative error of 4e-7 (1 + |x|).
@_transparent
func quickGelu(_ x: Vector) -> Vector { x * sigmoid(x * Vector(repeating: 1.702)) }

@_transparent
func quickGeluDerivative(_ x: Vector, _ g: Vector) -> Vector {
  let bounded = clamp(x, -100, 100) * Vector(repeating: 1.702)
  let s = sigmoidAndSlope(bounded)
  return g * multiplyAdd(bounded, s.slope, s.value)
}

/// x sigmoid(x) within 4 ULP; below -87, where the sigmoid is subnormal, within 2e-43.
@_transparent
func silu(_ x: Vector) -> Vector { x * sigmoid(x) }

@_transparent
func siluDerivative(_ x: Vector, _ g: Vector) -> Vector {
  let bounded = clamp(x, -150, 150)
  let s = sigmoidAndSlope(bounded)
  return g * multiplyAdd(bounded, s.slope, s.value)
}
