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
      pixels.withUnsafeBufferPointer { pixels in
        // Compared before they become whole numbers: both ends round away from zero.
        let (right, bottom) = (Float(width) - 0.5, Float(height) - 0.5)
        for y in 0..<height {
          for x in 0..<width {
            let oldX = transform.xFromX * Float(x) + transform.xFromY * Float(y) + transform.left
            let oldY = transform.yFromX * Float(x) + transform.yFromY * Float(y) + transform.top
            let target = (y * width + x) * 3
            if oldX > -0.5 && oldX < right && oldY > -0.5 && oldY < bottom {
              // Half added in double precision, where the sum is not rounded up to the next whole number.
              let source = (Int(Double(oldY) + 0.5) * width + Int(Double(oldX) + 0.5)) * 3
              out[target] = pixels[source]
              out[target + 1] = pixels[source + 1]
              out[target + 2] = pixels[source + 2]
            } else {
              out[target] = NearestTransform.gray
              out[target + 1] = NearestTransform.gray
              out[target + 2] = NearestTransform.gray
            }
          }
        }
      }
    }
  }
}
