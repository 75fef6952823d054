import NN

/// How a resize makes new pixels of old ones.
public enum ResizeFilter: String, Sendable, CaseIterable, Codable {
  /// Linear interpolation, widened where the image shrinks: bit for bit Pillow's.
  case bilinear
  /// Cubic convolution with a = -0.5 (Keys 1981), widened where the image shrinks: bit for bit Pillow's.
  case bicubic
  /// Linear interpolation between the four nearest pixels however much the image shrinks, then truncation: bit for bit
  /// TensorFlow's `tf.image.resize(antialias=False)` and a cast to uint8, which is what big_vision does.
  case bilinearWithoutAntialiasing
}

extension RGBImage {
  /// The image stretched or squeezed to a size.
  public func resized(width newWidth: Int, height newHeight: Int, filter: ResizeFilter) -> RGBImage {
    resized(
      width: newWidth, height: newHeight, filter: filter, columns: 0..<max(newWidth, 0),
      rows: 0..<max(newHeight, 0))
  }

  /// A part of the image stretched or squeezed to a size, the same pixels as of the whole. Only the part and what it is
  /// made of is computed: of an image with a very long side, the whole may not fit into memory.
  package func resized(
    width newWidth: Int, height newHeight: Int, filter: ResizeFilter, columns: Range<Int>, rows: Range<Int>
  ) -> RGBImage {
    if newWidth < 1 || newHeight < 1 { programmerError("resize: a size of \(newWidth) x \(newHeight)") }
    if columns.isEmpty || columns.upperBound > newWidth || rows.isEmpty || rows.upperBound > newHeight {
      programmerError("crop: columns \(columns) and rows \(rows) of an image of \(newWidth) x \(newHeight)")
    }
    let kernel: AntialiasingKernel
    switch filter {
    case .bilinear: kernel = .linear
    case .bicubic: kernel = .cubic
    case .bilinearWithoutAntialiasing:
      return interpolated(width: newWidth, height: newHeight, columns: columns, rows: rows)
    }
    let across = ResizeTaps(columns, from: width, to: newWidth, kernel)
    let down = ResizeTaps(rows, from: height, to: newHeight, kernel)
    // Rounding between the passes makes their order visible; this is the order of Pillow 13.
    let isVerticalFirst = newHeight < height && height - newHeight > 2 * (width - newWidth)
    if isVerticalFirst { return resizedVertically(down).resizedHorizontally(across) }
    let used = down.used
    return resizedHorizontally(across, rows: used).resizedVertically(down.moved(by: used.lowerBound))
  }

  /// - Parameter rows: Those that are wanted, all if not given.
  private func resizedHorizontally(_ taps: ResizeTaps, rows: Range<Int>? = nil) -> RGBImage {
    let rows = rows ?? 0..<height
    if taps.changesNothing && rows.count == height { return self }
    let newWidth = taps.ranges.count
    return RGBImage(width: newWidth, height: rows.count) { out in
      withPixels { pixels in
        // Four numbers are read at a time, of which three are a pixel.
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width * 3 + 1) { line in
          let line = line.baseAddress!
          line[width * 3] = 0
          for y in rows {
            let source = pixels + y * width * 3
            for i in 0..<width * 3 { line[i] = Float(source[i]) }
            let target = out + (y - rows.lowerBound) * newWidth * 3
            taps.withWeights { weights in
              for x in 0..<newWidth {
                let range = taps.ranges[x]
                var sums = SIMD4<Int32>(repeating: ResizeTaps.half)
                ResizeTaps.forEachPart(of: range.weights) { part in
                  var (upper, lower) = (SIMD4<Float>(), SIMD4<Float>())
                  for i in part {
                    let pixel = UnsafeRawPointer(line + (range.first + i - range.weights.lowerBound) * 3)
                      .loadUnaligned(as: SIMD4<Float>.self)
                    upper += pixel * weights.upper[i]
                    lower += pixel * weights.lower[i]
                  }
                  sums &+= whole(upper) &<< ResizeTaps.lowerBits &+ whole(lower)
                }
                let pixel = bytes(sums)
                (target[x * 3], target[x * 3 + 1], target[x * 3 + 2]) = (pixel[0], pixel[1], pixel[2])
              }
            }
          }
        }
      }
    }
  }

  private func resizedVertically(_ taps: ResizeTaps) -> RGBImage {
    if taps.changesNothing { return self }
    let newHeight = taps.ranges.count
    let row = width * 3
    let lanes = min(row, 8)
    return RGBImage(width: width, height: newHeight) { out in
      withPixels { pixels in
        taps.withWeights { weights in
          for y in 0..<newHeight {
            let range = taps.ranges[y]
            let (source, target) = (pixels + range.first * row, out + y * row)
            // The last eight overlap those before.
            for x in stride(from: 0, to: row, by: 8).lazy.map({ min($0, row - lanes) }) {
              var sums = SIMD8<Int32>(repeating: ResizeTaps.half)
              ResizeTaps.forEachPart(of: range.weights) { part in
                var (upper, lower) = (SIMD8<Float>(), SIMD8<Float>())
                for i in part {
                  let values = eight(source + (i - range.weights.lowerBound) * row + x, lanes)
                  upper += values * weights.upper[i]
                  lower += values * weights.lower[i]
                }
                sums &+= whole(upper) &<< ResizeTaps.lowerBits &+ whole(lower)
              }
              let values = bytes(sums)
              if lanes == 8 {
                UnsafeMutableRawPointer(target + x).storeBytes(of: values, as: SIMD8<UInt8>.self)
              } else {
                for i in 0..<lanes { target[i] = values[i] }
              }
            }
          }
        }
      }
    }
  }

  /// Bilinear interpolation in the order of TensorFlow's `ResizeBilinear`, whose roundings it repeats.
  private func interpolated(
    width newWidth: Int, height newHeight: Int, columns: Range<Int>, rows: Range<Int>
  ) -> RGBImage {
    let columns = Interpolation.points(columns, from: width, to: newWidth)
    let rows = Interpolation.points(rows, from: height, to: newHeight)
    return RGBImage(width: columns.count, height: rows.count) { out in
      pixels.withUnsafeBufferPointer { pixels in
        for (y, row) in rows.enumerated() {
          for (x, column) in columns.enumerated() {
            for channel in 0..<3 {
              func pixel(_ x: Int, _ y: Int) -> Float { Float(pixels[(y * width + x) * 3 + channel]) }
              let (topLeft, topRight) = (pixel(column.lower, row.lower), pixel(column.upper, row.lower))
              let (bottomLeft, bottomRight) = (pixel(column.lower, row.upper), pixel(column.upper, row.upper))
              let top = topLeft + (topRight - topLeft) * column.fraction
              let bottom = bottomLeft + (bottomRight - bottomLeft) * column.fraction
              out[(y * columns.count + x) * 3 + channel] = UInt8(top + (bottom - top) * row.fraction)
            }
          }
        }
      }
    }
  }

  /// An image whose pixels `body` writes, every one.
  init(width: Int, height: Int, filling body: (UnsafeMutablePointer<UInt8>) -> Void) {
    let size = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { out, count in
      body(out.baseAddress!)
      count = size
    }
    self.init(width: width, height: height, pixels: pixels)
  }
}

/// The weight of an old pixel by its distance from the new one.
enum AntialiasingKernel {
  case linear, cubic

  /// Where the kernel becomes 0.
  var support: Double { self == .linear ? 1 : 2 }

  func callAsFunction(_ x: Double) -> Double {
    let x = x.magnitude
    switch self {
    case .linear: return x < 1 ? 1 - x : 0
    case .cubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }

  /// The old pixels that make up one new one along an axis: the first, and the weights of it and those after it, which
  /// add up to 1.
  func weights(of target: Int, from oldSize: Int, to newSize: Int) -> (first: Int, weights: [Double]) {
    let scale = Double(oldSize) / Double(newSize)
    let width = max(scale, 1)
    let center = (Double(target) + 0.5) * scale
    let low = max(Int(center - support * width + 0.5), 0)
    let high = min(Int(center + support * width + 0.5), oldSize)
    let values = (low..<high).map { self((Double($0) - center + 0.5) * (1 / width)) }
    let total = values.reduce(0, +)
    return (low, total == 0 ? values : values.map { $0 / total })
  }
}

/// Which source pixels make up each target pixel along one axis, and their weights in fixed point.
private struct ResizeTaps {
  static let fractionBits: Int32 = 22
  /// One half, so that the shift rounds.
  static let half: Int32 = 1 << (fractionBits - 1)
  /// Bits of a weight's lower part.
  static let lowerBits: Int32 = 9

  /// For each target pixel the first source pixel, and where its weights are.
  var ranges: [(first: Int, weights: Range<Int>)] = []
  /// Weights in two parts: multiples of 512, divided by it, and what is left. Sums of their products with bytes are whole
  /// numbers below 2^22, which floating point holds exactly and which vectors multiply faster than long integers.
  private var upper: [Float] = []
  private var lower: [Float] = []
  /// Whether the new pixels are the old ones.
  let changesNothing: Bool

  /// For some of the target pixels.
  init(_ targets: Range<Int>, from oldSize: Int, to newSize: Int, _ kernel: AntialiasingKernel) {
    changesNothing = newSize == oldSize && targets == 0..<newSize
    for target in targets {
      let (low, values) = kernel.weights(of: target, from: oldSize, to: newSize)
      ranges.append((low, upper.count..<(upper.count + values.count)))
      for value in values {
        let weight = Int32(
          (value * Double(1 << ResizeTaps.fractionBits)).rounded(.toNearestOrAwayFromZero))
        upper.append(Float(weight >> ResizeTaps.lowerBits))
        lower.append(Float(weight & (1 << ResizeTaps.lowerBits - 1)))
      }
    }
  }

  /// The source pixels from the first to the last that any target pixel is made of.
  var used: Range<Int> {
    let first = ranges.map(\.first).min() ?? 0
    return first..<(ranges.map { $0.first + $0.weights.count }.max() ?? first)
  }

  /// The same where the first source pixels are missing.
  func moved(by offset: Int) -> ResizeTaps {
    var result = self
    result.ranges = ranges.map { ($0.first - offset, $0.weights) }
    return result
  }

  @inline(__always)
  func withWeights(_ body: (Weights) -> Void) {
    upper.withUnsafeBufferPointer { upper in
      lower.withUnsafeBufferPointer { lower in
        body(Weights(upper: upper.baseAddress!, lower: lower.baseAddress!))
      }
    }
  }

  /// Both parts of all weights.
  struct Weights {
    let upper: UnsafePointer<Float>
    let lower: UnsafePointer<Float>
  }

  /// Calls `body` with parts of weights whose sums of products are small enough.
  @inline(__always)
  static func forEachPart(of weights: Range<Int>, _ body: (Range<Int>) -> Void) {
    var start = weights.lowerBound
    while start < weights.upperBound {
      let end = min(start + 32, weights.upperBound)
      body(start..<end)
      start = end
    }
  }
}

/// Eight bytes as numbers, or fewer in narrow images.
@inline(__always)
private func eight(_ values: UnsafePointer<UInt8>, _ count: Int) -> SIMD8<Float> {
  if count == 8 { return SIMD8(UnsafeRawPointer(values).loadUnaligned(as: SIMD8<UInt8>.self)) }
  var result = SIMD8<Float>()
  for i in 0..<count { result[i] = Float(values[i]) }
  return result
}

/// Whole numbers below 2^22 as such. Between 2^23 and 2^24 there are only whole numbers: a sum there has them as last bits.
@inline(__always)
private func whole(_ numbers: SIMD4<Float>) -> SIMD4<Int32> {
  unsafeBitCast(numbers + 0x1.8p23, to: SIMD4<Int32>.self) &- 0x4B40_0000
}

@inline(__always)
private func whole(_ numbers: SIMD8<Float>) -> SIMD8<Int32> {
  unsafeBitCast(numbers + 0x1.8p23, to: SIMD8<Int32>.self) &- 0x4B40_0000
}

/// Sums of weighted bytes as bytes.
@inline(__always)
private func bytes(_ sums: SIMD4<Int32>) -> SIMD4<UInt8> {
  let values = sums &>> ResizeTaps.fractionBits
  return SIMD4(truncatingIfNeeded: values.clamped(lowerBound: .zero, upperBound: SIMD4(repeating: 255)))
}

@inline(__always)
private func bytes(_ sums: SIMD8<Int32>) -> SIMD8<UInt8> {
  let values = sums &>> ResizeTaps.fractionBits
  return SIMD8(truncatingIfNeeded: values.clamped(lowerBound: .zero, upperBound: SIMD8(repeating: 255)))
}

/// The two pixels that a new one lies between along one axis, and how far it is from the first.
private struct Interpolation {
  var lower: Int
  var upper: Int
  var fraction: Float

  /// With half-pixel centres, in single precision as TensorFlow computes them.
  static func points(_ targets: Range<Int>, from oldSize: Int, to newSize: Int) -> [Interpolation] {
    let scale = Float(oldSize) / Float(newSize)
    return targets.map { target in
      let position = (Float(target) + 0.5) * scale - 0.5
      let floor = position.rounded(.down)
      return Interpolation(
        lower: max(Int(floor), 0), upper: min(Int(position.rounded(.up)), oldSize - 1),
        fraction: position - floor)
    }
  }
}
