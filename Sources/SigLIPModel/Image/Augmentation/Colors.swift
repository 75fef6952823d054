/// Changes of colours, bit for bit Pillow's `ImageEnhance` and torchvision's functions of Pillow's images.
extension RGBImage {
  /// Every value times a factor.
  package func brightened(by factor: Double) -> RGBImage {
    mapped((0...255).map { blended(0, $0, Float(factor)) })
  }

  /// Every value's distance from the mean brightness times a factor.
  package func contrasted(by factor: Double) -> RGBImage {
    let total = pixels.withUnsafeBufferPointer { pixels in
      stride(from: 0, to: pixels.count, by: 3).reduce(0) { $0 + Int(luma(pixels, $1)) }
    }
    let mean = UInt8(Double(total) / Double(width * height) + 0.5)
    return mapped((0...255).map { blended(mean, $0, Float(factor)) })
  }

  /// Every pixel's distance from its own brightness times a factor.
  package func saturated(by factor: Double) -> RGBImage {
    let factor = Float(factor)
    return mappedPixels { pixels, i in
      let gray = luma(pixels, i)
      return (
        blended(gray, pixels[i], factor), blended(gray, pixels[i + 1], factor),
        blended(gray, pixels[i + 2], factor)
      )
    }
  }

  /// Hues turned by a share of the circle, from -0.5 to 0.5.
  package func turnedHue(by share: Double) -> RGBImage {
    let turn = UInt8(truncatingIfNeeded: Int(share * 255))
    return mappedPixels { pixels, i in
      var color = HSV(red: pixels[i], green: pixels[i + 1], blue: pixels[i + 2])
      color.hue &+= turn
      return color.rgb
    }
  }

  /// Every value replaced by that of a table of 256.
  func mapped(_ table: [UInt8]) -> RGBImage {
    RGBImage(width: width, height: height) { out in
      pixels.withUnsafeBufferPointer { pixels in
        table.withUnsafeBufferPointer { table in
          for i in 0..<pixels.count { out[i] = table[Int(pixels[i])] }
        }
      }
    }
  }

  /// Every pixel replaced by what is made of the three values from a place on.
  @inline(__always)
  func mappedPixels(
    _ body: (UnsafeBufferPointer<UInt8>, Int) -> (red: UInt8, green: UInt8, blue: UInt8)
  ) -> RGBImage {
    RGBImage(width: width, height: height) { out in
      pixels.withUnsafeBufferPointer { pixels in
        for i in stride(from: 0, to: pixels.count, by: 3) {
          (out[i], out[i + 1], out[i + 2]) = body(pixels, i)
        }
      }
    }
  }
}

/// From a first value (factor 0) to a second (factor 1) and beyond, in single precision, cut off as Pillow and TensorFlow do.
@inline(__always)
func blended(_ first: UInt8, _ second: UInt8, _ factor: Float) -> UInt8 {
  let mixed = Float(first) + factor * (Float(second) - Float(first))
  return UInt8(min(max(mixed, 0), 255))
}

/// Brightness of the pixel at a place by ITU-R 601-2, as Pillow rounds it.
@inline(__always)
private func luma(_ pixels: UnsafeBufferPointer<UInt8>, _ i: Int) -> UInt8 {
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
    func dimmed(_ share: Double) -> UInt8 {
      UInt8((Double(value) * (1 - share)).rounded(.toNearestOrAwayFromZero))
    }
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
