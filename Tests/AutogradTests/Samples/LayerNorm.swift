import Autograd

enum LayerNormSamples {
  static var all: OperationSamples {
    let cases: [(Shape, scale: Bool, offset: Bool)] = [
      ([3, 5], true, true), ([2, 3, 17], true, true), ([33], true, false), ([4, 7], false, true),
      ([2, 64], false, false), ([0, 3], true, true),
    ]
    return OperationSamples(
      "layerNorm",
      cases.map { shape, hasScale, hasOffset in
        let features: Shape = [shape[shape.count - 1]]
        let parameters: [OperationSample.Input] =
          (hasScale ? [.init(features)] : []) + (hasOffset ? [.init(features)] : [])
        let arguments = { (inputs: [Variable]) in
          (hasScale ? inputs[1] : nil, hasOffset ? inputs[inputs.count - 1] : nil)
        }
        return OperationSample(
          [.init(shape)] + parameters,
          forward: {
            let (scale, offset) = arguments($0)
            return layerNorm($0[0], scale: scale, offset: offset, epsilon: 1e-3)
          },
          composition: shape.elementCount == 0
            ? nil
            : {
              let (scale, offset) = arguments($0)
              return composedLayerNorm($0[0], scale: scale, offset: offset, epsilon: 1e-3)
            },
          reference: {
            reference($0[0], scale: hasScale ? $0[1] : nil, offset: hasOffset ? $0[$0.count - 1] : nil)
          })
      })
  }

  private static func reference(
    _ x: ReferenceArray, scale: ReferenceArray?, offset: ReferenceArray?
  ) -> ReferenceArray {
    func mean(_ x: ReferenceArray) -> ReferenceArray {
      x.fold(axes: [-1], keepDimensions: true) { $0.reduce(0, +) / Double($0.count) }
    }
    let centred = x.combine(mean(x), -)
    var result = centred.combine(mean(centred.map { $0 * $0 })) { $0 / ($1 + 1e-3).squareRoot() }
    if let scale { result = result.combine(scale, *) }
    if let offset { result = result.combine(offset, +) }
    return result
  }
}
