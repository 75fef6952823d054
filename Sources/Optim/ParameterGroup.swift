/// Settings for the parameters whose path fits a pattern. Where several groups fit, all of them apply: multipliers
/// multiply.
///
///     [.decayOnlyKernels, ParameterGroup(/image\..*/, learningRateMultiplier: 0.1, weightDecayMultiplier: 0)]
public struct ParameterGroup {
  /// What the learning rate is multiplied by.
  public var learningRateMultiplier: Float
  /// What the weight decay is multiplied by: 0 turns it off.
  public var weightDecayMultiplier: Float
  /// Whether the parameters are frozen, so that no tape is built for them, when an optimizer is made.
  public var isFrozen: Bool
  /// How AdaFactor sees the parameters; one size may be -1. `[heads, -1, width]` for a query projection factors each
  /// head separately, as big_vision's layout does.
  public var factoredView: Shape?

  let fits: (String) -> Bool
  /// What must fit a path, for the message that says it does not; nil if nothing must.
  var required: String?

  /// Settings for the paths that the whole of a regular expression matches; making an optimizer traps when it matches
  /// no path, as it must be a mistake. For one that comes from outside see ``groups(_:for:)``.
  public init(
    _ pattern: some RegexComponent, learningRateMultiplier: Float = 1, weightDecayMultiplier: Float = 1,
    isFrozen: Bool = false, factoredView: Shape? = nil
  ) {
    self.init(
      where: { $0.wholeMatch(of: pattern) != nil }, learningRateMultiplier: learningRateMultiplier,
      weightDecayMultiplier: weightDecayMultiplier, isFrozen: isFrozen, factoredView: factoredView)
    required = "the regular expression"
  }

  /// Settings for the paths that satisfy a condition, be they none.
  public init(
    where fits: @escaping (String) -> Bool, learningRateMultiplier: Float = 1,
    weightDecayMultiplier: Float = 1, isFrozen: Bool = false, factoredView: Shape? = nil
  ) {
    self.fits = fits
    self.learningRateMultiplier = learningRateMultiplier
    self.weightDecayMultiplier = weightDecayMultiplier
    self.isFrozen = isFrozen
    self.factoredView = factoredView
  }

  /// No weight decay except on the weights of linear layers and convolutions: big_vision's default mask
  /// `.*/kernel$`. Norms, biases, embedding tables, position embeddings, temperature and bias of the loss go without.
  public static var decayOnlyKernels: ParameterGroup {
    ParameterGroup(where: { !$0.hasSuffix("weight") }, weightDecayMultiplier: 0)
  }

  /// Traps when a group that must match one of the paths matches none.
  static func check(_ groups: [ParameterGroup], _ paths: [String]) {
    for (index, group) in groups.enumerated() {
      guard let required = group.required, !paths.contains(where: group.fits) else { continue }
      programmerError(
        "ParameterGroup: \(required) of groups[\(index)] matches no whole path of a parameter; there are "
          + paths.joined(separator: ", "))
    }
  }
}

/// A parameter with the settings of all groups that its path fits.
public struct OptimizedParameter {
  /// Where it is in the model.
  public let path: String
  /// What is updated.
  public let parameter: Parameter
  /// What the learning rate is multiplied by.
  public let learningRateMultiplier: Float
  /// What the weight decay is multiplied by.
  public let weightDecayMultiplier: Float
  /// The shape that AdaFactor factors.
  public let factoredView: Shape

  init(path: String, parameter: Parameter, groups: [ParameterGroup]) {
    var learningRateMultiplier: Float = 1
    var weightDecayMultiplier: Float = 1
    var view = parameter.shape
    for group in groups where group.fits(path) {
      learningRateMultiplier *= group.learningRateMultiplier
      weightDecayMultiplier *= group.weightDecayMultiplier
      if group.isFrozen { parameter.isFrozen = true }
      if let sizes = group.factoredView { view = parameter.value.reshape(sizes).shape }
    }
    self.path = path
    self.parameter = parameter
    self.learningRateMultiplier = learningRateMultiplier
    self.weightDecayMultiplier = weightDecayMultiplier
    factoredView = view
  }
}
