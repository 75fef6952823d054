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

  /// The kernel that computes it.
  package var kernel: UnaryOperation {
    switch self {
    case .relu: .relu
    case .relu6: .relu6
    case .gelu: .geluTanh
    case .geluExact: .geluErf
    case .quickGelu: .quickGelu
    case .silu: .silu
    }
  }

  /// The kernel that multiplies a gradient by its derivative, given the activation's input.
  package var derivativeKernel: BinaryOperation {
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
