extension RGBImage {
  /// Every value's distance from that of a smoothed image times a factor, in TensorFlow's arithmetic, bit for bit; the
  /// outermost pixels stay.
  func sharpened(by factor: Float) -> RGBImage {
    if min(width, height) < 3 { return self }
    let row = width * 3
    let smoothing = Smoothing(row: row)
    return RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        out.update(from: pixels, count: row)
        for y in 1..<height - 1 {
          let (target, source) = (out + y * row, pixels + y * row)
          target.update(from: source, count: row)
          smoothing(source) { smooth in
            for i in 3..<row - 3 { target[i] = blended(smooth[i], source[i], factor) }
          }
        }
        (out + (height - 1) * row).update(from: pixels + (height - 1) * row, count: row)
      }
    }
  }
}

/// The mean around each value, itself counted five times.
///
/// TensorFlow rounds each sum of a product once, as a fused instruction does. That decides only where the mean is a whole
/// number: there it may come out below. All others are sums of whole numbers, which vectors make quickly.
private struct Smoothing {
  /// Values in a row.
  let row: Int
  /// What becomes of the mean of nine equal values.
  private static let ofEqual = (0...UInt8.max).map { value in
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 9) { square in
      square.initialize(repeating: value)
      return rounded(square.baseAddress! + 4, SIMD4(repeating: 0), row: 3, step: 1)[0]
    }
  }

  /// Calls `use` with the means of a row; the first and the last three are missing.
  @inline(__always)
  func callAsFunction(_ source: UnsafePointer<UInt8>, use: (UnsafePointer<UInt8>) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * row) { buffer in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: row + 4) { places in
        let (smooth, kinds) = (buffer.baseAddress!, buffer.baseAddress! + row)
        let (above, below) = (source - row, source + row)
        for i in 3..<row - 3 {
          let center = source[i]
          @inline(__always)
          func three(_ line: UnsafePointer<UInt8>) -> UInt16 {
            UInt16(line[i - 3]) &+ UInt16(line[i]) &+ UInt16(line[i + 3])
          }
          @inline(__always)
          func differences(_ line: UnsafePointer<UInt8>) -> UInt8 {
            (line[i - 3] ^ center) | (line[i] ^ center) | (line[i + 3] ^ center)
          }
          let sum = three(above) &+ three(source) &+ three(below) &+ 4 &* UInt16(center)
          // A thirteenth of all sums there are, at most 3315, without a division.
          let mean = UInt16(truncatingIfNeeded: (UInt32(sum) &* 5042) >> 16)
          smooth[i] = UInt8(truncatingIfNeeded: mean)
          let areEqual = differences(above) | differences(source) | differences(below) == 0
          kinds[i] = mean &* 13 == sum ? (areEqual ? 2 : 1) : 0
        }
        finish(source, smooth, kinds, places.baseAddress!)
        use(smooth)
      }
    }
  }

  /// Replaces the means that are whole numbers.
  private func finish(
    _ source: UnsafePointer<UInt8>, _ smooth: UnsafeMutablePointer<UInt8>, _ kinds: UnsafePointer<UInt8>,
    _ places: UnsafeMutablePointer<Int32>
  ) {
    var count = 0
    Smoothing.ofEqual.withUnsafeBufferPointer { ofEqual in
      let ofEqual = ofEqual.baseAddress!
      for i in 3..<row - 3 {
        if kinds[i] == 2 { smooth[i] = ofEqual[Int(source[i])] }
        places[count] = Int32(truncatingIfNeeded: i)
        count += Int(kinds[i] & 1)
      }
    }
    if count == 0 { return }
    // Four at a time: each sum waits for the one before.
    for i in count..<count + 3 { places[i] = places[count - 1] }
    for i in stride(from: 0, to: count, by: 4) {
      let four = SIMD4(places[i], places[i + 1], places[i + 2], places[i + 3])
      let means = Smoothing.rounded(source, four, row: row, step: 3)
      for k in 0..<4 { smooth[Int(four[k])] = means[k] }
    }
  }

  /// Means with the roundings: in double precision neither a product nor its sum is rounded.
  ///
  /// - Parameter step: From a value to the next one of its colour.
  @inline(__always)
  private static func rounded(
    _ source: UnsafePointer<UInt8>, _ places: SIMD4<Int32>, row: Int, step: Int
  ) -> SIMD4<UInt8> {
    let (outer, center) = (Double(Float(1) / 13), Double(Float(5) / 13))
    var sums = SIMD4<Double>()
    for line in -1...1 {
      for column in -1...1 {
        let weight = line == 0 && column == 0 ? center : outer
        let offset = line * row + column * step
        for k in 0..<4 {
          sums[k] = Double(Float(sums[k] + Double(source[Int(places[k]) + offset]) * weight))
        }
      }
    }
    return SIMD4(
      wholePart(min(Float(sums[0]), 255)), wholePart(min(Float(sums[1]), 255)),
      wholePart(min(Float(sums[2]), 255)), wholePart(min(Float(sums[3]), 255)))
  }
}
