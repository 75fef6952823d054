/// AdaFactor (Shazeer & Stern 2018): second moments of matrices as a row and a column of means. Those that are published
/// differ; a ``Preset`` says which one is meant, big_vision's where none is named.
///
/// big_vision's keeps a first moment in bfloat16 (Zhai et al. 2022). It is widened, averaged in single precision, applied,
/// and rounded to nearest only to be stored: optax's formula for a state that is widened first. optax itself multiplies the
/// state by a 0.9 rounded to bfloat16, under `jit` in single precision, else with a product that is rounded too. A gradient
/// that is always 1 is applied as 0.9859 here after 300 steps, as 0.9704 and 0.9828 there; an average without rounding
/// applies 1, as ``MomentumPrecision/float32`` does in both.
///
/// Its weight decay is not multiplied by the learning rate, only by the schedule: 1e-4 there is 0.1 in AdamW at a learning
/// rate of 1e-3.
public final class AdaFactor: Optimizer {
  /// How the first moment is stored.
  public enum MomentumPrecision: Sendable, Hashable {
    /// Two bytes for each number; the average stops where its next change is below half a rounding.
    case bfloat16
    /// Four bytes for each number.
    case float32
  }

  /// What is remembered of one parameter.
  public struct State: OptimizerState {
    /// Means of squares over the largest axis, or all squares of a parameter that is not factored.
    var rows: Tensor
    /// Means of squares over the second largest axis.
    var columns: Tensor?
    var momentum: AdaFactorMomentum

    /// `rows`, `columns` where factored, `momentum` if there is one.
    public var tensors: [String: Tensor] {
      get {
        var result = ["rows": rows]
        result["columns"] = columns
        result["momentum"] = momentum.tensor
        return result
      }
      set {
        if let tensor = newValue["rows"] { rows = tensor }
        columns = newValue["columns"]
        momentum.tensor = newValue["momentum"]
      }
    }
  }

  /// Step size or the bound of it, before the schedule and the multipliers of parameter groups.
  public var learningRate: Float
  /// What the learning rate is multiplied by at each step.
  public var schedule: Schedule
  /// Which AdaFactor it is. A moment that was saved in another precision can be loaded.
  public let preset: Preset
  /// Taken off the parameter at each step, times ``Preset/weightDecayScale``.
  public let weightDecay: Float
  /// The parameters and what is remembered of them.
  public let parameters: OptimizedParameters<State>

  /// An optimizer of all parameters of a model.
  public init(
    _ model: some Module, preset: Preset, learningRate: Float, weightDecay: Float = 0,
    schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    self.preset = preset
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.schedule = schedule
    parameters = OptimizedParameters(of: model, groups: groups)
  }

  /// An optimizer of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], preset: Preset, learningRate: Float, weightDecay: Float = 0,
    schedule: Schedule = .constant, groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), preset: preset, learningRate: learningRate, weightDecay: weightDecay,
      schedule: schedule, groups: groups)
  }

  /// big_vision's AdaFactor of all parameters of a model.
  public convenience init(
    _ model: some Module, learningRate: Float, beta1: Float = 0.9,
    momentumPrecision: MomentumPrecision = .bfloat16, beta2Cap: Float = 0.999, decayExponent: Float = 0.8,
    weightDecay: Float = 0, smallestFactoredSize: Int = 32, schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    var preset = Preset.bigVision
    preset.beta1 = beta1
    preset.momentumPrecision = momentumPrecision
    preset.beta2Cap = beta2Cap
    preset.decayExponent = decayExponent
    preset.factoring = .largestAxes(atLeast: smallestFactoredSize)
    self.init(
      model, preset: preset, learningRate: learningRate, weightDecay: weightDecay, schedule: schedule,
      groups: groups)
  }

  /// big_vision's AdaFactor of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], learningRate: Float, beta1: Float = 0.9,
    momentumPrecision: MomentumPrecision = .bfloat16, beta2Cap: Float = 0.999, decayExponent: Float = 0.8,
    weightDecay: Float = 0, smallestFactoredSize: Int = 32, schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), learningRate: learningRate, beta1: beta1, momentumPrecision: momentumPrecision,
      beta2Cap: beta2Cap, decayExponent: decayExponent, weightDecay: weightDecay,
      smallestFactoredSize: smallestFactoredSize, schedule: schedule, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    let whole = parameter.parameter.shape
    guard let order = preset.factoredOrder(of: parameter.factoredView) else {
      return State(rows: .zeros(whole), columns: nil, momentum: makeMomentum(whole))
    }
    let shape = Shape(order.map { parameter.factoredView[$0] })
    var (rows, columns) = (shape, shape)
    rows.remove(at: shape.count - 1)
    columns.remove(at: shape.count - 2)
    return State(
      rows: .zeros(rows), columns: .zeros(columns), momentum: makeMomentum(shape))
  }

  private func makeMomentum(_ shape: Shape) -> AdaFactorMomentum {
    if preset.beta1 == 0 { return .none }
    return switch preset.momentumPrecision {
    case .bfloat16: .bfloat16(shape)
    case .float32: .float32(shape)
    }
  }

  /// Updates one parameter as the preset says.
  public func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
    let rates = preset.rates(of: value, weightDecay: decimal(weightDecay), update)
    guard let order = preset.factoredOrder(of: update.factoredView) else {
      return value.updateByAdaFactor(
        gradient: gradient, squares: &state.rows, momentum: &state.momentum, rates)
    }
    if order == Array(order.indices) { return updateMatrices(&value, gradient, &state, rates) }
    let shape = value.shape
    var moved = value.reshape(update.factoredView).permute(order).contiguous()
    updateMatrices(&moved, gradient.reshape(update.factoredView).permute(order), &state, rates)
    let back = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    value = moved.permute(back).reshape(shape).contiguous()
  }

  /// Updates the matrices that the last two axes of the state's shape hold.
  private func updateMatrices(
    _ value: inout Tensor, _ gradient: Tensor, _ state: inout State, _ rates: AdaFactorRates
  ) {
    value.updateByAdaFactor(
      gradient: gradient, rowMeans: &state.rows, columnMeans: &state.columns!, momentum: &state.momentum,
      rates)
  }
}
