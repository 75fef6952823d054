import Foundation

extension AdaFactor {
  /// What one published AdaFactor does otherwise than another.
  ///
  /// Each preset is held to its original over 20 steps. A preset can be changed before it is used:
  ///
  ///     var preset = AdaFactor.Preset.optax
  ///     preset.smallestScale = nil  // multiply_by_parameter_scale=False
  ///     let optimizer = AdaFactor(model, preset: preset, learningRate: 1e-3)
  public struct Preset: Sendable, Hashable {
    /// How much of the first moment is kept at each step; 0 keeps none.
    public var beta1: Float = 0
    /// How the first moment is stored.
    public var momentumPrecision = MomentumPrecision.float32
    /// Whether the first moment is one of steps, with the learning rates that they were made with, or of directions.
    public var averagesSteps = true
    /// Most that is kept of the second moments; 1 sets no bound.
    public var beta2Cap: Float = 1
    /// How fast the share that is kept rises: 1 - n^-exponent at a parameter's n-th update.
    public var decayExponent: Float = 0.8
    /// Which axes have means of their own.
    public var factoring = Factoring.lastAxes
    /// What keeps roots of mean squares from vanishing.
    public var epsilon = Epsilon.addedToSquares(1e-30)
    /// The root mean square that a parameter's direction is scaled down to; nil for any.
    public var clippingThreshold: Float? = 1
    /// What the learning rate means.
    public var stepSize = StepSize.learningRate
    /// Steps are multiplied by the root mean square of the parameter, or by this if it is smaller; nil for neither.
    public var smallestScale: Float? = 1e-3
    /// What the weight decay is multiplied by.
    public var weightDecayScale = WeightDecayScale.nothing

    /// What all of them have in common: the paper's formula with a given learning rate.
    public init() {}

    /// big_vision's `scale_by_adafactor` (Zhai et al. 2022), with which SigLIP was trained; there the cap is 0.95.
    public static var bigVision: Preset {
      var preset = Preset()
      preset.beta1 = 0.9
      preset.momentumPrecision = .bfloat16
      preset.averagesSteps = false
      preset.beta2Cap = 0.999
      preset.factoring = .largestAxes(atLeast: 32)
      preset.clippingThreshold = nil
      preset.smallestScale = nil
      preset.weightDecayScale = .schedule
      return preset
    }

    /// The paper's (Shazeer & Stern 2018, algorithms 4 and 5), for a learning rate of 0.01. Parameters of more axes are
    /// matrices, one after another.
    public static var paper: Preset {
      var preset = Preset()
      preset.stepSize = .relative
      preset.weightDecayScale = .step
      return preset
    }

    /// optax's `adafactor`. Its weight decay knows no schedule either.
    public static var optax: Preset {
      var preset = Preset()
      preset.factoring = .largestAxes(atLeast: 128)
      return preset
    }

    /// transformers' `Adafactor`, for a learning rate of 0.01. `relative_step=False` is a ``stepSize`` of
    /// ``StepSize/learningRate``, `warmup_init=True` one of ``StepSize/relativeWithWarmUp``.
    public static var huggingFace: Preset { paper }

    /// PyTorch's `Adafactor`, whose learning rate is 0.01 unless another is given.
    public static var torch: Preset {
      var preset = Preset()
      preset.epsilon = .smallestRoot(.ulpOfOne)
      preset.stepSize = .relative
      preset.weightDecayScale = .learningRate
      return preset
    }
  }

  /// Which axes of a parameter have a mean of squares for each position, instead of each number having one.
  public enum Factoring: Sendable, Hashable {
    /// The two largest, if the second largest has a size.
    case largestAxes(atLeast: Int)
    /// The last two, if there are two.
    case lastAxes
  }

  /// What keeps roots of mean squares from vanishing.
  public enum Epsilon: Sendable, Hashable {
    /// Squares are raised by it before they are averaged.
    case addedToSquares(Float)
    /// Roots of estimated mean squares are at least this, and so is the mean of the means of rows.
    case smallestRoot(Float)
  }

  /// What the learning rate means at a parameter's n-th update.
  public enum StepSize: Sendable, Hashable {
    /// It is the step size.
    case learningRate
    /// It bounds a step size of 1/√n: until 1/√n is below it, a schedule or a group's multiplier has its effect.
    case relative
    /// As ``relative``, and 10⁻⁶ n bounds it too.
    case relativeWithWarmUp
  }

  /// What the weight decay is multiplied by.
  public enum WeightDecayScale: Sendable, Hashable {
    /// Only the multipliers of groups.
    case nothing
    /// The schedule, but not the learning rate.
    case schedule
    /// Learning rate and schedule.
    case learningRate
    /// The size of the step, with the scale of the parameter.
    case step
  }
}

extension AdaFactor.Preset {
  /// The numbers of one update of a parameter.
  func rates(of value: Tensor, weightDecay: Double, _ update: ParameterUpdate) -> AdaFactorRates {
    let n = Double(update.step + 1)
    var rate = update.learningRate
    switch stepSize {
    case .learningRate: break
    case .relative: rate = min(rate, 1 / n.squareRoot())
    case .relativeWithWarmUp: rate = min(rate, 1e-6 * n, 1 / n.squareRoot())
    }
    if let smallestScale {
      let meanSquare = value.count == 0 ? 0 : value.sumOfSquaresInDouble() / Double(value.count)
      rate *= max(decimal(smallestScale), meanSquare.squareRoot())
    }
    let decayScale =
      switch weightDecayScale {
      case .nothing: 1.0
      case .schedule: update.schedule
      case .learningRate: update.learningRate
      case .step: rate
      }
    var (addedToSquares, smallestRoot): (Float, Float) = (0, 0)
    switch epsilon {
    case .addedToSquares(let epsilon): addedToSquares = epsilon
    case .smallestRoot(let epsilon): smallestRoot = epsilon
    }
    return AdaFactorRates(
      beta1: decimal(beta1), beta2: min(decimal(beta2Cap), 1 - pow(n, -decimal(decayExponent))), rate: rate,
      decay: weightDecay * update.weightDecayMultiplier * decayScale, addedToSquares: addedToSquares,
      smallestRoot: smallestRoot, clipping: clippingThreshold.map(decimal), averagesSteps: averagesSteps)
  }

  /// The axes with those that are factored last; nil if the parameter has a mean for every number.
  func factoredOrder(of shape: Shape) -> [Int]? {
    guard shape.count >= 2 else { return nil }
    guard case .largestAxes(let least) = factoring else { return Array(shape.indices) }
    let bySize = shape.indices.sorted { (shape[$0], $0) < (shape[$1], $1) }
    let largest = Array(bySize.suffix(2))
    guard shape[largest[0]] >= least else { return nil }
    // Which of the two is called row does not matter: keep them in place where they are last.
    return shape.indices.filter { !largest.contains($0) } + largest.sorted()
  }
}
