/// Stochastic gradient descent with decoupled weight decay (Loshchilov & Hutter 2019) as timm has it: each step first
/// multiplies parameters by 1 - learning rate · weight decay, which the momentum does not see.
public final class SGDW: SGD {
  override class var isDecoupled: Bool { true }
}

/// Stochastic gradient descent with momentum, Nesterov's if wanted, and weight decay added to the gradient, as
/// PyTorch's `SGD`.
public class SGD: Optimizer {
  /// The running sum of gradients, if there is momentum.
  public struct State: OptimizerState {
    var momentum: Tensor?

    /// `momentum`, if there is one.
    public var tensors: [String: Tensor] {
      get { momentum.map { ["momentum": $0] } ?? [:] }
      set { momentum = newValue["momentum"] }
    }
  }

  /// Step size, before the schedule and the multipliers of parameter groups.
  public var learningRate: Float
  /// What the learning rate is multiplied by at each step.
  public var schedule: Schedule
  /// How much of the last step goes into the next.
  public let momentum: Float
  /// Whether to look ahead by the momentum (Sutskever et al. 2013).
  public let nesterov: Bool
  /// Strength of the weight decay.
  public let weightDecay: Float
  /// The parameters and what is remembered of them.
  public let parameters: OptimizedParameters<State>

  /// Whether the weight decay passes the momentum by.
  class var isDecoupled: Bool { false }

  /// An optimizer of all parameters of a model.
  public init(
    _ model: some Module, learningRate: Float, momentum: Float = 0, nesterov: Bool = false,
    weightDecay: Float = 0, schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    if nesterov && momentum == 0 { programmerError("SGD: Nesterov's step needs momentum") }
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.schedule = schedule
    parameters = OptimizedParameters(of: model, groups: groups)
  }

  /// An optimizer of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], learningRate: Float, momentum: Float = 0, nesterov: Bool = false,
    weightDecay: Float = 0, schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), learningRate: learningRate, momentum: momentum, nesterov: nesterov,
      weightDecay: weightDecay, schedule: schedule, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    State(momentum: momentum == 0 ? nil : .zeros(parameter.parameter.shape))
  }

  /// Updates one parameter as PyTorch's `SGD` or timm's `SGDW` does.
  public func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
    value.updateBySGD(
      gradient: gradient, sum: &state.momentum, rate: update.learningRate, momentum: Double(momentum),
      decay: Double(weightDecay) * update.weightDecayMultiplier, nesterov: nesterov,
      isDecoupled: Self.isDecoupled)
  }
}
