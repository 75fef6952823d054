import Foundation

/// What the learning rate (and big_vision's weight decay) is multiplied by, step by step.
///
/// As in big_vision: the decay begins after the warm-up, and warm-up and cool-down multiply it by a straight line from 0
/// and to 0. The first step, 0, of a schedule with warm-up has multiplier 0.
public struct Schedule: Sendable {
  /// The course between warm-up and the end.
  public enum Decay: Sendable {
    /// Stays 1.
    case constant
    /// A straight line from 1 to `end` at the last step.
    case linear(end: Float = 0)
    /// Half a cosine wave from 1 to `end` at the last step.
    case cosine(end: Float = 0)
    /// 1 / √(1 + t / timescale), t steps after the warm-up (Zhai et al. 2022).
    case rsqrt(timescale: Int = 10_000)
    /// 1, then at each of some steps another multiplier, to stay until the next: `.stair([30_000: 0.1, 60_000: 0.01])`.
    /// Steps are counted from 0 with those of the warm-up.
    case stair([Int: Float])
    /// Whatever a function says of a step, counted from 0 with those of the warm-up.
    case function(@Sendable (_ step: Int) -> Float)
  }

  /// How long something takes.
  public enum Length: Sendable, Hashable, Codable {
    /// So many steps.
    case steps(Int)
    /// The steps that so many examples make.
    case examples(Int)

    /// The nearest number of steps, but at least one unless the length is zero.
    public func steps(batchSize: Int) -> Int {
      switch self {
      case .steps(let steps): return steps
      case .examples(let examples):
        if batchSize < 1 { programmerError("schedule: \(examples) examples in batches of \(batchSize)") }
        return examples == 0
          ? 0 : max(1, Int((Double(examples) / Double(batchSize)).rounded(.toNearestOrEven)))
      }
    }
  }

  /// The course between warm-up and the end.
  public let decay: Decay
  /// Where ``Decay/linear(end:)``, ``Decay/cosine(end:)`` and the cool-down end.
  public let totalSteps: Int
  /// Length of the rise from 0.
  public let warmUpSteps: Int
  /// Length of the fall to 0 at the end.
  public let coolDownSteps: Int

  /// A schedule over `totalSteps` steps; traps unless warm-up and cool-down fit into them.
  public init(_ decay: Decay, totalSteps: Int, warmUpSteps: Int = 0, coolDownSteps: Int = 0) {
    if totalSteps < 1 || warmUpSteps < 0 || warmUpSteps > totalSteps || coolDownSteps < 0
      || coolDownSteps > totalSteps - warmUpSteps
    {
      programmerError(
        "schedule: \(warmUpSteps) steps of warm-up and \(coolDownSteps) of cool-down in \(totalSteps) steps")
    }
    self.decay = decay
    self.totalSteps = totalSteps
    self.warmUpSteps = warmUpSteps
    self.coolDownSteps = coolDownSteps
  }

  /// A schedule whose phases are given in steps or in examples, as big_vision's configurations do:
  /// `Schedule(.cosine(), total: .examples(18_000_000_000), warmUp: .steps(6_500), batchSize: 32_768)`.
  public init(
    _ decay: Decay, total: Length, warmUp: Length = .steps(0), coolDown: Length = .steps(0), batchSize: Int
  ) {
    self.init(
      decay, totalSteps: total.steps(batchSize: batchSize), warmUpSteps: warmUp.steps(batchSize: batchSize),
      coolDownSteps: coolDown.steps(batchSize: batchSize))
  }

  /// A function of the step, counted from 0: `Schedule { pow(0.5, Float($0 / 1000)) }`.
  public init(_ multiplier: @escaping @Sendable (_ step: Int) -> Float) {
    self.init(.function(multiplier), totalSteps: .max)
  }

  /// Always 1.
  public static let constant = Schedule(.constant, totalSteps: .max)

  /// The multiplier at a step, counted from 0.
  public func callAsFunction(_ step: Int) -> Float {
    let length = Double(max(totalSteps - warmUpSteps, 1))
    let progress = min(max(Double(step - warmUpSteps) / length, 0), 1)
    var value =
      switch decay {
      case .constant: 1.0
      case .linear(let end): Double(end) + (1 - Double(end)) * (1 - progress)
      case .cosine(let end): Double(end) + (1 - Double(end)) * 0.5 * (1 + cos(.pi * progress))
      case .rsqrt(let timescale):
        1 / (1 + Double(max(step - warmUpSteps, 0)) / Double(timescale)).squareRoot()
      case .stair(let levels): Double(levels.filter { $0.key <= step }.max { $0.key < $1.key }?.value ?? 1)
      case .function(let function): Double(function(step))
      }
    if step < warmUpSteps { value *= Double(step) / Double(warmUpSteps) }
    if coolDownSteps > 0 && step > totalSteps - coolDownSteps {
      value *= Double(max(totalSteps - step, 0)) / Double(coolDownSteps)
    }
    return Float(value)
  }
}
