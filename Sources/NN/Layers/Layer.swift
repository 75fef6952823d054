/// A module that maps one variable to another, so that it can stand in a ``Sequential``.
public protocol Layer: Module {
  /// Computes the output.
  func callAsFunction(_ x: Variable) -> Variable
}

/// Layers one after another; their paths are `layers.0`, `layers.1`, ...
public final class Sequential: Layer, Hookable {
  /// The layers in order.
  @Submodule public private(set) var layers: [any Layer]
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A chain of layers.
  public init(_ layers: any Layer...) { self.layers = layers }

  /// A chain of layers.
  public init(_ layers: [any Layer]) { self.layers = layers }

  /// Passes `x` through all layers.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) { layers.reduce(x) { x, layer in layer(x) } }
  }
}

/// A function without parameters as a layer: `Lambda { $0.flatten(from: 1) }`.
public final class Lambda: Layer {
  private let function: (Variable) -> Variable

  /// A layer that applies `function`.
  public init(_ function: @escaping (Variable) -> Variable) { self.function = function }

  /// Applies the function.
  public func callAsFunction(_ x: Variable) -> Variable { function(x) }
}

/// An activation function as a layer. The ones that no product can fuse are functions of ``Variable``:
/// `Lambda { $0.sigmoid() }`.
public final class ActivationLayer: Layer {
  /// Which function.
  public let activation: Activation

  /// A layer that applies `activation`.
  public init(_ activation: Activation) { self.activation = activation }

  /// Applies the activation to every element.
  public func callAsFunction(_ x: Variable) -> Variable { activation(x) }
}
