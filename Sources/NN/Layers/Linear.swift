/// A product with a matrix, and an optional bias: y = x Wᵀ + b over the last axis.
///
/// A subclass may compute something else in ``forward(_:activation:)``, to take the place of a linear layer in a model
/// (``Module/replaceModules(_:)``).
open class Linear: Layer, Hookable {
  /// `[outputs, inputs]`.
  public let weight: Parameter
  /// `[outputs]`.
  public let bias: Parameter?
  /// What products of this layer and their derivatives round to, whatever is in force around it; nil for what is.
  public var matmulPrecision: MatmulPrecision?
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer of Xavier uniform weights and zero biases.
  public convenience init(inputs: Int, outputs: Int, bias: Bool = true, random: inout Random) {
    self.init(weight: random.xavierUniform([outputs, inputs]), bias: bias ? .zeros([outputs]) : nil)
  }

  /// A layer of the given numbers: `weight` is `[outputs, inputs]`, `bias` is `[outputs]`.
  public init(weight: Tensor, bias: Tensor? = nil) {
    if weight.rank != 2 || bias.map({ $0.shape != [weight.shape[0]] }) ?? false {
      programmerError(
        "Linear: a weight of shape \(weight.shape) and a bias of shape \(bias.map { "\($0.shape)" } ?? "none")"
      )
    }
    self.weight = Parameter(weight)
    self.bias = bias.map(Parameter.init)
  }

  /// A layer that shares the parameters of another.
  public init(sharing other: Linear) {
    weight = other.weight
    bias = other.bias
    matmulPrecision = other.matmulPrecision
  }

  /// Size of the last axis of inputs.
  public var inputs: Int { weight.shape[1] }

  /// Size of the last axis of outputs.
  public var outputs: Int { weight.shape[0] }

  /// Keeps the weight a second time, in the order in which products read it: for inference with few rows at a time,
  /// which then is not held up by packing. Results keep their bits. Until the weight changes; what computes gradients reads
  /// the weight itself, and so do products of another precision.
  /// With numbers of 16 bits, where the CPU multiplies those, the second copy takes half as much memory.
  ///
  /// - Parameters:
  ///   - precision: What is rounded to, if not as products are now (``Compute/matmulPrecision``). With
  ///     ``WeightPrecision/int8`` all products of the layer are of numbers of 8 bits until the weight changes.
  ///   - keepingNumbers: Whether the weight itself stays in memory. If not, whoever asks for it, such as a state to be saved
  ///     or a derivative, gets the rounded numbers that were packed; those that read it where it is, as derivatives and
  ///     products of another precision do, bring it back to memory.
  public func packWeight(precision: WeightPrecision? = nil, keepingNumbers: Bool = true) {
    if weight.value.count == 0 { return }
    weight.value = withOwnPrecision {
      weight.value.packedForProducts(precision: precision, keepingNumbers: keepingNumbers)
    }
  }

  /// Maps `[..., inputs]` to `[..., outputs]`.
  public func callAsFunction(_ x: Variable) -> Variable { self(x, activation: nil) }

  /// Maps `[..., inputs]` to `[..., outputs]` and applies an activation function in the same pass.
  public func callAsFunction(_ x: Variable, activation: Activation?) -> Variable {
    withForwardHooks([x]) { withOwnPrecision { forward(x, activation: activation) } }
  }

  private func withOwnPrecision<R>(_ body: () -> R) -> R {
    guard let matmulPrecision else { return body() }
    return Compute.withMatmulPrecision(matmulPrecision, body)
  }

  /// What a call computes.
  open func forward(_ x: Variable, activation: Activation?) -> Variable {
    linear(x, weight: weight.variable, bias: bias?.variable, activation: activation)
  }

  /// Whether nothing is lost when something else computes with the parameters in one go.
  var mayBeFused: Bool { !isHooked && matmulPrecision == nil && type(of: self) == Linear.self }
}
