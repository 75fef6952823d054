/// Adam with decoupled weight decay (Loshchilov & Hutter 2019) as PyTorch and optax have it: each step first multiplies
/// parameters by 1 - learning rate · weight decay, 0.01 unless another is given. SigLIP takes a `beta2` of 0.95.
public final class AdamW: Adam {
  override class var defaultWeightDecay: Float { 0.01 }
  override class var isDecoupled: Bool { true }
}

/// Adam (Kingma & Ba 2015) as PyTorch has it; weight decay, if any, is added to the gradient.
public class Adam: Optimizer {
  /// Running means of the gradient and of its square.
  public struct State: OptimizerState {
    var first: Tensor
    var second: Tensor

    /// `first` and `second`.
    public var tensors: [String: Tensor] {
      get { ["first": first, "second": second] }
      set {
        first = newValue["first"] ?? first
        second = newValue["second"] ?? second
      }
    }
  }

  /// Step size, before the schedule and the multipliers of parameter groups.
  public var learningRate: Float
  /// What the learning rate is multiplied by at each step.
  public var schedule: Schedule
  /// How much of the mean gradient is kept at each step.
  public let beta1: Float
  /// How much of the mean squared gradient is kept at each step.
  public let beta2: Float
  /// Added to the root of the mean squared gradient.
  public let epsilon: Float
  /// Strength of the weight decay.
  public let weightDecay: Float
  /// The parameters and what is remembered of them.
  public let parameters: OptimizedParameters<State>

  class var defaultWeightDecay: Float { 0 }
  /// Whether the weight decay passes the moments by.
  class var isDecoupled: Bool { false }

  /// An optimizer of all parameters of a model.
  public init(
    _ model: some Module, learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999,
    epsilon: Float = 1e-8, weightDecay: Float? = nil, schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    parameters = OptimizedParameters(of: model, groups: groups)
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay ?? Self.defaultWeightDecay
    self.schedule = schedule
  }

  /// An optimizer of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999,
    epsilon: Float = 1e-8, weightDecay: Float? = nil, schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay, schedule: schedule, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    State(first: .zeros(parameter.parameter.shape), second: .zeros(parameter.parameter.shape))
  }

  /// Updates one parameter as PyTorch's `Adam` or `AdamW` does.
  public func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
    value.updateByAdam(
      gradient: gradient, mean: &state.first, squares: &state.second, update: update.step + 1,
      rate: update.learningRate, beta1: decimal(beta1), beta2: decimal(beta2), epsilon: Double(epsilon),
      decay: decimal(weightDecay) * update.weightDecayMultiplier, isDecoupled: Self.isDecoupled)
  }
}
