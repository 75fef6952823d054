import KernelInterface

/// The nearest number of 8 significant bits, ties to even; a NaN stays one.
@_transparent
func roundedToBFloat16(_ x: Vector) -> Vector {
  let bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
  let rounded = (bits &+ 0x7fff &+ ((bits &>> 16) & 1)) & 0xffff_0000
  let quiet = (bits | 0x40_0000) & 0xffff_0000
  return unsafeBitCast(rounded.replacing(with: quiet, where: x .!= x), to: Vector.self)
}
