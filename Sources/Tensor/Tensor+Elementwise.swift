import Kernels

/// Elementwise operations. Two operands broadcast by NumPy's rule; the result is contiguous.
extension Tensor {
  /// Applies a kernel to every element.
  package func map(_ operation: UnaryOperation) -> Tensor {
    let source = withReadableRows
    let result = Tensor(uninitialized: shape)
    let kernel = Kernels.table.elementwise.unary
    let x = source.readPointer
    let out = result.pointer
    let iteration = StridedIteration(shape: shape, source.strides)
    let stride = iteration.rowStrides.a
    iteration.forEachRow { kernel(operation.rawValue, x + $0.a, stride, out + $0.out, $0.count) }
    withExtendedLifetime(source.storage) {}
    return result
  }

  /// Applies a kernel to every pair of elements.
  static func combine(
    _ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, named name: StaticString
  ) -> Tensor {
    guard let shape = a.shape.broadcast(with: b.shape) else {
      programmerError("\(name): shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    let result = Tensor(uninitialized: shape)
    let (a, b) = (a.withReadableRows, b.withReadableRows)
    if a.shape == shape, a.isContiguous, b.isShortRow(repeatedTo: shape) {
      combine(operation, a, rows: b, into: result)
    } else if b.shape == shape, b.isContiguous, a.isShortRow(repeatedTo: shape) {
      combine(operation, b, rows: a, rowsFirst: true, into: result)
    } else {
      combine(operation, a, b, into: result)
    }
    return result
  }

  /// Whether self is one row, too short for a kernel call of its own, that broadcasting repeats many times.
  private func isShortRow(repeatedTo shape: Shape) -> Bool {
    guard let columns = shape.last, columns > 1, columns <= 64, count == columns, self.shape.last == columns
    else { return false }
    return shape.elementCount >= 2 * columns * rowsAtATime(columns)
  }

  /// How many short rows one kernel call takes.
  private func rowsAtATime(_ columns: Int) -> Int { 2048 / columns }

  /// Combines contiguous numbers with one short row, of which many copies are made first.
  private static func combine(
    _ operation: BinaryOperation, _ x: Tensor, rows: Tensor, rowsFirst: Bool = false, into result: Tensor
  ) {
    let columns = rows.count
    let repeated = rows.reshape([columns]).expand(to: [rows.rowsAtATime(columns), columns]).contiguous()
    let size = repeated.count
    let grain = Swift.max(1, StridedIteration.grain(for: x.count) / size)
    let (from, row, out) = (x.readPointer, repeated.readPointer, result.pointer)
    let kernel = Kernels.table.elementwise.binary
    ThreadPool.parallelRanges(count: (x.count + size - 1) / size, grain: grain) { blocks in
      for block in blocks {
        let start = block * size
        let count = Swift.min(size, x.count - start)
        if rowsFirst {
          kernel(operation.rawValue, row, 1, from + start, 1, out + start, count)
        } else {
          kernel(operation.rawValue, from + start, 1, row, 1, out + start, count)
        }
      }
    }
    withExtendedLifetime((x.storage, repeated.storage)) {}
  }

  private static func combine(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, into result: Tensor) {
    let kernel = Kernels.table.elementwise.binary
    let iteration = StridedIteration(
      shape: result.shape, StridedIteration.strides(of: a, broadcastTo: result.shape),
      StridedIteration.strides(of: b, broadcastTo: result.shape))
    let x = a.readPointer
    let y = b.readPointer
    let out = result.pointer
    let strides = iteration.rowStrides
    iteration.forEachRow {
      kernel(operation.rawValue, x + $0.a, strides.a, y + $0.b, strides.b, out + $0.out, $0.count)
    }
    withExtendedLifetime((a.storage, b.storage)) {}
  }

  /// `a = a op b`, in the memory of `a` where nobody else sees it.
  private static func combine(
    _ operation: BinaryOperation, inPlace a: inout Tensor, _ b: Tensor, named name: StaticString
  ) {
    guard a.shape.broadcast(with: b.shape) == a.shape else {
      programmerError("\(name): shape \(b.shape) does not broadcast to \(a.shape)")
    }
    if a.isAlone {
      combine(operation, a, b.withReadableRows, into: a)
    } else {
      a = combine(operation, a, b, named: name)
    }
  }

  /// Applies a kernel to every element and a number, which takes no memory of the pool.
  private func combine(_ operation: BinaryOperation, _ number: Float, numberFirst: Bool = false) -> Tensor {
    let source = contiguous()
    let result = isContiguous ? Tensor(uninitialized: shape) : source
    source.combine(operation, number, numberFirst: numberFirst, into: result.pointer)
    return result
  }

  /// `self = self op number`, in place where nobody else sees self.
  private mutating func combine(_ operation: BinaryOperation, inPlace number: Float) {
    if isAlone {
      combine(operation, number, numberFirst: false, into: pointer)
    } else {
      self = combine(operation, number)
    }
  }

  private func combine(
    _ operation: BinaryOperation, _ number: Float, numberFirst: Bool, into out: UnsafeMutablePointer<Float>
  ) {
    let kernel = Kernels.table.elementwise.binary
    let x = readPointer
    withUnsafePointer(to: number) { y in
      ThreadPool.parallelRanges(count: count, grain: StridedIteration.grain(for: count)) {
        let (x, out) = (x + $0.lowerBound, out + $0.lowerBound)
        if numberFirst {
          kernel(operation.rawValue, y, 0, x, 1, out, $0.count)
        } else {
          kernel(operation.rawValue, x, 1, y, 0, out, $0.count)
        }
      }
    }
    withExtendedLifetime(storage) {}
  }

  /// The product with a number; itself, not a copy, if that is 1. A loss that nothing scales, the usual case, gives its
  /// gradients away as they are.
  package func scaled(by factor: Float) -> Tensor { factor == 1 ? self : self * factor }

  /// `self += scale * other` in one pass, in place where nobody else sees self.
  public mutating func add(_ other: Tensor, scaledBy scale: Float) {
    if other.shape != shape {
      programmerError("add(scaledBy:): shapes \(shape) and \(other.shape) differ")
    }
    makeUnique()
    let x = other.contiguous()
    let from = x.pointer
    let to = pointer
    let kernel = Kernels.table.elementwise.addScaled
    ThreadPool.parallelRanges(count: count, grain: StridedIteration.grain(for: count)) {
      kernel(scale, from + $0.lowerBound, to + $0.lowerBound, $0.count)
    }
    withExtendedLifetime(x.storage) {}
  }

  /// Elements of `a` where `condition` is not 0, else of `b`; all three broadcast.
  public static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let pair = a.shape.broadcast(with: b.shape), let shape = pair.broadcast(with: condition.shape)
    else {
      programmerError("where: shapes \(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
    }
    let (condition, a, b) = (condition.withReadableRows, a.withReadableRows, b.withReadableRows)
    let result = Tensor(uninitialized: shape)
    let kernel = Kernels.table.elementwise.select
    let iteration = StridedIteration(
      shape: shape, StridedIteration.strides(of: condition, broadcastTo: shape),
      StridedIteration.strides(of: a, broadcastTo: shape), StridedIteration.strides(of: b, broadcastTo: shape)
    )
    let strides = iteration.rowStrides
    let c = condition.pointer
    let x = a.pointer
    let y = b.pointer
    let out = result.pointer
    iteration.forEachRow {
      kernel(c + $0.a, strides.a, x + $0.b, strides.b, y + $0.c, strides.c, out + $0.out, $0.count)
    }
    withExtendedLifetime((condition.storage, a.storage, b.storage)) {}
    return result
  }
}

/// Elements of `a` where `condition` is not 0, else of `b`; all three broadcast.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  Tensor.select(condition, a, b)
}

// MARK: - Arithmetic

extension Tensor {
  /// Sum, with broadcasting.
  public static func + (a: Tensor, b: Tensor) -> Tensor { combine(.add, a, b, named: "add") }
  /// Difference, with broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor { combine(.subtract, a, b, named: "subtract") }
  /// Product of elements, with broadcasting.
  public static func * (a: Tensor, b: Tensor) -> Tensor { combine(.multiply, a, b, named: "multiply") }
  /// Quotient, with broadcasting.
  public static func / (a: Tensor, b: Tensor) -> Tensor { combine(.divide, a, b, named: "divide") }
  /// Adds a number to every element.
  public static func + (a: Tensor, b: Float) -> Tensor { a.combine(.add, b) }
  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Float) -> Tensor { a.combine(.subtract, b) }
  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Float) -> Tensor { a.combine(.multiply, b) }
  /// Divides every element by a number.
  public static func / (a: Tensor, b: Float) -> Tensor { a.combine(.divide, b) }
  /// Adds every element to a number.
  public static func + (a: Float, b: Tensor) -> Tensor { b.combine(.add, a, numberFirst: true) }
  /// Subtracts every element from a number.
  public static func - (a: Float, b: Tensor) -> Tensor { b.combine(.subtract, a, numberFirst: true) }
  /// Multiplies a number by every element.
  public static func * (a: Float, b: Tensor) -> Tensor { b.combine(.multiply, a, numberFirst: true) }
  /// Divides a number by every element.
  public static func / (a: Float, b: Tensor) -> Tensor { b.combine(.divide, a, numberFirst: true) }
  /// Negation.
  public static prefix func - (a: Tensor) -> Tensor { a.map(.negate) }

  /// Adds in place; `b` broadcasts to `a`.
  public static func += (a: inout Tensor, b: Tensor) { combine(.add, inPlace: &a, b, named: "add") }
  /// Subtracts in place; `b` broadcasts to `a`.
  public static func -= (a: inout Tensor, b: Tensor) { combine(.subtract, inPlace: &a, b, named: "subtract") }
  /// Multiplies in place; `b` broadcasts to `a`.
  public static func *= (a: inout Tensor, b: Tensor) { combine(.multiply, inPlace: &a, b, named: "multiply") }
  /// Divides in place; `b` broadcasts to `a`.
  public static func /= (a: inout Tensor, b: Tensor) { combine(.divide, inPlace: &a, b, named: "divide") }
  /// Adds a number in place.
  public static func += (a: inout Tensor, b: Float) { a.combine(.add, inPlace: b) }
  /// Subtracts a number in place.
  public static func -= (a: inout Tensor, b: Float) { a.combine(.subtract, inPlace: b) }
  /// Multiplies by a number in place.
  public static func *= (a: inout Tensor, b: Float) { a.combine(.multiply, inPlace: b) }
  /// Divides by a number in place.
  public static func /= (a: inout Tensor, b: Float) { a.combine(.divide, inPlace: b) }

  /// Elementwise power, with broadcasting.
  public func pow(_ exponent: Tensor) -> Tensor { Tensor.combine(.power, self, exponent, named: "pow") }
  /// Every element to a power.
  public func pow(_ exponent: Float) -> Tensor { combine(.power, exponent) }
  /// The larger of two elements, with broadcasting; NaN where either is NaN.
  public func maximum(_ other: Tensor) -> Tensor { Tensor.combine(.maximum, self, other, named: "maximum") }
  /// The smaller of two elements, with broadcasting; NaN where either is NaN.
  public func minimum(_ other: Tensor) -> Tensor { Tensor.combine(.minimum, self, other, named: "minimum") }
  /// Elements outside `lower...upper` replaced by the nearer bound; NaN stays.
  public func clamp(min lower: Float = -.infinity, max upper: Float = .infinity) -> Tensor {
    var result = combine(.maximum, lower)
    result.combine(.minimum, inPlace: upper)
    return result
  }
}

// MARK: - Functions of one number

extension Tensor {
  /// |x|.
  public func abs() -> Tensor { map(.absolute) }
  /// -1, 0 or 1; NaN of NaN.
  public func sign() -> Tensor { map(.sign) }
  /// x².
  public func square() -> Tensor { map(.square) }
  /// Square root.
  public func sqrt() -> Tensor { map(.squareRoot) }
  /// 1 / x.
  public func reciprocal() -> Tensor { map(.reciprocal) }
  /// 1 / √x.
  public func rsqrt() -> Tensor { map(.reciprocalSquareRoot) }
  /// eˣ.
  public func exp() -> Tensor { map(.exp) }
  /// eˣ - 1, with all digits near 0.
  public func expm1() -> Tensor { map(.expm1) }
  /// Natural logarithm.
  public func log() -> Tensor { map(.log) }
  /// log(1 + x), with all digits near 0.
  public func log1p() -> Tensor { map(.log1p) }
  /// Sine of radians.
  public func sin() -> Tensor { map(.sin) }
  /// Cosine of radians.
  public func cos() -> Tensor { map(.cos) }
  /// Hyperbolic tangent.
  public func tanh() -> Tensor { map(.tanh) }
  /// Gauss error function.
  public func erf() -> Tensor { map(.erf) }
  /// 1 / (1 + e⁻ˣ).
  public func sigmoid() -> Tensor { map(.sigmoid) }
  /// log(1 + eˣ), without overflow.
  public func softplus() -> Tensor { map(.softplus) }
  /// log(sigmoid(x)) = -softplus(-x).
  public func logSigmoid() -> Tensor { map(.logSigmoid) }
  /// max(x, 0); NaN of NaN.
  public func relu() -> Tensor { map(.relu) }
  /// min(max(x, 0), 6); NaN of NaN.
  public func relu6() -> Tensor { map(.relu6) }
  /// Gaussian error linear unit, by the tanh approximation unless `exact` (Hendrycks & Gimpel 2016).
  public func gelu(exact: Bool = false) -> Tensor { map(exact ? .geluErf : .geluTanh) }
  /// x · sigmoid(1.702 x), CLIP's GELU.
  public func quickGelu() -> Tensor { map(.quickGelu) }
  /// x · sigmoid(x).
  public func silu() -> Tensor { map(.silu) }
  /// The probability that a standard normal number is below x.
  public func normalProbability() -> Tensor { map(.normalProbability) }
  /// Largest integer not above x.
  public func floor() -> Tensor { map(.floor) }
  /// Smallest integer not below x.
  public func ceil() -> Tensor { map(.ceil) }
  /// Nearest integer, halves to even.
  public func round() -> Tensor { map(.round) }
}

// MARK: - Comparison

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence

extension Tensor: Equatable {
  /// Whether shapes and all elements are equal; NaN equals nothing.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    a.shape == b.shape
      && a.withUnsafeScalars { x in b.withUnsafeScalars { y in x.elementsEqual(y) } }
  }

  /// Whether no element is NaN or infinite.
  public var isFinite: Bool { withUnsafeScalars { $0.allSatisfy(\.isFinite) } }

  /// Whether shapes are equal and elements differ by at most `absolute + relative * |other|`; equal infinities are equal.
  public func isApproximatelyEqual(to other: Tensor, absolute: Float = 1e-6, relative: Float = 1e-5) -> Bool {
    shape == other.shape
      && withUnsafeScalars { x in
        other.withUnsafeScalars { y in
          zip(x, y).allSatisfy { $0 == $1 || ($0 - $1).magnitude <= absolute + relative * $1.magnitude }
        }
      }
  }

  /// 1 where equal, else 0.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { combine(.equal, a, b, named: "equal") }
  /// 1 where different, else 0.
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { combine(.notEqual, a, b, named: "notEqual") }
  /// 1 where less, else 0.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { combine(.less, a, b, named: "less") }
  /// 1 where less or equal, else 0.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor {
    combine(.lessOrEqual, a, b, named: "lessOrEqual")
  }
  /// 1 where greater, else 0.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { combine(.greater, a, b, named: "greater") }
  /// 1 where greater or equal, else 0.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor {
    combine(.greaterOrEqual, a, b, named: "greaterOrEqual")
  }
  /// 1 where equal to a number, else 0.
  public static func .== (a: Tensor, b: Float) -> Tensor { a.combine(.equal, b) }
  /// 1 where different from a number, else 0.
  public static func .!= (a: Tensor, b: Float) -> Tensor { a.combine(.notEqual, b) }
  /// 1 where less than a number, else 0.
  public static func .< (a: Tensor, b: Float) -> Tensor { a.combine(.less, b) }
  /// 1 where at most a number, else 0.
  public static func .<= (a: Tensor, b: Float) -> Tensor { a.combine(.lessOrEqual, b) }
  /// 1 where greater than a number, else 0.
  public static func .> (a: Tensor, b: Float) -> Tensor { a.combine(.greater, b) }
  /// 1 where at least a number, else 0.
  public static func .>= (a: Tensor, b: Float) -> Tensor { a.combine(.greaterOrEqual, b) }
}
