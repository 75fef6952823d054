import Foundation

/// Ways to start parameters, by the names the field gives them.
extension Random {
  /// Uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010); matrices are `[outputs, inputs]`, convolution weights
  /// `[outputs, inputs, height, width]`.
  public mutating func xavierUniform(_ shape: Shape) -> Tensor {
    let (inputs, outputs) = Random.fans(of: shape)
    let bound = Foundation.sqrt(6 / Float(inputs + outputs))
    return uniform(shape, in: -bound..<bound)
  }

  /// Normal of variance 2 / (inputs + outputs) (Glorot & Bengio 2010).
  public mutating func xavierNormal(_ shape: Shape) -> Tensor {
    let (inputs, outputs) = Random.fans(of: shape)
    return normal(shape, standardDeviation: Foundation.sqrt(2 / Float(inputs + outputs)))
  }

  /// Uniform in ±√(6 / inputs), for layers followed by ReLU (He et al. 2015).
  public mutating func kaimingUniform(_ shape: Shape) -> Tensor {
    let bound = Foundation.sqrt(6 / Float(Random.fans(of: shape).inputs))
    return uniform(shape, in: -bound..<bound)
  }

  /// Normal of variance 2 / inputs, for layers followed by ReLU (He et al. 2015).
  public mutating func kaimingNormal(_ shape: Shape) -> Tensor {
    normal(shape, standardDeviation: Foundation.sqrt(2 / Float(Random.fans(of: shape).inputs)))
  }

  /// Normal of variance 1 / inputs cut off at two standard deviations, with the loss of variance made up for, as Flax's
  /// `lecun_normal` (LeCun et al. 1998).
  public mutating func lecunNormal(_ shape: Shape) -> Tensor {
    let deviation = Foundation.sqrt(1 / Float(Random.fans(of: shape).inputs)) / 0.879_625_66
    return truncatedNormal(shape, standardDeviation: deviation)
  }

  /// Numbers that one output is computed from, and outputs that one input goes into.
  private static func fans(of shape: Shape) -> (inputs: Int, outputs: Int) {
    if shape.count < 2 { programmerError("initializer: shape \(shape) needs two axes, outputs and inputs") }
    if shape.contains(where: { $0 < 0 }) {
      programmerError("initializer: shape \(shape) has a negative size")
    }
    let window = Shape(shape.dropFirst(2)).elementCount
    return (shape[1] * window, shape[0] * window)
  }
}
