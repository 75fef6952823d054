import Foundation
import NN

/// Where each new pixel's old one is: TensorFlow's `ImageProjectiveTransformV3` to the nearest pixel, in its single
/// precision, without perspective.
struct NearestTransform {
  /// What there is where no old pixel was.
  static let gray: UInt8 = 128

  var xFromX: Float = 1
  var xFromY: Float = 0
  var left: Float = 0
  var yFromX: Float = 0
  var yFromY: Float = 1
  var top: Float = 0

  /// A turn around the middle.
  static func rotation(degrees: Float, width: Int, height: Int) -> NearestTransform {
    let angle = degrees * Float(Double.pi / 180)
    let (cosine, sine) = (Float(cos(Double(angle))), Float(sin(Double(angle))))
    let (width, height) = (Float(width - 1), Float(height - 1))
    return NearestTransform(
      xFromX: cosine, xFromY: -sine, left: (width - (cosine * width - sine * height)) / 2,
      yFromX: sine, yFromY: cosine, top: (height - (sine * width + cosine * height)) / 2)
  }
}

extension RGBImage {
  /// Pixels moved; gray where there were none.
  func moved(_ transform: NearestTransform) -> RGBImage {
    RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * width) { places in
          let (columns, rows) = (places.baseAddress!, places.baseAddress! + width)
          for y in 0..<height {
            let target = out + y * width * 3
            transform.setPlaces(columns, rows, y, width: width, height: height)
            let used = NearestTransform.used(columns, transform.keepsRows ? nil : rows, count: width)
            if used.isEmpty || rows[transform.keepsRows ? 0 : used.lowerBound] < 0 {
              target.update(repeating: NearestTransform.gray, count: width * 3)
              continue
            }
            target.update(repeating: NearestTransform.gray, count: used.lowerBound * 3)
            if transform.keepsRows {
              copy(pixels + Int(rows[0]) * width * 3, columns, used, to: target)
            } else {
              for x in used {
                copyPixel(pixels, (Int(rows[x]) * width + Int(columns[x])) * 3, target, x * 3)
              }
            }
            (target + used.upperBound * 3).update(
              repeating: NearestTransform.gray, count: (width - used.upperBound) * 3)
          }
        }
      }
    }
  }

  /// Copies pixels of one row: mostly neighbours to neighbours.
  @inline(__always)
  private func copy(
    _ row: UnsafePointer<UInt8>, _ columns: UnsafePointer<Int32>, _ used: Range<Int>,
    to target: UnsafeMutablePointer<UInt8>
  ) {
    let shift = columns[used.lowerBound] &- Int32(truncatingIfNeeded: used.lowerBound)
    var others: Int32 = 0
    for x in used { others |= (columns[x] &- Int32(truncatingIfNeeded: x)) ^ shift }
    if others == 0 {
      let first = Int(columns[used.lowerBound])
      (target + used.lowerBound * 3).update(from: row + first * 3, count: used.count * 3)
    } else {
      for x in used { copyPixel(row, Int(columns[x]) * 3, target, x * 3) }
    }
  }
}

extension NearestTransform {
  /// Whether the pixels of a row come from one row.
  fileprivate var keepsRows: Bool { yFromX == 0 }

  /// The column and row of the old pixel for each of a row; -1 where there is none. Where ``keepsRows`` only the first row.
  @inline(__always)
  fileprivate func setPlaces(
    _ columns: UnsafeMutablePointer<Int32>, _ rows: UnsafeMutablePointer<Int32>, _ y: Int, width: Int,
    height: Int
  ) {
    if y == 0 || xFromY != 0 {
      NearestTransform.setPlaces(
        columns, slope: xFromX, xFromY * Float(y), left, count: width, below: width)
    }
    NearestTransform.setPlaces(
      rows, slope: yFromX, yFromY * Float(y), top, count: keepsRows ? 1 : width, below: height)
  }

  /// Where both are places. Along a row each coordinate only grows or only shrinks, and so do their roundings: old pixels
  /// follow one another.
  @inline(__always)
  fileprivate static func used(
    _ columns: UnsafePointer<Int32>, _ rows: UnsafePointer<Int32>?, count: Int
  ) -> Range<Int> {
    func isMissing(_ x: Int) -> Bool { (columns[x] | (rows?[x] ?? 0)) < 0 }
    var (first, end) = (0, count)
    while first < end && isMissing(first) { first += 1 }
    while first < end && isMissing(end - 1) { end -= 1 }
    return first..<end
  }

  /// Whole numbers nearest to `slope * x + first + second` for each x, halves rounded up; -1 where they are none of 0..<end.
  @inline(__always)
  private static func setPlaces(
    _ places: UnsafeMutablePointer<Int32>, slope: Float, _ first: Float, _ second: Float, count: Int,
    below end: Int
  ) {
    // Both ends round away from zero, and are compared before.
    let last = Float(end) - 0.5
    if end > 1 << 22 {
      for x in 0..<count {
        let place = slope * Float(x) + first + second
        // In double precision the sum is not rounded.
        places[x] = place > -0.5 && place < last ? Int32(Double(place) + 0.5) : -1
      }
      return
    }
    for x in 0..<count {
      let place = slope * Float(Int32(truncatingIfNeeded: x)) + first + second
      // Without the checks of `Int32(_:)`, so that the loop becomes vectors. From 2^23 on there are only whole numbers: the
      // sum is rounded, halves to the even one, and its last bits are the result.
      let inside = place > 0 ? (place < last ? place : 0) : 0
      let sum = inside + 0x1p23
      let whole = Int32(bitPattern: sum.bitPattern) &- 0x4B00_0000
      let nearest = inside - (sum - 0x1p23) == 0.5 ? whole &+ 1 : whole
      places[x] = place > -0.5 ? (place < last ? nearest : -1) : -1
    }
  }
}
