import Kernels

/// An activation function that layers can fuse into the product before it.
public enum Activation: String, Sendable, CaseIterable, Codable {
  /// max(x, 0).
  case relu
  /// min(max(x, 0), 6).
  case relu6
  /// GELU by the tanh approximation: big_vision's and SigLIP's.
  case gelu
  /// GELU by the error function.
  case geluExact
  /// x · sigmoid(1.702 x): CLIP's.
  case quickGelu
  /// x · sigmoid(x).
  case silu

  /// Applies the function to every element.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.map(kernel) }

  /// Gradient of the function's input, given the input and the gradient of the output. Those of ``relu`` and ``relu6`` may
  /// be given the output instead.
  package func derivative(at x: Tensor, gradient: Tensor) -> Tensor {
    Tensor.combine(derivativeKernel, x, gradient, named: "derivative")
  }

  var kernel: UnaryOperation {
    switch self {
    case .relu: .relu
    case .relu6: .relu6
    case .gelu: .geluTanh
    case .geluExact: .geluErf
    case .quickGelu: .quickGelu
    case .silu: .silu
    }
  }

  private var derivativeKernel: BinaryOperation {
    switch self {
    case .relu: .reluDerivative
    case .relu6: .relu6Derivative
    case .gelu: .geluTanhDerivative
    case .geluExact: .geluErfDerivative
    case .quickGelu: .quickGeluDerivative
    case .silu: .siluDerivative
    }
  }
}

/// Gradient of a hyperbolic tangent's input, given the input and the gradient of the output.
package func tanhDerivative(at x: Tensor, gradient: Tensor) -> Tensor {
  Tensor.combine(.tanhDerivative, x, gradient, named: "derivative")
}

/// Gradient of a sigmoid's input, given the input and the gradient of the output.
package func sigmoidDerivative(at x: Tensor, gradient: Tensor) -> Tensor {
  Tensor.combine(.sigmoidDerivative, x, gradient, named: "derivative")
}
