import Autograd
import Foundation

extension Variable {
  static var softmaxSamples: OperationSamples {
    rowSamples("softmax", { $0.softmax(axis: $1) }) {
      $0.softmax(axis: $1)
    } composition: { x, axis in
      let powers = (x - Variable(x.value.max(axes: [axis], keepDimensions: true))).exp()
      return powers / powers.sum(axes: [axis], keepDimensions: true)
    }
  }

  static var logSoftmaxSamples: OperationSamples {
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
