/// What becomes of a step whose loss or gradient is not finite.
public enum NonFinitePolicy: Sendable, Hashable, Codable {
  /// The run ends with a ``NonFiniteError``.
  case stop
  /// The step is left out, at most so many in a row.
  case skip(atMost: Int)
}

/// Training has come to a number that is infinite or none.
public struct NonFiniteError: DataError {
  /// Where it was found first.
  public enum Place: Sendable, Hashable {
    /// In the loss.
    case loss
    /// In the gradient of a parameter.
    case gradient(path: String)
    /// In a parameter.
    case parameter(path: String)
  }

  /// The step, counted from 0, that was not made.
  public let step: Int
  /// Where it was found.
  public let place: Place
  /// The first number that is not finite, or too large to be squared.
  public let number: Float
  /// Steps in a row that were left out before.
  public let skippedSteps: Int

  /// The step, the place and the number.
  public var sentence: String {
    // The sign of NaN, which is printed, says nothing.
    let number = number.isNaN ? "nan" : "\(number)"
    let what =
      switch place {
      case .loss: "the loss is \(number)"
      case .gradient(let path): "the gradient of \(path) has the number \(number)"
      case .parameter(let path): "\(path) has the number \(number)"
      }
    let before = skippedSteps == 0 ? "" : ", after \(skippedSteps) steps in a row that were left out"
    return "step \(step): training has diverged, \(what)\(before)"
  }
}

/// Keeps numbers that are not finite out of the weights: asked before each step, it lets the step be made, has it left out,
/// or ends the run.
///
///     var finite = FiniteSteps(.skip(atMost: 10))
///     for batch in batches {
///       let loss = loss(batch)
///       var gradients = loss.backward()
///       let norm = clipGlobalNorm(&gradients, of: [optimizer], to: 1).norm
///       if try finite.allow(loss: loss.item(), gradients, of: [optimizer], norm: norm) {
///         optimizer.step(gradients)
///       } else {
///         optimizer.skipStep()
///       }
///     }
///
/// A gradient with a number whose square is beyond single precision (above 1.8e19) is none that an optimizer could average,
/// and counts as not finite.
public struct FiniteSteps: Sendable, Hashable, Codable {
  /// What to do.
  public private(set) var policy: NonFinitePolicy
  /// Steps that were left out.
  public private(set) var skippedCount = 0
  /// Those since the last step that was made.
  public private(set) var skippedInARow = 0

  /// A policy, and no step left out yet.
  public init(_ policy: NonFinitePolicy = .stop) { self.policy = policy }

  /// A policy that goes on with the counts of an earlier run.
  package init(_ policy: NonFinitePolicy, after earlier: FiniteSteps) {
    self = earlier
    self.policy = policy
  }

  /// Whether the step may be made; if not, it is to be left out.
  ///
  /// - Parameters:
  ///   - loss: Its value.
  ///   - gradients: Those that the optimizers are to be given.
  ///   - optimizers: Whose parameters count, if they are not frozen.
  ///   - step: For the error; the steps of the first optimizer if not given.
  ///   - norm: Length of the gradients before clipping, if it is known; else it is measured.
  /// - Throws: ``NonFiniteError``, for the loss, else for the first parameter in the order of the optimizers. Where steps are
  ///   left out, also when there are too many in a row, or a parameter itself is not finite: then no step would ever be made.
  public mutating func allow(
    loss: Float, _ gradients: Gradients, of optimizers: [any Optimizer], step: Int? = nil, norm: Double? = nil
  ) throws -> Bool {
    let norm = norm ?? globalNorm(of: gradients, trained(optimizers.flatMap(\.updatedParameters)))
    if loss.isFinite && norm <= FiniteSteps.largestNorm {
      skippedInARow = 0
      return true
    }
    guard let place = place(loss: loss, gradients, optimizers) else {
      // Long, but made of numbers that are well within bounds.
      skippedInARow = 0
      return true
    }
    let step = step ?? optimizers.first?.stepCount ?? 0
    func error(_ found: (place: NonFiniteError.Place, number: Float)) -> NonFiniteError {
      NonFiniteError(step: step, place: found.place, number: found.number, skippedSteps: skippedInARow)
    }
    guard case .skip(let most) = policy, skippedInARow < most else { throw error(place) }
    if let damaged = damagedParameter(of: optimizers) { throw error(damaged) }
    skippedInARow += 1
    skippedCount += 1
    return false
  }

  /// Looks for a number in the parameters that is not finite, frozen ones too, as the last step may have made one: before
  /// they are saved.
  ///
  /// - Throws: ``NonFiniteError`` for the first parameter that has one.
  public func checkParameters(of optimizers: [any Optimizer], step: Int? = nil) throws {
    guard let (place, number) = damagedParameter(of: optimizers) else { return }
    throw NonFiniteError(
      step: step ?? optimizers.first?.stepCount ?? 0, place: place, number: number,
      skippedSteps: skippedInARow)
  }

  /// Looks for a number in a model's buffers, such as running statistics, that is not finite.
  ///
  /// - Throws: ``NonFiniteError`` for the first buffer that has one.
  package func checkBuffers(of model: some Module, step: Int) throws {
    for (path, buffer) in model.namedBuffers() {
      if let number = buffer.value.firstNumber(beyond: .greatestFiniteMagnitude) {
        throw NonFiniteError(
          step: step, place: .parameter(path: path), number: number, skippedSteps: skippedInARow)
      }
    }
  }

  private static let largestNumber = Float.greatestFiniteMagnitude.squareRoot()
  private static let largestNorm = Double(largestNumber)

  private func place(
    loss: Float, _ gradients: Gradients, _ optimizers: [any Optimizer]
  ) -> (NonFiniteError.Place, Float)? {
    if !loss.isFinite { return (.loss, loss) }
    for entry in optimizers.flatMap(\.optimizedParameters) where !entry.parameter.isFrozen {
      if let number = gradients[entry.parameter]?.firstNumber(beyond: FiniteSteps.largestNumber) {
        return (.gradient(path: entry.path), number)
      }
    }
    return nil
  }

  private func damagedParameter(of optimizers: [any Optimizer]) -> (NonFiniteError.Place, Float)? {
    for entry in optimizers.flatMap(\.optimizedParameters) {
      if let number = entry.parameter.value.firstNumber(beyond: .greatestFiniteMagnitude) {
        return (.parameter(path: entry.path), number)
      }
    }
    return nil
  }
}

extension Optimizer {
  /// Counts a step that is left out: the schedule moves on, and nothing else.
  public func skipStep() { parameters.stepCount += 1 }
}

extension Tensor {
  /// The first number that is none or of larger magnitude.
  fileprivate func firstNumber(beyond largest: Float) -> Float? {
    withUnsafeScalars { scalars in scalars.first { !($0.magnitude <= largest) } }
  }
}
