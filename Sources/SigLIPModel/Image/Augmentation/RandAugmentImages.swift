import NN

/// Operations of ``RandAugment`` in the arithmetic of TensorFlow's, bit for bit.
extension RGBImage {
  /// Every channel stretched to 0 to 255.
  func autoContrasted() -> RGBImage {
    mapped(
      tables: histograms().map { counts in
        let (low, high) = (counts.firstIndex { $0 > 0 } ?? 0, counts.lastIndex { $0 > 0 } ?? 0)
        if low == high { return Array(0...255) }
        let scale = 255 / (Float(high) - Float(low))
        let offset = -Float(low) * scale
        return (0...255).map { UInt8(min(max(Float($0) * scale + offset, 0), 255)) }
      })
  }

  /// Every channel's values spread, so that there are about as many of each.
  func equalized() -> RGBImage {
    mapped(
      tables: histograms().map { counts in
        let last = counts.last { $0 > 0 } ?? 0
        let step = (width * height - last) / 255
        if step == 0 { return Array(0...255) }
        var sum = 0
        return counts.map { count in
          defer { sum += count }
          return sum == 0 ? 0 : UInt8(min((sum + step / 2) / step, 255))
        }
      })
  }

  /// Every pixel's distance from its own brightness times a factor.
  func colored(by factor: Float) -> RGBImage {
    let weights: (Float, Float, Float) = (0.2989, 0.5870, 0.1140)
    let share: Float = 1 / 255
    return mappedPixels { pixels, i in
      let red = Float(pixels[i]) * share * weights.0
      let green = Float(pixels[i + 1]) * share * weights.1
      let blue = Float(pixels[i + 2]) * share * weights.2
      let gray = UInt8((red + green + blue) * 255.5)
      return (
        blended(gray, pixels[i], factor), blended(gray, pixels[i + 1], factor),
        blended(gray, pixels[i + 2], factor)
      )
    }
  }

  /// Every value's distance from the number of pixels by 256 times a factor.
  func contrastedByCount(_ factor: Float) -> RGBImage {
    let middle = UInt8(min(width * height / 256, 255))
    return mapped((0...255).map { blended(middle, $0, factor) })
  }

  /// Every value's distance from that of a smoothed image times a factor; the outermost pixels stay.
  func sharpened(by factor: Float) -> RGBImage {
    if min(width, height) < 3 { return self }
    let row = width * 3
    return RGBImage(width: width, height: height) { out in
      pixels.withUnsafeBufferPointer { pixels in
        _ = out.update(fromContentsOf: pixels)
        for y in 1..<height - 1 {
          for i in y * row + 3..<(y + 1) * row - 3 {
            func three(_ i: Int) -> Int32 { Int32(pixels[i - 3]) &+ Int32(pixels[i]) &+ Int32(pixels[i + 3]) }
            let sum = three(i - row) &+ three(i) &+ three(i + row) &+ 4 &* Int32(pixels[i])
            let (mean, rest) = (sum / 13, sum % 13)
            // Roundings decide only where the mean is a whole number: there it may come out below.
            let smooth = rest == 0 ? smoothed(pixels, i, row: row) : UInt8(mean)
            out[i] = blended(smooth, pixels[i], factor)
          }
        }
      }
    }
  }

  /// The mean around a value, itself counted five times: each product and sum is rounded once, as by a fused instruction.
  /// In double precision neither is rounded.
  private func smoothed(_ pixels: UnsafeBufferPointer<UInt8>, _ i: Int, row: Int) -> UInt8 {
    var sum: Float = 0
    func add(_ place: Int, _ weight: Float) {
      sum = Float(Double(sum) + Double(pixels[place]) * Double(weight))
    }
    for line in stride(from: i - row, through: i + row, by: row) {
      add(line - 3, 1 / 13)
      add(line, line == i ? 5 / 13 : 1 / 13)
      add(line + 3, 1 / 13)
    }
    return UInt8(min(sum, 255))
  }

  /// A gray square of twice `half` around a place, where it lies inside.
  func cutOut(x: Int, y: Int, half: Int) -> RGBImage {
    let columns = max(0, x - half)..<max(max(0, x - half), min(width, x + half))
    return RGBImage(width: width, height: height) { out in
      _ = out.update(fromContentsOf: pixels)
      for row in max(0, y - half)..<max(max(0, y - half), min(height, y + half)) {
        let start = row * width
        out[(start + columns.lowerBound) * 3..<(start + columns.upperBound) * 3].update(
          repeating: NearestTransform.gray)
      }
    }
  }

  /// How often each value occurs in red, green and blue.
  private func histograms() -> [[Int]] {
    var counts = [Int](repeating: 0, count: 768)
    counts.withUnsafeMutableBufferPointer { counts in
      pixels.withUnsafeBufferPointer { pixels in
        for i in stride(from: 0, to: pixels.count, by: 3) {
          counts[Int(pixels[i])] += 1
          counts[256 + Int(pixels[i + 1])] += 1
          counts[512 + Int(pixels[i + 2])] += 1
        }
      }
    }
    return [Array(counts[..<256]), Array(counts[256..<512]), Array(counts[512...])]
  }

  /// Every value replaced by that of its channel's table.
  private func mapped(tables: [[UInt8]]) -> RGBImage {
    tables.flatMap { $0 }.withUnsafeBufferPointer { table in
      mappedPixels { pixels, i in
        (table[Int(pixels[i])], table[256 + Int(pixels[i + 1])], table[512 + Int(pixels[i + 2])])
      }
    }
  }
}
