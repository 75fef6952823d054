import KernelInterface

// The vector that every kernel but the matrix products is written in. 16 numbers are one AVX-512 register, two
// AVX2 registers or four SSE or NEON registers; the last, incomplete vector of a row goes through the same
// arithmetic, so that the result for an element does not depend on where in memory it stands.
//
// Functions from vectors to vectors are transparent: merely `@inline(__always)`, the larger ones stay calls, which spill every
// register.

typealias Vector = SIMD16<Float>
typealias VectorBits = SIMD16<Int32>

let vectorWidth = 16

/// 0, 1, ..., 15
var laneNumbers: VectorBits {
  @_transparent get { VectorBits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) }
}

/// The operation with a raw value, which comes from the same enumeration on the other side of the table.
///
/// Not `init(rawValue:)`: its specialisation would be one symbol shared by the modules of all instruction sets.
/// Raw values count the cases from zero, as the bits of an enumeration without payload do.
@inline(__always)
func operationCase<Operation>(_ rawValue: Int32, as type: Operation.Type) -> Operation {
  unsafeBitCast(UInt8(truncatingIfNeeded: rawValue), to: type)
}

/// a * b + c, rounded once where the instruction set has it, because the compiler never fuses on its own; where it
/// lacks it, `addingProduct` would call a slow function for every number.
@_transparent
func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
  #if AVX512 || AVX2 || arch(arm64)
    c.addingProduct(a, b)
  #else
    a * b + c
  #endif
}

@_transparent
func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Float) -> Vector { multiplyAdd(a, b, Vector(repeating: c)) }

// Halves are the same bits seen as a pair: the standard library's `lowHalf` may stay a generic function, which the
// modules of all instruction sets would share.

@_transparent
func halves(_ x: Vector) -> (low: SIMD8<Float>, high: SIMD8<Float>) {
  unsafeBitCast(x, to: (SIMD8<Float>, SIMD8<Float>).self)
}

@_transparent
private func halves(_ x: SIMD8<Float>) -> (low: SIMD4<Float>, high: SIMD4<Float>) {
  unsafeBitCast(x, to: (SIMD4<Float>, SIMD4<Float>).self)
}

@_transparent
private func halves(_ x: SIMD4<Float>) -> (low: SIMD2<Float>, high: SIMD2<Float>) {
  unsafeBitCast(x, to: (SIMD2<Float>, SIMD2<Float>).self)
}

@_transparent
private func join(_ low: SIMD8<Float>, _ high: SIMD8<Float>) -> Vector {
  unsafeBitCast((low, high), to: Vector.self)
}

@_transparent
private func join(_ low: SIMD4<Float>, _ high: SIMD4<Float>) -> SIMD8<Float> {
  unsafeBitCast((low, high), to: SIMD8<Float>.self)
}

@_transparent
private func join(_ low: SIMD2<Float>, _ high: SIMD2<Float>) -> SIMD4<Float> {
  unsafeBitCast((low, high), to: SIMD4<Float>.self)
}

@_transparent
func load(_ p: UnsafePointer<Float>) -> Vector {
  UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

/// The first `n` numbers at `p` and beyond, `stride` apart; the other lanes are `padding`.
@inline(__always)
func load(_ p: UnsafePointer<Float>, stride: Int, _ n: Int, padding: Float = 0) -> Vector {
  n == vectorWidth && stride == 1 ? load(p) : gather(p, stride, n, padding)
}

/// Out of line, as most of its callers are loops whose last vector alone comes here: every copy takes the compiler long.
@inline(never)
private func gather(_ p: UnsafePointer<Float>, _ stride: Int, _ n: Int, _ padding: Float) -> Vector {
  if n == vectorWidth {
    if stride == 0 { return Vector(repeating: p[0]) }
    let q = p + 4 * stride
    let r = p + 8 * stride
    let s = p + 12 * stride
    let step2 = 2 * stride
    let step3 = 3 * stride
    return Vector(
      p[0], p[stride], p[step2], p[step3], q[0], q[stride], q[step2], q[step3],
      r[0], r[stride], r[step2], r[step3], s[0], s[stride], s[step2], s[step3])
  }
  if stride == 1 { return loadContiguous(p, n, padding) }
  var vector = Vector(repeating: padding)
  withUnsafeMutablePointer(to: &vector) {
    let lanes = UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self)
    for lane in 0..<n { lanes[lane] = p[lane * stride] }
  }
  return vector
}

/// The first `n` < 16 numbers at `p`, by halves: going through memory would wait for the store.
@inline(__always)
private func loadContiguous(_ p: UnsafePointer<Float>, _ n: Int, _ padding: Float) -> Vector {
  var q = p + (n & ~1)
  let padding2 = SIMD2(repeating: padding)
  let two = n & 1 != 0 ? SIMD2(q[0], padding) : padding2
  var four = join(two, padding2)
  if n & 2 != 0 {
    q -= 2
    four = join(UnsafeRawPointer(q).loadUnaligned(as: SIMD2<Float>.self), two)
  }
  let padding4 = SIMD4(repeating: padding)
  var eight = join(four, padding4)
  if n & 4 != 0 {
    q -= 4
    eight = join(UnsafeRawPointer(q).loadUnaligned(as: SIMD4<Float>.self), four)
  }
  let padding8 = SIMD8(repeating: padding)
  if n & 8 == 0 { return join(eight, padding8) }
  return join(UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self), eight)
}

@_transparent
func store(_ vector: Vector, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: vector, as: Vector.self)
}

/// Stores the first `n` lanes.
@inline(__always)
func store(_ vector: Vector, _ p: UnsafeMutablePointer<Float>, _ n: Int) {
  if n == vectorWidth { store(vector, p) } else { storePart(vector, p, n) }
}

/// Stores the first `n` < 16 lanes, by halves; out of line as `gather` is.
@inline(never)
private func storePart(_ vector: Vector, _ p: UnsafeMutablePointer<Float>, _ n: Int) {
  var q = UnsafeMutableRawPointer(p)
  var eight = halves(vector).low
  if n & 8 != 0 {
    q.storeBytes(of: eight, as: SIMD8<Float>.self)
    q += 32
    eight = halves(vector).high
  }
  var four = halves(eight).low
  if n & 4 != 0 {
    q.storeBytes(of: four, as: SIMD4<Float>.self)
    q += 16
    four = halves(eight).high
  }
  var two = halves(four).low
  if n & 2 != 0 {
    q.storeBytes(of: two, as: SIMD2<Float>.self)
    q += 8
    two = halves(four).high
  }
  if n & 1 != 0 { q.storeBytes(of: two.x, as: Float.self) }
}

/// Calls `body` with the start and size of every vector of a row: the size is 16, and less in the last.
@inline(__always)
func forEachVector(_ count: Int, _ body: (_ start: Int, _ n: Int) -> Void) {
  var i = 0
  while i + vectorWidth <= count {
    body(i, vectorWidth)
    i += vectorWidth
  }
  if i < count { body(i, count - i) }
}

@_transparent
func select(_ condition: SIMDMask<VectorBits>, _ a: Vector, _ b: Vector) -> Vector {
  b.replacing(with: a, where: condition)
}

/// The larger of each pair; a NaN in either wins.
@_transparent
func maximum(_ a: Vector, _ b: Vector) -> Vector { select((b .> a) .| (b .!= b), b, a) }

/// The smaller of each pair; a NaN in either wins.
@_transparent
func minimum(_ a: Vector, _ b: Vector) -> Vector { select((b .< a) .| (b .!= b), b, a) }

@_transparent
func clamp(_ x: Vector, _ low: Float, _ high: Float) -> Vector {
  let low = Vector(repeating: low)
  let high = Vector(repeating: high)
  let raised = select(x .< low, low, x)
  return select(raised .> high, high, raised)
}

@_transparent
func magnitude(_ x: Vector) -> Vector {
  unsafeBitCast(unsafeBitCast(x, to: VectorBits.self) & 0x7fff_ffff, to: Vector.self)
}

/// Changes the sign, of zero too.
@_transparent
func negate(_ x: Vector) -> Vector {
  unsafeBitCast(unsafeBitCast(x, to: VectorBits.self) ^ Int32(bitPattern: 0x8000_0000), to: Vector.self)
}

/// `magnitude`, which must not be negative, with the sign of `x`.
@_transparent
func withSign(of x: Vector, _ magnitude: Vector) -> Vector {
  let sign = unsafeBitCast(x, to: VectorBits.self) & Int32(bitPattern: 0x8000_0000)
  return unsafeBitCast(unsafeBitCast(magnitude, to: VectorBits.self) | sign, to: Vector.self)
}

/// Sum of the lanes, by halves.
@_transparent
func horizontalSum(_ x: Vector) -> Float {
  let eight = halves(x).low + halves(x).high
  let four = halves(eight).low + halves(eight).high
  let two = halves(four).low + halves(four).high
  return two.x + two.y
}

/// Product of the lanes, by halves.
@_transparent
func horizontalProduct(_ x: Vector) -> Float {
  let eight = halves(x).low * halves(x).high
  let four = halves(eight).low * halves(eight).high
  let two = halves(four).low * halves(four).high
  return two.x * two.y
}

/// Sum of `term(start, n)` over all vectors of a row; lanes that are not there must be zero.
///
/// Blocks of 1,024 numbers are added in single precision by 64 accumulators, the blocks in double precision, so
/// that the error does not grow with the length of the row.
@inline(__always)
func blockedSum(_ count: Int, _ term: (_ start: Int, _ n: Int) -> Vector) -> Double {
  var total = 0.0
  var i = 0
  while i < count {
    let end = Swift.min(i + 1024, count)
    var a = Vector(repeating: 0)
    var b = a
    var c = a
    var d = a
    while i + 4 * vectorWidth <= end {
      a += term(i, vectorWidth)
      b += term(i + vectorWidth, vectorWidth)
      c += term(i + 2 * vectorWidth, vectorWidth)
      d += term(i + 3 * vectorWidth, vectorWidth)
      i += 4 * vectorWidth
    }
    while i < end {
      let n = Swift.min(vectorWidth, end - i)
      a += term(i, n)
      i += n
    }
    total += Double(horizontalSum((a + b) + (c + d)))
  }
  return total
}
