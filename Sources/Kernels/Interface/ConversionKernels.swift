/// Conversions between the number formats of files and single precision; all ranges are contiguous.
public struct ConversionKernels: Sendable {
  /// IEEE half precision to single, exactly, as `(x, out, count)`.
  public let fromHalf: FromBits
  /// bfloat16 to single, exactly, as `(x, out, count)`.
  public let fromBFloat16: FromBits
  /// Single to bfloat16, to the nearest, ties to even; a NaN stays one; as `(x, out, count)`.
  public let toBFloat16: ToBits

  /// Widens 16-bit numbers.
  public typealias FromBits =
    @convention(c) @Sendable (UnsafePointer<UInt16>, UnsafeMutablePointer<Float>, Int) -> Void
  /// Narrows to 16-bit numbers.
  public typealias ToBits =
    @convention(c) @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<UInt16>, Int) -> Void

  /// Collects the kernels of one level.
  public init(
    fromHalf: @escaping FromBits, fromBFloat16: @escaping FromBits, toBFloat16: @escaping ToBits
  ) {
    self.fromHalf = fromHalf
    self.fromBFloat16 = fromBFloat16
    self.toBFloat16 = toBFloat16
  }
}
