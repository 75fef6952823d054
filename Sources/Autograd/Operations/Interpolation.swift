import Foundation

/// How a picture is read between its pixels.
public enum Interpolation: Sendable {
  /// The pixel at or before.
  case nearest
  /// Along straight lines between two pixels in each direction.
  case bilinear
  /// Along cubic curves through four pixels in each direction (Keys 1981).
  case bicubic
}

extension Variable {
  /// Images `[N, C, H, W]` in another size, as PyTorch's `interpolate` makes them.
  ///
  /// - Parameters:
  ///   - size: Height and width of the result.
  ///   - alignCorners: Whether the centres of the corner pixels stay where they are, rather than the corners of the image.
  ///   - antialias: Whether a pixel of a smaller result is a mean of all that it covers.
  public func interpolate(
    size: (height: Int, width: Int), mode: Interpolation = .nearest, alignCorners: Bool = false,
    antialias: Bool = false
  ) -> Variable {
    guard rank == 4, shape[2] > 0, shape[3] > 0, size.height > 0, size.width > 0 else {
      programmerError("interpolate: shape \(shape) to \(size), expected [N, C, H, W] to sizes above 0")
    }
    if mode == .nearest && (alignCorners || antialias) {
      programmerError("interpolate: nearest neighbours know neither aligned corners nor antialiasing")
    }
    func map(_ inputs: Int, _ outputs: Int) -> AxisMap {
      antialias
        ? mode.antialiased(from: inputs, to: outputs, alignCorners: alignCorners)
        : mode.map(from: inputs, to: outputs, alignCorners: alignCorners)
    }
    return mapped(axis: 2, by: map(shape[2], size.height)).mapped(axis: 3, by: map(shape[3], size.width))
  }

  /// Images `[N, C, H, W]` made `scale` times as high and as wide.
  public func interpolate(scale: Int, mode: Interpolation = .nearest, alignCorners: Bool = false) -> Variable
  {
    if rank != 4 { programmerError("interpolate: shape \(shape) is not [N, C, H, W]") }
    return interpolate(size: (shape[2] * scale, shape[3] * scale), mode: mode, alignCorners: alignCorners)
  }

  /// An axis mapped linearly; the derivative is the transposed map.
  package func mapped(axis: Int, by map: AxisMap) -> Variable {
    record("axisMap", [self], value: map(value, axis: axis)) {
      [$0.gradient.mapped(axis: axis, by: map.transposed)]
    }
  }
}

extension Interpolation {
  /// How far the corners' centres are from those of the result, and pixels from one of the result to the next.
  private func step(from inputs: Int, to outputs: Int, alignCorners: Bool) -> Double {
    if !alignCorners { return Double(inputs) / Double(outputs) }
    return outputs > 1 ? Double(inputs - 1) / Double(outputs - 1) : 0
  }

  /// The pixels around each place, those beyond the border being the border's.
  fileprivate func map(from inputs: Int, to outputs: Int, alignCorners: Bool) -> AxisMap {
    let step = step(from: inputs, to: outputs, alignCorners: alignCorners)
    return AxisMap(
      inputs: inputs,
      rows: (0..<outputs).map { row in
        if self == .nearest { return [(row * inputs / outputs, 1)] }
        var place = alignCorners ? Double(row) * step : (Double(row) + 0.5) * step - 0.5
        if self == .bilinear { place = max(place, 0) }
        let first = place.rounded(.down)
        let taps = self == .bilinear ? 0...1 : -1...2
        return taps.map { tap in
          let position = min(max(Int(first) + tap, 0), inputs - 1)
          return (position, Float(weight(at: place - first - Double(tap), sharpness: -0.75)))
        }
      })
  }

  /// All pixels within reach of each place, which is as far as a pixel of the result is wide; none beyond the border.
  fileprivate func antialiased(from inputs: Int, to outputs: Int, alignCorners: Bool) -> AxisMap {
    let step = step(from: inputs, to: outputs, alignCorners: alignCorners)
    let width = max(step, 1)
    let reach = (self == .bilinear ? 1 : 2) * width
    return AxisMap(
      inputs: inputs,
      rows: (0..<outputs).map { row in
        let centre = step * (Double(row) + 0.5)
        let positions = max(Int(centre - reach + 0.5), 0)..<min(Int(centre + reach + 0.5), inputs)
        let weights = positions.map { weight(at: (Double($0) + 0.5 - centre) / width, sharpness: -0.5) }
        let sum = weights.reduce(0, +)
        return zip(positions, weights).map { ($0, Float($1 / sum)) }
      })
  }

  /// How much a pixel counts at a distance from it; `sharpness` is the slope of the cubic curve at distance 1.
  private func weight(at distance: Double, sharpness a: Double) -> Double {
    let x = distance.magnitude
    switch self {
    case .nearest: return x < 0.5 ? 1 : 0
    case .bilinear: return max(1 - x, 0)
    case .bicubic:
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
  }
}
