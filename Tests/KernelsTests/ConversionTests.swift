import Kernels
import Testing

@Suite struct ConversionTests {
  /// By the definition of the format.
  private static func half(_ bits: UInt16) -> Float {
    let sign: Float = bits >> 15 == 0 ? 1 : -1
    let exponent = Int(bits >> 10) & 31
    let fraction = Float(bits & 1023)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * Float(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
    }
  }

  /// To the nearest of the two neighbours, ties to the even one.
  private static func bfloat16(_ x: Float) -> Float {
    if !x.isFinite { return x }
    let below = Float(bitPattern: x.bitPattern & 0xffff_0000)
    let above = Float(bitPattern: (x.bitPattern & 0xffff_0000) &+ 0x1_0000)
    let toBelow = abs(Double(x) - Double(below))
    let step = Double(below.magnitude.ulp) * 65_536
    if toBelow * 2 == step { return (below.bitPattern >> 16) & 1 == 0 ? below : above }
    return toBelow * 2 < step ? below : above
  }

  @Test(arguments: Level.all)
  func everyHalfAndBFloat16IsExact(level: Level) {
    let all = (0...65_535).map { UInt16($0) }
    let halves = filled(all.count) { level.table.conversion.fromHalf(all, $0, all.count) }
    #expect(sameBits(halves, all.map(Self.half)))
    let brains = filled(all.count) { level.table.conversion.fromBFloat16(all, $0, all.count) }
    #expect(sameBits(brains, all.map { Float(bitPattern: UInt32($0) << 16) }))
    for count in sizes {
      #expect(
        sameBits(filled(count) { level.table.conversion.fromHalf(all, $0, count) }, Array(halves[..<count])))
    }
  }

  @Test(arguments: Level.all)
  func bfloat16RoundsToNearestEven(level: Level) {
    var x: [Float] = [0, -0.0, .infinity, -.infinity, .nan, 1, -1, .leastNonzeroMagnitude, 3.38e38]
    x += [0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x3f80_7fff, 0xbf81_8000].map { Float(bitPattern: $0) }
    x += numbers(1000, in: -100...100)
    x.append(Float(bitPattern: 0x7f80_0001))
    for count in [x.count] + sizes where count <= x.count {
      var result = [UInt16](repeating: 0xabcd, count: count + 8)
      level.table.conversion.toBFloat16(x, &result, count)
      #expect(result[count...].allSatisfy { $0 == 0xabcd })
      let widened = result[..<count].map { Float(bitPattern: UInt32($0) << 16) }
      #expect(sameBits(widened, x[..<count].map(Self.bfloat16)))
    }
  }
}
