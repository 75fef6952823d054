import NN

/// How a grid of learned positions is resized when the number of patches changes: every source has its own way.
public enum PositionResize: String, Sendable, CaseIterable {
  /// big_vision: linear between the corners, which stay where they are (`scipy.ndimage.zoom` of order 1).
  case linearZoom
  /// transformers: bicubic (a = -0.75) without antialiasing.
  case bicubic
  /// timm and open_clip: bicubic (a = -0.5) with antialiasing.
  case bicubicAntialiased
  /// NaFlex: bilinear with antialiasing.
  case bilinearAntialiased

  /// The matrix `[new, old]` that resizes one axis.
  func matrix(from old: Int, to new: Int) -> Tensor {
    var weights = [Float](repeating: 0, count: new * old)
    for target in 0..<new {
      for (source, weight) in taps(of: target, from: old, to: new) {
        weights[target * old + source] += Float(weight)
      }
    }
    return Tensor(weights, shape: [new, old])
  }

  /// Positions that make up one position of the result, with their weights.
  private func taps(of target: Int, from old: Int, to new: Int) -> [(source: Int, weight: Double)] {
    switch self {
    case .linearZoom:
      let position = new == 1 ? 0 : Double(target) * Double(old - 1) / Double(new - 1)
      let low = min(Int(position), old - 1)
      let fraction = position - Double(low)
      return [(low, 1 - fraction), (min(low + 1, old - 1), fraction)]
    case .bicubic:
      let position = (Double(target) + 0.5) * Double(old) / Double(new) - 0.5
      let low = Int(position.rounded(.down))
      let fraction = position - Double(low)
      return (-1...2).map { offset in
        let weight = PositionResize.cubic(Double(offset) - fraction)
        return (min(max(low + offset, 0), old - 1), weight)
      }
    case .bicubicAntialiased, .bilinearAntialiased:
      let kernel: AntialiasingKernel = self == .bicubicAntialiased ? .cubic : .linear
      let (first, weights) = kernel.weights(of: target, from: old, to: new)
      return weights.enumerated().map { (first + $0.offset, $0.element) }
    }
  }

  /// Cubic convolution with a = -0.75 (Keys 1981).
  private static func cubic(_ x: Double) -> Double {
    let (a, x) = (-0.75, x.magnitude)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
  }

  /// Positions of a square grid, `[side · side, width]`, for a grid of another size, `[height · width, width]`.
  public func callAsFunction(_ positions: Tensor, height: Int, width: Int) -> Tensor {
    let side = PositionResize.side(of: positions.shape)
    if height == side && width == side { return positions }
    let features = positions.shape[1]
    let rows = matrix(from: side, to: height).matmul(positions.reshape([side, side * features]))
    return matrix(from: side, to: width).matmul(rows.reshape([height, side, features]))
      .reshape([height * width, features])
  }

  /// The matrix `[height · width, side · side]` that resizes a whole square grid.
  func matrix(side: Int, height: Int, width: Int) -> Tensor {
    let rows = matrix(from: side, to: height).reshape([height, 1, side, 1])
    let columns = matrix(from: side, to: width).reshape([1, width, 1, side])
    return (rows * columns).reshape([height * width, side * side])
  }

  private static func side(of shape: Shape) -> Int {
    let side = Int(Double(shape.first ?? 0).squareRoot().rounded())
    if shape.count != 2 || side * side != shape[0] || side == 0 {
      programmerError("position resize: positions of shape \(shape), expected [side * side, width]")
    }
    return side
  }
}
