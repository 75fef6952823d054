import NN

/// An image of 8-bit red, green and blue.
public struct RGBImage: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Red, green and blue of every pixel, row by row.
  public let pixels: [UInt8]

  /// An image of the given pixels; traps when their number does not fit.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    if width < 1 || height < 1 || pixels.count != width * height * 3 {
      programmerError("image: \(pixels.count) bytes for \(width) x \(height) pixels of three")
    }
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The image in the middle of a square of one colour.
  public func paddedToSquare(red: UInt8 = 255, green: UInt8 = 255, blue: UInt8 = 255) -> RGBImage {
    if width == height { return self }
    let side = max(width, height)
    var result: [UInt8] = []
    result.reserveCapacity(side * side * 3)
    let (top, left) = ((side - height) / 2, (side - width) / 2)
    for y in 0..<side {
      for x in 0..<side {
        if y >= top, y < top + height, x >= left, x < left + width {
          let start = ((y - top) * width + x - left) * 3
          result += pixels[start..<(start + 3)]
        } else {
          result += [red, green, blue]
        }
      }
    }
    return RGBImage(width: side, height: side, pixels: result)
  }

  /// A part of the image; traps when it reaches beyond the edges.
  public func cropped(left: Int, top: Int, width newWidth: Int, height newHeight: Int) -> RGBImage {
    if left < 0 || top < 0 || left + newWidth > width || top + newHeight > height {
      programmerError(
        "crop: \(newWidth) x \(newHeight) at (\(left), \(top)) of an image of \(width) x \(height)")
    }
    var result: [UInt8] = []
    result.reserveCapacity(newWidth * newHeight * 3)
    for y in top..<(top + newHeight) {
      let start = (y * width + left) * 3
      result += pixels[start..<(start + newWidth * 3)]
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: result)
  }
}

/// How pixel values become the numbers that a tower takes.
public struct PixelNormalization: Sendable, Hashable {
  /// Subtracted from values of 0 to 255, for red, green and blue.
  public let mean: [Float]
  /// Divides what is left.
  public let deviation: [Float]

  /// -1 to 1: SigLIP.
  public static let siglip = PixelNormalization(
    mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5])
  /// (value - 127) / 128: EfficientNet-Lite.
  public static let efficientNetLite = PixelNormalization(mean: [127, 127, 127], deviation: [128, 128, 128])
  /// CLIP's own mean and deviation.
  public static let clip = PixelNormalization(
    mean: [0.48145466, 0.4578275, 0.40821073].map { Float($0 * 255) },
    deviation: [0.26862954, 0.26130258, 0.27577711].map { Float($0 * 255) })

  /// A normalisation by three means and three deviations, in units of 0 to 255.
  public init(mean: [Float], deviation: [Float]) {
    if mean.count != 3 || deviation.count != 3 {
      programmerError(
        "pixel normalisation: \(mean.count) means and \(deviation.count) deviations, expected three each")
    }
    self.mean = mean
    self.deviation = deviation
  }

  /// Images of one size as `[batch, 3, height, width]`; traps when sizes differ.
  public func tensor(_ images: [RGBImage]) -> Tensor {
    guard let first = images.first else { programmerError("pixel normalisation: no images") }
    let (height, width) = (first.height, first.width)
    if let odd = images.first(where: { $0.width != width || $0.height != height }) {
      programmerError("pixel normalisation: images of \(width) x \(height) and \(odd.width) x \(odd.height)")
    }
    let plane = height * width
    let table = table
    return Tensor(uninitialized: [images.count, 3, height, width]) { buffer in
      let start = buffer.baseAddress!
      parallelForEach(count: images.count) { index in
        images[index].pixels.withUnsafeBufferPointer { pixels in
          table.withUnsafeBufferPointer { table in
            for channel in 0..<3 {
              let target = start + (index * 3 + channel) * plane
              for i in 0..<plane { target[i] = table[channel * 256 + Int(pixels[i * 3 + channel])] }
            }
          }
        }
      }
    }
  }

  /// What every pixel value becomes: 256 numbers for red, then for green, then for blue.
  var table: [Float] {
    (0..<3).flatMap { channel in (0..<256).map { (Float($0) - mean[channel]) / deviation[channel] } }
  }
}
