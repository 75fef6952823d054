import NN

extension WeightFormat {
  /// What a format cannot say of a model, in words; nil when nothing is lost. Written all the same, it would be read as
  /// another model.
  func problem(with configuration: SigLIPConfiguration) -> String? {
    if let problem = configuration.problem { return problem }
    if self == .pairwise { return nil }
    let (vision, text, family) = (configuration.vision, configuration.text, configuration.family)
    let models = "\(source)'s \(family.name) models"
    if self == .bigVision && family == .clip { return "big_vision has no CLIP models" }
    if vision.architecture == .efficientNetLite0 {
      return "this model has an EfficientNet-Lite0 as image tower, \(models) have transformers"
    }
    if text.architecture == .bagOfWords {
      return "this model has a bag of words as text tower, \(models) have transformers"
    }
    if let width = text.tokenBottleneck {
      return "this model has a token table with a bottleneck of \(width) numbers, \(models) have none"
    }
    if self == .openClip && vision.isNaFlex { return "open_clip has no NaFlex models" }
    let activations =
      vision.architecture == .resNet ? [text.activation] : [vision.activation, text.activation]
    if let odd = activations.first(where: { !has($0, family) }) {
      return "this model has the activation \(odd), which \(models) cannot have"
    }
    let problem = family == .clip ? clipProblem(configuration) : siglipProblem(configuration)
    return problem.map { "this model \($0.found), \(models) \($0.expected)" }
  }

  private func siglipProblem(_ configuration: SigLIPConfiguration) -> (found: String, expected: String)? {
    let (vision, text) = (configuration.vision, configuration.text)
    if configuration.imageProjection != nil {
      return ("has a projection behind its image tower", "have none")
    }
    if vision.pooling != .attention { return ("pools images by a class token", "by a head") }
    if text.pooling != .last { return ("pools texts by \(text.pooling)", "by the last position") }
    if text.isCausal { return ("has a causal text tower", "have none") }
    if text.outputWidth != nil && !text.projectionHasBias {
      return ("has a projection of texts without a bias", "have one with a bias")
    }
    if configuration.objective != .sigmoid { return ("has no bias b", "have one") }
    if self != .huggingFace && (vision.normEpsilon, text.normEpsilon) != (1e-6, 1e-6) {
      return ("has layer norms that add \(vision.normEpsilon) and \(text.normEpsilon)", "add 1e-6")
    }
    return nil
  }

  private func clipProblem(_ configuration: SigLIPConfiguration) -> (found: String, expected: String)? {
    let (vision, text) = (configuration.vision, configuration.text)
    if vision.architecture == .resNet {
      if self == .huggingFace { return ("has a residual network as image tower", "have transformers") }
      if configuration.imageProjection != nil { return ("has a projection behind its network", "have none") }
      return textProblem(configuration)
    }
    if vision.pooling != .classToken { return ("pools images by a head", "by a class token") }
    guard let projection = configuration.imageProjection, !projection.hasBias,
      !projection.normalizesFeatures
    else { return ("has another projection of images", "have a matrix without a bias") }
    if self == .openClip && vision.normEpsilon != 1e-5 {
      return ("has layer norms that add \(vision.normEpsilon)", "add 1e-5")
    }
    if self == .openClip && vision.activation != text.activation
      && [vision.activation, text.activation].contains(.quickGelu)
    {
      return ("has the activations \(vision.activation) and \(text.activation)", "have one")
    }
    return textProblem(configuration)
  }

  /// What a CLIP model's text tower and logits cannot be.
  private func textProblem(_ configuration: SigLIPConfiguration) -> (found: String, expected: String)? {
    let text = configuration.text
    if text.outputWidth == nil || text.projectionHasBias {
      return ("has another projection of texts", "have a matrix without a bias")
    }
    if text.pooling != .endToken || !text.isCausal {
      return ("pools texts by \(text.pooling)", "by the end of a text that is read in one direction")
    }
    if self == .huggingFace {
      return configuration.objective == .sigmoid ? ("has a bias b", "have none") : nil
    }
    return text.normEpsilon == 1e-5 ? nil : ("has layer norms that add \(text.normEpsilon)", "add 1e-5")
  }

  private var source: String {
    switch self {
    case .huggingFace: "transformers"
    case .bigVision: "big_vision"
    case .openClip: "open_clip"
    case .pairwise: "Pairwise"
    }
  }

  /// What a format cannot say of how images are prepared, in words; nil when nothing is lost.
  func problem(with preprocessing: ImagePreprocessing, of family: ModelFamily) -> String? {
    if self == .pairwise { return nil }
    let models = "\(source)'s \(family.name) models"
    switch preprocessing.geometry {
    case .stretch, .patches: return nil
    case .paddedSquare: return "its images are padded to squares, \(models) do not do that"
    case .shortestSide where family != .clip: return "its images are cut, \(models) stretch them"
    case .shortestSide(let side, let width, let height):
      return self == .huggingFace || (side == width && side == height)
        ? nil
        : "its images are cut to \(width) x \(height) from a side of \(side), \(models) cut to that side"
    }
  }

  private func has(_ activation: Activation, _ family: ModelFamily) -> Bool {
    switch self {
    case .huggingFace: activation.huggingFaceName != nil
    case .bigVision: activation == .gelu
    case .openClip: activation.openClipOptions != nil || family == .clip && activation == .quickGelu
    case .pairwise: true
    }
  }
}

extension ModelFamily {
  /// What people call it.
  public var name: String {
    switch self {
    case .siglip: "SigLIP"
    case .siglip2: "SigLIP 2"
    case .clip: "CLIP"
    }
  }
}
