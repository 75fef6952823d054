@_exported import Autograd

/// A learnable tensor: a reference that layers and optimizers share.
public final class Parameter {
  private var tensor: Tensor
  private let leaf: Variable

  /// Whether gradients and updates pass it by.
  public var isFrozen = false

  /// A parameter that starts at `value`.
  public init(_ value: Tensor) {
    tensor = value
    leaf = Variable(Tensor(0).expand(to: value.shape), requiresGradient: true)
  }

  /// The present numbers; traps when they are set to another shape.
  public var value: Tensor {
    get { tensor }
    set {
      if newValue.shape != tensor.shape {
        programmerError("parameter: shape \(newValue.shape) for a parameter of shape \(tensor.shape)")
      }
      tensor = newValue
    }
  }

  /// Sizes of the axes.
  public var shape: Shape { tensor.shape }

  /// What layers compute with: a leaf, or a constant when frozen.
  public var variable: Variable { isFrozen ? Variable(tensor) : Variable(value: tensor, node: leaf.node) }

  /// Changes the numbers where they are; they are copied first only if something else, such as a graph, refers to them.
  public func update(_ body: (inout Tensor) -> Void) {
    body(&tensor)
  }

  fileprivate var key: Variable { leaf }
}

extension Gradients {
  /// The gradient with respect to a parameter; nil when none reached it, as when it is frozen.
  public subscript(parameter: Parameter) -> Tensor? {
    get { self[parameter.key] }
    set { self[parameter.key] = newValue }
  }
}

/// A tensor that belongs to a module's state but is not learned by gradients, such as running statistics.
public final class Buffer {
  private var tensor: Tensor

  /// A buffer that starts at `value`.
  public init(_ value: Tensor) { tensor = value }

  /// The present numbers; traps when they are set to another shape.
  public var value: Tensor {
    get { tensor }
    set {
      if newValue.shape != tensor.shape {
        programmerError("buffer: shape \(newValue.shape) for a buffer of shape \(tensor.shape)")
      }
      tensor = newValue
    }
  }
}
