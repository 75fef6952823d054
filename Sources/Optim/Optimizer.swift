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
  ///   - update: The number of the update and the settings that apply.
  func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate)
}

/// What an optimizer remembers of one parameter.
public protocol OptimizerState {
  /// By any name but `step`. Setting them takes the same names and shapes that getting them gives.
  var tensors: [String: Tensor] { get set }
}

/// The circumstances of one parameter's update.
public struct ParameterUpdate {
  /// Number of updates of this parameter before this one. Where it was frozen, or no gradient reached it, there are
  /// fewer than the optimizer has made steps.
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

/// One parameter before and after a step, for those who observe it.
public struct ObservedUpdate {
  /// The parameter, with its path.
  public let parameter: OptimizedParameter
  /// What the optimizer was given.
  public let gradient: Tensor
  /// The numbers that it had.
  public let before: Tensor

  /// The numbers that it has.
  public var after: Tensor { parameter.parameter.value }
}

/// The parameters of an optimizer with their settings, and what it remembers of them.
public final class OptimizedParameters<State: OptimizerState> {
  /// In the order of the model.
  public let all: [OptimizedParameter]
  /// Steps made.
  public internal(set) var stepCount = 0
  /// What is remembered of each parameter that has been updated.
  var states: [State?]
  /// How often each parameter has been updated.
  var updateCounts: [Int]
  /// Which parameters are updated here. What is remembered of the others, other processes keep.
  var isOwned: [Bool]

  /// All parameters of a model, with the settings of the groups that their paths fit; traps when there is none, or
  /// when a group's regular expression matches none.
  public init(of model: some Module, groups: [ParameterGroup]) {
    let named = model.namedParameters()
    if named.isEmpty { programmerError("optimizer: \(type(of: model)) has no parameters") }
    ParameterGroup.check(groups, named.map(\.path))
    all = named.map { OptimizedParameter(path: $0.path, parameter: $0.parameter, groups: groups) }
    states = Array(repeating: nil, count: all.count)
    updateCounts = Array(repeating: 0, count: all.count)
    isOwned = Array(repeating: true, count: all.count)
  }
}

/// Several modules as one: what they hold has the paths of an array of them, `0.weight`.
final class SeveralModules: Module {
  /// A name that adds nothing to paths.
  let wrappedValue: [any Module]
  init(_ modules: [any Module]) { wrappedValue = modules }
}

extension Optimizer {
  /// Steps made so far.
  public var stepCount: Int { parameters.stepCount }

  /// Updates all parameters that are not frozen and that a gradient reached, and counts the step.
  ///
  /// The schedule goes by the steps of the optimizer. What depends on how often a parameter was updated, as Adam's
  /// corrections do, goes by the updates of that parameter, as in PyTorch: one that is unfrozen late begins as one that
  /// was never frozen.
  ///
  /// - Parameter observer: Sees each parameter that was updated, one after another in the order of the model. Each is copied
  ///   for it before, and forgotten after, if the observer does not keep it; without an observer nothing is copied.
  public func step(_ gradients: Gradients, observer: ((ObservedUpdate) -> Void)? = nil) {
    let table = parameters
    let multiplier = Double(schedule(table.stepCount))
    for index in table.all.indices {
      let parameter = table.all[index].parameter
      guard table.isOwned[index], !parameter.isFrozen, let gradient = gradients[parameter] else { continue }
      // The table must not share the state's memory while it is changed.
      var state = table.states[index].take() ?? makeState(for: table.all[index])
      let circumstances = ParameterUpdate(
        step: table.updateCounts[index], schedule: multiplier,
        learningRate: Double(learningRate) * multiplier * Double(table.all[index].learningRateMultiplier),
        weightDecayMultiplier: Double(table.all[index].weightDecayMultiplier),
        factoredView: table.all[index].factoredView)
      // Whoever holds the numbers has the update made in a copy.
      let before = observer == nil ? nil : parameter.value
      parameter.update { update(&$0, gradient: gradient, state: &state, circumstances) }
      table.updateCounts[index] += 1
      table.states[index] = consume state
      if let observer, let before {
        observer(ObservedUpdate(parameter: table.all[index], gradient: gradient, before: before))
      }
    }
    table.stepCount += 1
  }

  /// Leaves the update of some parameters to other processes. What is remembered of these is kept here no more.
  package func updateOnly(_ isOwned: (Parameter) -> Bool) {
    for (index, entry) in parameters.all.enumerated() {
      parameters.isOwned[index] = isOwned(entry.parameter)
      if !parameters.isOwned[index] { parameters.states[index] = nil }
    }
  }

  /// Paths of the parameters that are to be trained but that no gradient reached.
  public func unreached(by gradients: Gradients) -> [String] {
    parameters.all.filter { !$0.parameter.isFrozen && gradients[$0.parameter] == nil }.map(\.path)
  }
}
