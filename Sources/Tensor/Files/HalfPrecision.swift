/// Conversions between `Float` and the two 16-bit formats, on bit patterns.
///
/// They do not use `Float16`, which Intel Macs lack. Rounding is to nearest, ties to even; NaN stays NaN.
public enum HalfPrecision {
  /// The value of an IEEE 754 binary16 pattern. Every half-precision number is exact in `Float`.
  @inlinable
  public static func float(half bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    // Multiplying by 2^112 moves the exponent bias from 15 to 127 and normalises subnormal numbers.
    var pattern = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    if bits & 0x7C00 == 0x7C00 { pattern |= 0x7F80_0000 }
    return Float(bitPattern: pattern | UInt32(bits & 0x8000) << 16)
  }

  /// The nearest binary16 pattern; values from 65,520 on become infinity.
  @inlinable
  public static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
      // Below 2^-14 the result is subnormal: adding 0.5 leaves multiples of 2^-24, correctly rounded, in the low bits.
      return sign | UInt16(truncatingIfNeeded: (Float(bitPattern: magnitude) + 0.5).bitPattern & 0x7FF)
    }
    let rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded >> 13) &- (112 << 10))
  }

  /// The value of a bfloat16 pattern: the upper half of a `Float`.
  @inlinable
  public static func float(brain bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The nearest bfloat16 pattern.
  @inlinable
  public static func brain(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }
}
