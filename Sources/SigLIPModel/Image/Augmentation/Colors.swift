/// Changes of colours, bit for bit Pillow's `ImageEnhance` and torchvision's functions of Pillow's images.
extension RGBImage {
  /// Every value times a factor.
  package func brightened(by factor: Double) -> RGBImage {
    mapped((0...255).map { blended(0, $0, Float(factor)) })
  }

  /// Every value's distance from the mean brightness times a factor.
  package func contrasted(by factor: Double) -> RGBImage {
    let total = withPixels { pixels in
      stride(from: 0, to: width * height * 3, by: 3).reduce(0) { $0 + Int(luma(pixels, $1)) }
    }
    let mean = UInt8(Double(total) / Double(width * height) + 0.5)
    return mapped((0...255).map { blended(mean, $0, Float(factor)) })
  }

  /// Every pixel's distance from its own brightness times a factor.
  package func saturated(by factor: Double) -> RGBImage {
    blendedRows(factor: Float(factor)) { pixels, y, grays in
      for x in 0..<width {
        let gray = luma(pixels, (y * width + x) * 3)
        (grays[x * 3], grays[x * 3 + 1], grays[x * 3 + 2]) = (gray, gray, gray)
      }
    }
  }

  /// Hues turned by a share of the circle, from -0.5 to 0.5.
  package func turnedHue(by share: Double) -> RGBImage {
    let turn = UInt8(truncatingIfNeeded: Int(share * 255))
    return RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        for i in stride(from: 0, to: width * height * 3, by: 3) {
          var color = HSV(red: pixels[i], green: pixels[i + 1], blue: pixels[i + 2])
          color.hue &+= turn
          (out[i], out[i + 1], out[i + 2]) = color.rgb
        }
      }
    }
  }

  /// Every value replaced by that of a table of 256.
  func mapped(_ table: [UInt8]) -> RGBImage {
    RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        table.withUnsafeBufferPointer { table in
          let table = table.baseAddress!
          for i in 0..<width * height * 3 { out[i] = table[Int(pixels[i])] }
        }
      }
    }
  }

  /// Every pixel replaced by what is made of its red, green and blue.
  @inline(__always)
  func mappedPixels(
    _ body: (UInt8, UInt8, UInt8) -> (red: UInt8, green: UInt8, blue: UInt8)
  ) -> RGBImage {
    RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        for i in stride(from: 0, to: width * height * 3, by: 3) {
          (out[i], out[i + 1], out[i + 2]) = body(pixels[i], pixels[i + 1], pixels[i + 2])
        }
      }
    }
  }
}

extension RGBImage {
  /// Every value mixed with one that `makeFirst` writes into a row: see ``blended(_:_:_:)``.
  @inline(__always)
  func blendedRows(
    factor: Float,
    makeFirst: (_ pixels: UnsafePointer<UInt8>, _ y: Int, _ row: UnsafeMutablePointer<UInt8>) -> Void
  ) -> RGBImage {
    let count = width * 3
    return RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { row in
          let first = row.baseAddress!
          for y in 0..<height {
            makeFirst(pixels, y, first)
            // By itself, so that the compiler can use vectors.
            let (second, target) = (pixels + y * count, out + y * count)
            for i in 0..<count { target[i] = blended(first[i], second[i], factor) }
          }
        }
      }
    }
  }

  /// The pixels without checks of places.
  @inline(__always)
  func withPixels<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    pixels.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}

/// From a first value (factor 0) to a second (factor 1) and beyond, in single precision, cut off as Pillow and TensorFlow do.
@inline(__always)
func blended(_ first: UInt8, _ second: UInt8, _ factor: Float) -> UInt8 {
  let mixed = Float(first) + factor * (Float(second) - Float(first))
  return wholePart(min(max(mixed, 0), 255))
}

/// The whole part of a number from 0 to below 256. `UInt8(_:)` gives the same, but its checks keep loops from being vectors.
@inline(__always)
func wholePart(_ number: Float) -> UInt8 {
  // Beyond 2^23 there are only whole numbers: the sum is rounded, and its last bits are the nearest one.
  let sum = number + 0x1p23
  let nearest = UInt8(truncatingIfNeeded: sum.bitPattern)
  return sum - 0x1p23 > number ? nearest &- 1 : nearest
}

/// The whole number nearest to one from 0 to 255, halves rounded up; faster than `rounded(_:)`, which is a call.
@inline(__always)
private func nearest(_ number: Double) -> UInt8 {
  // Beyond 2^52 there are only whole numbers: the sum is rounded, halves to the even one.
  let sum = number + 0x1p52
  let whole = UInt8(truncatingIfNeeded: sum.bitPattern)
  return number - (sum - 0x1p52) == 0.5 ? whole &+ 1 : whole
}

/// Copies red, green and blue from one place to another.
@inline(__always)
func copyPixel(
  _ from: UnsafePointer<UInt8>, _ source: Int, _ to: UnsafeMutablePointer<UInt8>, _ target: Int
) {
  let pair = UnsafeRawPointer(from + source).loadUnaligned(as: UInt16.self)
  UnsafeMutableRawPointer(to + target).storeBytes(of: pair, as: UInt16.self)
  to[target + 2] = from[source + 2]
}

/// Brightness of the pixel at a place by ITU-R 601-2, as Pillow rounds it.
@inline(__always)
private func luma(_ pixels: UnsafePointer<UInt8>, _ i: Int) -> UInt8 {
  let sum = UInt32(pixels[i]) &* 19595 &+ UInt32(pixels[i + 1]) &* 38470 &+ UInt32(pixels[i + 2]) &* 7471
  return UInt8(truncatingIfNeeded: (sum &+ 0x8000) >> 16)
}

/// A colour by hue, saturation and value, with the roundings of Pillow.
private struct HSV {
  var hue: UInt8 = 0
  var saturation: UInt8 = 0
  var value: UInt8

  @inline(__always)
  init(red: UInt8, green: UInt8, blue: UInt8) {
    let (high, low) = (max(red, green, blue), min(red, green, blue))
    value = high
    if high == low { return }
    let range = Float(high - low)
    let (r, g, b) = (Float(high - red) / range, Float(high - green) / range, Float(high - blue) / range)
    let sector =
      red == high
      ? b - g : green == high ? Float(2 + Double(r) - Double(b)) : Float(4 + Double(g) - Double(r))
    var turn = Double(sector) / 6 + 1
    if turn >= 1 { turn -= 1 }
    hue = UInt8(Double(Float(turn)) * 255)
    saturation = UInt8(Double(range / Float(high)) * 255)
  }

  @inline(__always)
  var rgb: (red: UInt8, green: UInt8, blue: UInt8) {
    if saturation == 0 { return (value, value, value) }
    let position = Double(hue) * 6 / 255
    let sector = Int(position)
    let fraction = Float(position - Double(sector))
    let share = Float(Double(saturation) / 255)
    @inline(__always)
    func dimmed(_ share: Double) -> UInt8 { nearest(Double(value) * (1 - share)) }
    let low = dimmed(Double(share))
    let falling = dimmed(Double(share * fraction))
    let rising = dimmed(Double(share) * (1 - Double(fraction)))
    switch sector {
    case 1: return (falling, value, low)
    case 2: return (low, value, rising)
    case 3: return (low, falling, value)
    case 4: return (rising, low, value)
    case 5: return (value, low, falling)
    default: return (value, rising, low)
    }
  }
}
