@_exported import Autograd

/// A learnable tensor: a reference that layers and optimizers share.
public final class Parameter {
  private var tensor: Tensor
  fileprivate let leaf: Node

  /// Whether gradients and updates pass it by.
  public var isFrozen = false

  /// A parameter that starts at `value`.
  public init(_ value: Tensor) {
    tensor = value
    leaf = Node(leaf: value.shape)
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
  public var variable: Variable { Variable(value: tensor, node: isFrozen ? nil : leaf) }

  /// Changes the numbers where they are; they are copied first only if something else, such as a graph, refers to them.
  public func update(_ body: (inout Tensor) -> Void) {
    body(&tensor)
  }
}

extension Gradients {
  /// The gradient with respect to a parameter; nil when none reached it, as when it is frozen.
  public subscript(parameter: Parameter) -> Tensor? {
    get { self[parameter.leaf] }
    set { self[parameter.leaf] = newValue }
  }

  /// Multiplies the gradient with respect to a parameter, if there is one, where it is.
  public mutating func scale(_ parameter: Parameter, by factor: Float) { scale(parameter.leaf, by: factor) }
}

/// Computes gradients of several variables at once, given those with respect to them: for what lies behind a loss that was
/// computed elsewhere. Each parameter's is handed out as soon as nothing will add to it any more: what becomes of it, such as
/// sending it to other processes, goes on while the sweep does.
///
/// - Parameters:
///   - outputs: Variables and the gradients with respect to them, of their shapes; constants are passed over.
///   - parameters: Of those that gradients are wanted for.
///   - body: Called once for each that a gradient reaches.
public func backward(
  _ outputs: [(variable: Variable, gradient: Tensor)], to parameters: [Parameter],
  handingOut body: (_ parameter: Parameter, _ gradient: Tensor) throws -> Void
) rethrows {
  let known = Dictionary(uniqueKeysWithValues: parameters.map { ($0.leaf.id, $0) })
  try backward(outputs) { leaf, gradient in
    if let parameter = known[leaf] { try body(parameter, gradient) }
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
