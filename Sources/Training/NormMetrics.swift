import Optim

/// Lengths of parameters, gradients and updates by group, for the metrics of a step:
///
///     let norms = NormMetrics(groupedBy: 2)
///     metrics.numbers.merge(norms.step([optimizer], gradients)) { $1 }
///
/// gives `norm/parameter/text.encoder`, `norm/gradient/text.encoder`, `norm/update/text.encoder` and so on. Frozen
/// parameters count nowhere; a group of nothing else is left out. Equal steps have equal numbers: sums are made in double
/// precision, in the order of the model.
public struct NormMetrics: Sendable {
  private let group: @Sendable (String) -> String

  /// Groups by the first components of paths: `text` for `text.encoder.blocks.0.norm1.scale` at a depth of 1,
  /// `text.encoder` at 2. Traps when that are none.
  public init(groupedBy depth: Int = 1) {
    if depth < 1 { programmerError("NormMetrics: groups of \(depth) components, expected at least 1") }
    self.init { $0.split(separator: ".").prefix(depth).joined(separator: ".") }
  }

  /// Groups of the caller: the name of the group that a path belongs to.
  public init(groupedBy group: @escaping @Sendable (_ path: String) -> String) { self.group = group }

  /// Makes a step of each optimizer as ``Optimizer/step(_:observer:)`` does, with the same bits, and measures it. The
  /// memory of one parameter is needed beside what a step takes.
  ///
  /// - Returns: For each group the length of its parameters after the step, of their gradients as they are given here (so
  ///   after clipping), and of what the step changed, with weight decay.
  public func step(_ optimizers: [any Optimizer], _ gradients: Gradients) -> [String: Double] {
    numbers(of: optimizers, gradients, changes: changes(of: optimizers, gradients))
  }

  /// The same where several ranks share the states of the optimizers. It tells them of the updates.
  func step(
    _ optimizers: [any Optimizer], _ gradients: Gradients, _ shards: ShardedOptimizerState
  ) throws -> [String: Double] {
    let own = changes(of: optimizers, gradients)
    try shards.gatherParameters()
    return numbers(of: optimizers, gradients, changes: try own.map(shards.joined))
  }

  /// Makes a step.
  ///
  /// - Returns: For each optimizer and each of its parameters the squared length of the change; 0 where there is none.
  private func changes(of optimizers: [any Optimizer], _ gradients: Gradients) -> [[Double]] {
    optimizers.map { optimizer in
      let parameters = optimizer.optimizedParameters
      var changes = [Double](repeating: 0, count: parameters.count)
      var index = 0
      optimizer.step(gradients) { update in
        // In the order of the model.
        while parameters[index].parameter !== update.parameter.parameter { index += 1 }
        changes[index] = update.after.sumOfSquaredDifferencesInDouble(from: update.before)
      }
      return changes
    }
  }

  private func numbers(
    of optimizers: [any Optimizer], _ gradients: Gradients, changes: [[Double]]
  ) -> [String: Double] {
    var squares: [String: Squares] = [:]
    for (optimizer, changed) in zip(optimizers, changes) {
      for (entry, change) in zip(optimizer.optimizedParameters, changed) where !entry.parameter.isFrozen {
        let group = group(entry.path)
        if let gradient = gradients[entry.parameter] {
          squares[group, default: Squares()].gradient += gradient.sumOfSquaresInDouble()
        }
        squares[group, default: Squares()].update += change
        squares[group, default: Squares()].parameter += entry.parameter.value.sumOfSquaresInDouble()
      }
    }
    var numbers: [String: Double] = [:]
    for (group, squares) in squares {
      numbers["norm/parameter/\(group)"] = squares.parameter.squareRoot()
      numbers["norm/gradient/\(group)"] = squares.gradient.squareRoot()
      numbers["norm/update/\(group)"] = squares.update.squareRoot()
    }
    return numbers
  }

  private struct Squares {
    var parameter = 0.0
    var gradient = 0.0
    var update = 0.0
  }
}
