/// Lion (Chen et al. 2023) as optax has it: every number moves by the learning rate, in the direction of an average of
/// gradients that is interpolated by `beta1` and remembered by `beta2`.
///
/// Steps are longer than Adam's: a learning rate three to ten times smaller and a weight decay as much larger are usual.
/// Weight decay, 0 unless another is given, is multiplied by the learning rate; big_vision's is not, so that its 1e-7 at a
/// learning rate of 1e-4 is 1e-3 here, which is what optax takes where nothing is said.
public final class Lion: Optimizer {
  /// A running mean of the gradient.
  public struct State: OptimizerState {
    var momentum: Tensor

    /// `momentum`.
    public var tensors: [String: Tensor] {
      get { ["momentum": momentum] }
      set { momentum = newValue["momentum"] ?? momentum }
    }
  }

  /// Step size, before the schedule and the multipliers of parameter groups.
  public var learningRate: Float
  /// What the learning rate is multiplied by at each step.
  public var schedule: Schedule
  /// The share of the mean gradient in a step's direction.
  public let beta1: Float
  /// How much of the mean gradient is kept at each step.
  public let beta2: Float
  /// Strength of the weight decay: each step first multiplies parameters by 1 - learning rate · weight decay.
  public let weightDecay: Float
  /// The parameters and what is remembered of them.
  public let parameters: OptimizedParameters<State>

  /// An optimizer of all parameters of a model.
  public init(
    _ model: some Module, learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.99,
    weightDecay: Float = 0,
    schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.schedule = schedule
    parameters = OptimizedParameters(of: model, groups: groups)
  }

  /// An optimizer of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.99,
    weightDecay: Float = 0, schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), learningRate: learningRate, beta1: beta1, beta2: beta2,
      weightDecay: weightDecay, schedule: schedule, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    State(momentum: .zeros(parameter.parameter.shape))
  }

  /// Updates one parameter as optax's `lion` does.
  public func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
    value.updateByLion(
      gradient: gradient, momentum: &state.momentum, rate: update.learningRate, beta1: decimal(beta1),
      beta2: decimal(beta2), decay: decimal(weightDecay) * update.weightDecayMultiplier)
  }
}
