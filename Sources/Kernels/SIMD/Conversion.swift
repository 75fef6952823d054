import KernelInterface

// 16-bit numbers are read as pairs in 32-bit words, lower address in the lower half, because the standard library's
// widening of vectors is generic code that the modules of all instruction sets would share.

private typealias Words = SIMD8<UInt32>

@inline(__always)
private func interleave(_ even: Words, _ odd: Words) -> SIMD16<UInt32> {
  SIMD16<UInt32>(
    even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3],
    even[4], odd[4], even[5], odd[5], even[6], odd[6], even[7], odd[7])
}

/// 16 numbers of 16 bits in the lower halves of words; those beyond `n` are zero.
@inline(__always)
private func loadShorts(_ p: UnsafePointer<UInt16>, _ n: Int) -> SIMD16<UInt32> {
  var words = Words(repeating: 0)
  if n == vectorWidth {
    words = UnsafeRawPointer(p).loadUnaligned(as: Words.self)
  } else {
    withUnsafeMutablePointer(to: &words) {
      UnsafeMutableRawPointer($0).copyMemory(from: UnsafeRawPointer(p), byteCount: 2 * n)
    }
  }
  return interleave(words & 0xffff, words &>> 16)
}

/// Stores the lower halves of the first `n` words.
@inline(__always)
private func storeShorts(_ x: SIMD16<UInt32>, _ p: UnsafeMutablePointer<UInt16>, _ n: Int) {
  let even = Words(x[0], x[2], x[4], x[6], x[8], x[10], x[12], x[14])
  let odd = Words(x[1], x[3], x[5], x[7], x[9], x[11], x[13], x[15])
  var words = even | (odd &<< 16)
  if n == vectorWidth {
    UnsafeMutableRawPointer(p).storeBytes(of: words, as: Words.self)
  } else {
    withUnsafeMutablePointer(to: &words) {
      UnsafeMutableRawPointer(p).copyMemory(from: UnsafeRawPointer($0), byteCount: 2 * n)
    }
  }
}

@inline(__always)
func loadBFloat16(_ p: UnsafePointer<UInt16>, _ n: Int) -> Vector {
  unsafeBitCast(loadShorts(p, n) &<< 16, to: Vector.self)
}

/// Rounds to the nearest, ties to even; a NaN stays one.
@inline(__always)
func storeBFloat16(_ x: Vector, _ p: UnsafeMutablePointer<UInt16>, _ n: Int) {
  let bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
  let rounded = (bits &+ 0x7fff &+ ((bits &>> 16) & 1)) &>> 16
  let quiet = (bits &>> 16) | 0x40
  storeShorts(rounded.replacing(with: quiet, where: x .!= x), p, n)
}

@inline(__always)
private func loadHalf(_ p: UnsafePointer<UInt16>, _ n: Int) -> Vector {
  let bits = loadShorts(p, n)
  // With the exponent in place, only its bias is wrong: a product corrects it, for subnormal numbers too.
  let magnitude = unsafeBitCast((bits & 0x7fff) &<< 13, to: Vector.self)
  let finite = unsafeBitCast(magnitude * Vector(repeating: 0x1p112), to: SIMD16<UInt32>.self)
  let special = finite | 0x7f80_0000
  let result = finite.replacing(with: special, where: (bits & 0x7c00) .== SIMD16<UInt32>(repeating: 0x7c00))
  return unsafeBitCast(result | ((bits & 0x8000) &<< 16), to: Vector.self)
}

let conversionKernels = ConversionKernels(
  fromHalf: { x, out, count in
    forEachVector(count) { i, n in store(loadHalf(x + i, n), out + i, n) }
  },
  fromBFloat16: { x, out, count in
    forEachVector(count) { i, n in store(loadBFloat16(x + i, n), out + i, n) }
  },
  toBFloat16: { x, out, count in
    forEachVector(count) { i, n in storeBFloat16(load(x + i, stride: 1, n), out + i, n) }
  }
)
