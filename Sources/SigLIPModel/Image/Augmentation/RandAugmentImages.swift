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
    let parts = [0.2989, 0.5870, 0.1140].flatMap { (weight: Float) in
      (0..<256).map { (value: Int) -> Float in Float(value) * (1 / 255) * weight }
    }
    return parts.withUnsafeBufferPointer { parts in
      let (red, green, blue) = (
        parts.baseAddress!, parts.baseAddress! + 256, parts.baseAddress! + 512
      )
      return blendedRows(factor: factor) { pixels, y, grays in
        for x in 0..<width {
          let pixel = pixels + (y * width + x) * 3
          let sum = red[Int(pixel[0])] + green[Int(pixel[1])] + blue[Int(pixel[2])]
          let gray = wholePart(sum * 255.5)
          (grays[x * 3], grays[x * 3 + 1], grays[x * 3 + 2]) = (gray, gray, gray)
        }
      }
    }
  }

  /// Every value's distance from the number of pixels by 256 times a factor.
  func contrastedByCount(_ factor: Float) -> RGBImage {
    let middle = UInt8(min(width * height / 256, 255))
    return mapped((0...255).map { blended(middle, $0, factor) })
  }

  /// A gray square of twice `half` around a place, where it lies inside.
  func cutOut(x: Int, y: Int, half: Int) -> RGBImage {
    let columns = max(0, x - half)..<max(max(0, x - half), min(width, x + half))
    return RGBImage(width: width, height: height) { out in
      withPixels { out.update(from: $0, count: width * height * 3) }
      for row in max(0, y - half)..<max(max(0, y - half), min(height, y + half)) {
        let start = row * width
        (out + (start + columns.lowerBound) * 3).update(
          repeating: NearestTransform.gray, count: columns.count * 3)
      }
    }
  }

  /// How often each value occurs in red, green and blue.
  private func histograms() -> [[Int]] {
    var counts = [Int](repeating: 0, count: 768)
    counts.withUnsafeMutableBufferPointer { counts in
      let counts = counts.baseAddress!
      withPixels { pixels in
        for i in stride(from: 0, to: width * height * 3, by: 3) {
          counts[Int(pixels[i])] &+= 1
          counts[256 + Int(pixels[i + 1])] &+= 1
          counts[512 + Int(pixels[i + 2])] &+= 1
        }
      }
    }
    return [Array(counts[..<256]), Array(counts[256..<512]), Array(counts[512...])]
  }

  /// Every value replaced by that of its channel's table.
  private func mapped(tables: [[UInt8]]) -> RGBImage {
    tables.flatMap { $0 }.withUnsafeBufferPointer { table in
      let table = table.baseAddress!
      return mappedPixels { (table[Int($0)], table[256 + Int($1)], table[512 + Int($2)]) }
    }
  }
}
