import NN

/// The kernel of a resize.
public enum ResizeFilter: String, Sendable, CaseIterable, Codable {
  /// Linear interpolation.
  case bilinear
  /// Cubic convolution with a = -0.5 (Keys 1981).
  case bicubic

  /// Where the kernel becomes 0.
  var support: Double { self == .bilinear ? 1 : 2 }

  /// The kernel's value at a distance.
  func callAsFunction(_ x: Double) -> Double {
    let x = x.magnitude
    switch self {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

extension RGBImage {
  /// The image stretched or squeezed to a size, with antialiasing: bit for bit what Pillow's `resize` gives.
  public func resized(width newWidth: Int, height newHeight: Int, filter: ResizeFilter) -> RGBImage {
    if newWidth < 1 || newHeight < 1 { programmerError("resize: a size of \(newWidth) x \(newHeight)") }
    // Rounding between the passes makes their order visible; this is the order of Pillow 13.
    let isVerticalFirst = newHeight < height && height - newHeight > 2 * (width - newWidth)
    if isVerticalFirst {
      return resizedVertically(to: newHeight, filter).resizedHorizontally(to: newWidth, filter)
    }
    return resizedHorizontally(to: newWidth, filter).resizedVertically(to: newHeight, filter)
  }

  private func resizedHorizontally(to newWidth: Int, _ filter: ResizeFilter) -> RGBImage {
    if newWidth == width { return self }
    let taps = ResizeTaps(from: width, to: newWidth, filter)
    let result = [UInt8](unsafeUninitializedCapacity: newWidth * height * 3) { out, count in
      pixels.withUnsafeBufferPointer { pixels in
        for y in 0..<height {
          for x in 0..<newWidth {
            for channel in 0..<3 {
              out[(y * newWidth + x) * 3 + channel] = taps.apply(to: x) {
                pixels[(y * width + $0) * 3 + channel]
              }
            }
          }
        }
      }
      count = newWidth * height * 3
    }
    return RGBImage(width: newWidth, height: height, pixels: result)
  }

  private func resizedVertically(to newHeight: Int, _ filter: ResizeFilter) -> RGBImage {
    if newHeight == height { return self }
    let taps = ResizeTaps(from: height, to: newHeight, filter)
    let row = width * 3
    let result = [UInt8](unsafeUninitializedCapacity: row * newHeight) { out, count in
      pixels.withUnsafeBufferPointer { pixels in
        for y in 0..<newHeight {
          for i in 0..<row { out[y * row + i] = taps.apply(to: y) { pixels[$0 * row + i] } }
        }
      }
      count = row * newHeight
    }
    return RGBImage(width: width, height: newHeight, pixels: result)
  }
}

/// Which source pixels make up each target pixel along one axis, and their weights in fixed point.
private struct ResizeTaps {
  private static let fractionBits: Int32 = 22
  private var first: [Int] = []
  private var starts: [Int] = [0]
  private var weights: [Int32] = []

  init(from oldSize: Int, to newSize: Int, _ filter: ResizeFilter) {
    let scale = Double(oldSize) / Double(newSize)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    for target in 0..<newSize {
      let center = (Double(target) + 0.5) * scale
      let low = max(Int(center - support + 0.5), 0)
      let high = min(Int(center + support + 0.5), oldSize)
      var values = (low..<high).map { filter((Double($0) - center + 0.5) * (1 / filterScale)) }
      let total = values.reduce(0, +)
      if total != 0 { values = values.map { $0 / total } }
      first.append(low)
      weights += values.map {
        Int32(($0 * Double(1 << ResizeTaps.fractionBits)).rounded(.toNearestOrAwayFromZero))
      }
      starts.append(weights.count)
    }
  }

  func apply(to target: Int, _ pixel: (Int) -> UInt8) -> UInt8 {
    var sum: Int32 = 1 << (ResizeTaps.fractionBits - 1)
    for i in starts[target]..<starts[target + 1] {
      sum &+= weights[i] &* Int32(pixel(first[target] + i - starts[target]))
    }
    return UInt8(clamping: sum >> ResizeTaps.fractionBits)
  }
}
