import Foundation

extension Variable {
  /// eˣ / Σ eˣ along an axis, without overflow.
  public func softmax(axis: Int = -1) -> Variable {
    let axis = shape.axis(axis, of: "softmax")
    return record(
      "softmax", [self], value: value.softmax(axis: axis), saving: .output,
      fused: { [softmaxDerivative(output: $0.output.value, gradient: $0.gradient.value, axis: axis)] },
      derivative: {
        let y = $0.output
        return [y * ($0.gradient - (y * $0.gradient).sum(axes: [axis], keepDimensions: true))]
      })
  }

  /// x - log Σ eˣ along an axis, without overflow.
  public func logSoftmax(axis: Int = -1) -> Variable {
    let axis = shape.axis(axis, of: "logSoftmax")
    return record(
      "logSoftmax", [self], value: value.logSoftmax(axis: axis), saving: .output,
      fused: { [logSoftmaxDerivative(output: $0.output.value, gradient: $0.gradient.value, axis: axis)] },
      derivative: {
        [$0.gradient - $0.output.exp() * $0.gradient.sum(axes: [axis], keepDimensions: true)]
      })
  }
}

// MARK: - Samples

extension Variable {
  package static var softmaxSamples: OperationSamples {
    rowSamples("softmax", { $0.softmax(axis: $1) }) {
      $0.softmax(axis: $1)
    } composition: { x, axis in
      let powers = (x - Variable(x.value.max(axes: [axis], keepDimensions: true))).exp()
      return powers / powers.sum(axes: [axis], keepDimensions: true)
    }
  }

  package static var logSoftmaxSamples: OperationSamples {
    rowSamples("logSoftmax", { $0.logSoftmax(axis: $1) }) {
      $0.softmax(axis: $1).map { Foundation.log($0) }
    } composition: { x, axis in
      let centred = x - Variable(x.value.max(axes: [axis], keepDimensions: true))
      return centred - centred.exp().sum(axes: [axis], keepDimensions: true).log()
    }
  }

  private static func rowSamples(
    _ name: String, _ forward: @escaping (Variable, Int) -> Variable,
    reference: @escaping (ReferenceArray, Int) -> ReferenceArray,
    composition: @escaping (Variable, Int) -> Variable
  ) -> OperationSamples {
    let cases: [(Shape, Int)] = [
      ([3, 5], -1), ([2, 3, 17], -1), ([2, 33, 3], 1), ([65], 0), ([4, 1], 1), ([0, 3], 1),
    ]
    return OperationSamples(
      name,
      cases.map { shape, axis in
        OperationSample(
          [.init(shape)], "\(shape) along \(axis)", forward: { forward($0[0], axis) },
          composition: shape.elementCount == 0 ? nil : { composition($0[0], axis) },
          reference: { reference($0[0], axis) })
      })
  }
}

extension ReferenceArray {
  /// eˣ / Σ eˣ along an axis.
  func softmax(axis: Int) -> ReferenceArray {
    let largest = fold(axes: [axis], keepDimensions: true) { $0.max() ?? 0 }
    let powers = combine(largest) { Foundation.exp($0 - $1) }
    return powers.combine(powers.fold(axes: [axis], keepDimensions: true) { $0.reduce(0, +) }, /)
  }
}
