import Autograd

enum InterpolationSamples {
  private typealias Case = (
    shape: Shape, size: (height: Int, width: Int), Interpolation, alignCorners: Bool, antialias: Bool
  )

  static var all: [OperationSamples] {
    let cases: [Case] = [
      ([2, 1, 3, 4], (6, 5), .nearest, false, false), ([1, 2, 5, 17], (3, 9), .nearest, false, false),
      ([2, 3, 3, 4], (7, 6), .bilinear, false, false), ([1, 1, 5, 4], (3, 9), .bilinear, true, false),
      ([1, 2, 1, 1], (2, 3), .bilinear, true, false), ([1, 1, 5, 4], (1, 2), .bilinear, true, false),
      ([1, 2, 4, 5], (7, 3), .bicubic, false, false), ([2, 1, 3, 4], (5, 7), .bicubic, true, false),
      ([1, 1, 7, 6], (3, 4), .bilinear, false, true), ([1, 2, 5, 9], (8, 4), .bicubic, false, true),
      ([1, 1, 9, 5], (4, 8), .bicubic, true, true), ([0, 2, 3, 3], (2, 2), .bilinear, false, false),
    ]
    return [
      OperationSamples("interpolate", cases.map(sample)),
      OperationSamples(
        "axisMap",
        [([3, 5], 0), ([5, 3, 2], 1), ([17], 0), ([2, 33], 1)].map { (shape: Shape, axis: Int) in
          // Three terms, none, and one that is read twice.
          let map = AxisMap(
            inputs: shape[axis], rows: [[(0, 0.5), (1, -2), (2, 1)], [], [(1, 1.5), (1, 0.5)]])
          return OperationSample([.init(shape)], "\(shape) along \(axis)") {
            $0[0].mapped(axis: axis, by: map)
          } reference: {
            $0[0].mapLines(along: axis) { [0.5 * $0[0] - 2 * $0[1] + $0[2 % $0.count], 0, 2 * $0[1]] }
          }
        }),
    ]
  }

  private static func sample(_ it: Case) -> OperationSample {
    OperationSample(
      [.init(it.shape)],
      "\(it.shape) to \(it.size) \(it.2)\(it.alignCorners ? ", corners" : "")\(it.antialias ? ", antialiased" : "")"
    ) {
      $0[0].interpolate(size: it.size, mode: it.2, alignCorners: it.alignCorners, antialias: it.antialias)
    } reference: {
      line(line($0[0], axis: 2, it.size.height, it), axis: 3, it.size.width, it)
    }
  }

  /// By the definition: the kernel at every pixel of the image, those beyond the border being the border's.
  private static func line(_ x: ReferenceArray, axis: Int, _ outputs: Int, _ it: Case) -> ReferenceArray {
    let inputs = x.shape[axis]
    let step =
      it.alignCorners
      ? (outputs > 1 ? Double(inputs - 1) / Double(outputs - 1) : 0) : Double(inputs) / Double(outputs)
    return x.mapLines(along: axis) { pixels in
      (0..<outputs).map { output in
        if it.2 == .nearest { return pixels[output * inputs / outputs] }
        if it.antialias {
          let width = max(step, 1)
          let weights = (0..<inputs).map {
            kernel((Double($0) + 0.5 - step * (Double(output) + 0.5)) / width, it.2, -0.5)
          }
          return zip(weights, pixels).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
        }
        let place = it.alignCorners ? Double(output) * step : (Double(output) + 0.5) * step - 0.5
        return (-4..<inputs + 4).reduce(0) {
          $0 + kernel(Double($1) - place, it.2, -0.75) * pixels[min(max($1, 0), inputs - 1)]
        }
      }
    }
  }

  private static func kernel(_ distance: Double, _ mode: Interpolation, _ a: Double) -> Double {
    let x = distance.magnitude
    if mode == .bilinear { return max(0, 1 - x) }
    if x >= 2 { return 0 }
    return x <= 1
      ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a
  }
}
