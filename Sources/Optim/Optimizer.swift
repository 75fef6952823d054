@_exported import NN

/// Moves parameters against their gradients.
///
/// An optimizer of your own states what it remembers of each parameter and how it updates one; parameter groups,
/// schedules, saving and loading come with the protocol.
public protocol Optimizer: AnyObject {
  /// What is remembered of one parameter.
  associatedtype State: OptimizerState

  /// Step size, before the schedule and the multipliers of parameter groups.
  var learningRate: Float { get set }
  /// What the learning rate is multiplied by at each step.
  var schedule: Schedule { get set }
  /// The parameters and what is remembered of them.
  var parameters: OptimizedParameters<State> { get }

  /// The state of a parameter before its first update.
  func makeState(for parameter: OptimizedParameter) -> State

  /// Updates one parameter.
  ///
  /// - Parameters:
  ///   - value: The parameter's numbers.
  ///   - gradient: Of the same shape.
  ///   - update: The step and the settings that apply.
  func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate)
}

/// What an optimizer remembers of one parameter.
public protocol OptimizerState {
  /// By name. Setting them takes the same names and shapes that getting them gives.
  var tensors: [String: Tensor] { get set }
}

/// The circumstances of one parameter's update.
public struct ParameterUpdate {
  /// Number of steps before this one.
  public let step: Int
  /// The schedule's multiplier.
  public let schedule: Double
  /// Learning rate times schedule times the parameter's multiplier.
  public let learningRate: Double
  /// What the weight decay is multiplied by.
  public let weightDecayMultiplier: Double
  /// The shape that AdaFactor factors.
  public let factoredView: Shape
}

/// The parameters of an optimizer with their settings, and what it remembers of them.
public final class OptimizedParameters<State: OptimizerState> {
  /// In the order of the model.
  public let all: [OptimizedParameter]
  /// Steps made.
  public fileprivate(set) var stepCount = 0
  fileprivate var states: [State?]

  /// All parameters of a model, with the settings of the groups that their paths fit; traps when a group's
  /// regular expression matches none.
  public init(of model: some Module, groups: [ParameterGroup]) {
    let named = model.namedParameters()
    for group in groups { group.check(named.map(\.path)) }
    all = named.map { OptimizedParameter(path: $0.path, parameter: $0.parameter, groups: groups) }
    states = Array(repeating: nil, count: all.count)
  }
}

extension Optimizer {
  /// Steps made so far.
  public var stepCount: Int { parameters.stepCount }

  /// Updates all parameters that are not frozen and that a gradient reached, and counts the step.
  public func step(_ gradients: Gradients) {
    let table = parameters
    let multiplier = Double(schedule(table.stepCount))
    for index in table.all.indices {
      let parameter = table.all[index].parameter
      guard !parameter.isFrozen, let gradient = gradients[parameter] else { continue }
      let circumstances = ParameterUpdate(
        step: table.stepCount, schedule: multiplier,
        learningRate: Double(learningRate) * multiplier * Double(table.all[index].learningRateMultiplier),
        weightDecayMultiplier: Double(table.all[index].weightDecayMultiplier),
        factoredView: table.all[index].factoredView)
      // The table must not share the state's memory while it is changed.
      var state = table.states[index].take() ?? makeState(for: table.all[index])
      parameter.update { update(&$0, gradient: gradient, state: &state, circumstances) }
      table.states[index] = consume state
    }
    table.stepCount += 1
  }

  /// Paths of the parameters that are to be trained but that no gradient reached.
  public func unreached(by gradients: Gradients) -> [String] {
    parameters.all.filter { !$0.parameter.isFrozen && gradients[$0.parameter] == nil }.map(\.path)
  }
}

// MARK: - Saving and loading

extension Optimizer {
  /// The number of steps as `step`, and what is remembered of each parameter as `path.name`.
  public func stateDictionary() -> [String: Tensor] {
    var result = ["step": Tensor(Float(stepCount))]
    for (entry, state) in zip(parameters.all, parameters.states) {
      for (name, tensor) in state?.tensors ?? [:] { result["\(entry.path).\(name)"] = tensor }
    }
    return result
  }

  /// Continues from a saved state.
  ///
  /// A parameter of which nothing was remembered when the state was saved, such as a frozen one, starts afresh.
  ///
  /// - Throws: ``StateError`` with everything that is wrong; then nothing was changed.
  public func load(_ state: [String: Tensor]) throws {
    var remaining = state
    var missing: [String] = []
    var mismatched: [(path: String, expected: Shape, found: Shape)] = []
    let step = remaining.removeValue(forKey: "step").flatMap { $0.count == 1 ? Int(exactly: $0.item()) : nil }
    if step ?? -1 < 0 { missing.append("step") }
    let states = parameters.all.map { entry -> State? in
      var loaded = makeState(for: entry)
      let expected = loaded.tensors
      var tensors: [String: Tensor] = [:]
      for name in expected.keys { tensors[name] = remaining.removeValue(forKey: "\(entry.path).\(name)") }
      if tensors.isEmpty { return expected.isEmpty ? loaded : nil }
      for (name, tensor) in expected {
        guard let found = tensors[name] else {
          missing.append("\(entry.path).\(name)")
          continue
        }
        if found.shape != tensor.shape {
          mismatched.append(("\(entry.path).\(name)", tensor.shape, found.shape))
        }
      }
      if missing.isEmpty && mismatched.isEmpty { loaded.tensors = tensors }
      return loaded
    }
    guard missing.isEmpty, mismatched.isEmpty, remaining.isEmpty, let step else {
      throw StateError(
        missing: missing.sorted(), unexpected: remaining.keys.sorted(),
        mismatched: mismatched.sorted { $0.path < $1.path })
    }
    parameters.states = states
    parameters.stepCount = step
  }
}
