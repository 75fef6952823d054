/// What becomes of the losses of single elements.
public enum LossReduction: Sendable {
  /// Their mean, without axes; NaN of none.
  case mean
  /// Their sum, without axes.
  case sum
  /// Each on its own, in the shape of the predictions.
  case none

  package func callAsFunction(_ losses: Variable) -> Variable {
    switch self {
    case .mean: losses.mean()
    case .sum: losses.sum()
    case .none: losses
    }
  }
}

/// A variable, or a tensor as a constant one: what a loss may be measured against.
public protocol VariableConvertible {
  /// The variable.
  var asVariable: Variable { get }
}

extension Variable: VariableConvertible {
  /// Itself.
  public var asVariable: Variable { self }
}

extension Tensor: VariableConvertible {
  /// A constant.
  public var asVariable: Variable { Variable(self) }
}

/// Square of the distance (PyTorch's `mse_loss`). Traps unless the shapes are equal, as do all losses here.
public func mseLoss(
  _ predictions: Variable, _ targets: some VariableConvertible, reduction: LossReduction = .mean
) -> Variable {
  reduction(distance(predictions, targets.asVariable, of: "mseLoss").square())
}

/// The distance (PyTorch's `l1_loss`); its derivative at 0 is 0.
public func l1Loss(
  _ predictions: Variable, _ targets: some VariableConvertible, reduction: LossReduction = .mean
) -> Variable {
  reduction(distance(predictions, targets.asVariable, of: "l1Loss").abs())
}

/// Half the square of the distance up to `delta`, from there a straight line of slope `delta` (Huber 1964; PyTorch's
/// `huber_loss`).
///
/// - Parameter delta: Above 0; traps otherwise.
public func huberLoss(
  _ predictions: Variable, _ targets: some VariableConvertible, delta: Float = 1,
  reduction: LossReduction = .mean
) -> Variable {
  if !(delta > 0) { programmerError("huberLoss: a delta of \(delta), expected above 0") }
  let difference = distance(predictions, targets.asVariable, of: "huberLoss")
  let length = difference.value.abs()
  let near = length.minimum(Tensor(delta))
  let value = near * (length - near * 0.5)
  return reduction(
    record("huberLoss", [difference], value: value, saving: .inputs) {
      [$0.gradient * $0.input(0).clamp(min: -delta, max: delta)]
    })
}

/// Kullback-Leibler divergence of a model from its targets, element by element: p (log p - log q), which is 0 where p is 0,
/// and so is its derivative there (PyTorch's `kl_div`).
///
/// The mean is that of all elements; the divergence of distributions is the `sum`, divided by how many there are.
///
/// - Parameters:
///   - logProbabilities: log q, of the model: what ``Variable/logSoftmax(axis:)`` gives.
///   - targets: p, or with `targetsAreLogarithms` log p.
public func klDivergence(
  logProbabilities: Variable, targets: some VariableConvertible, targetsAreLogarithms: Bool = false,
  reduction: LossReduction = .mean
) -> Variable {
  let targets = targets.asVariable
  requireEqualShapes(logProbabilities, targets, of: "klDivergence")
  let probabilities = targetsAreLogarithms ? targets.exp() : targets
  let isPositive = probabilities.value .> 0
  let logarithms = targetsAreLogarithms ? targets : `where`(isPositive, targets, Variable(1)).log()
  return reduction(probabilities * `where`(isPositive, logarithms - logProbabilities, Variable(0)))
}

private func distance(_ x: Variable, _ y: Variable, of loss: StaticString) -> Variable {
  requireEqualShapes(x, y, of: loss)
  return x - y
}

func requireEqualShapes(_ x: Variable, _ y: Variable, of loss: StaticString) {
  if x.shape != y.shape {
    programmerError("\(loss): predictions of shape \(x.shape) for targets of shape \(y.shape)")
  }
}
