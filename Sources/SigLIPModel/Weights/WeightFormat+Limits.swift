import NN

extension WeightFormat {
  /// What a format cannot say of a model, in words; nil when nothing is lost. Written all the same, it would be read as
  /// another model.
  func problem(with configuration: SigLIPConfiguration) -> String? {
    if let problem = configuration.problem { return problem }
    if self == .pairwise { return nil }
    let (vision, text) = (configuration.vision, configuration.text)
    if vision.architecture == .efficientNetLite0 {
      return
        "this model has an EfficientNet-Lite0 as image tower, \(source)'s SigLIP models have transformers"
    }
    if configuration.imageProjection != nil {
      return "this model has a projection behind its image tower, \(source)'s SigLIP models have none"
    }
    if let width = text.tokenBottleneck {
      return
        "this model has a token table with a bottleneck of \(width) numbers, \(source)'s SigLIP models have none"
    }
    if text.pooling != .last {
      return "this model pools texts by \(text.pooling), \(source)'s SigLIP models by the last position"
    }
    if self == .openClip && vision.isNaFlex { return "open_clip has no NaFlex models" }
    if let odd = [vision.activation, text.activation].first(where: { !has($0) }) {
      return "this model has the activation \(odd), which \(source)'s SigLIP models cannot have"
    }
    return nil
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
  func problem(with preprocessing: ImagePreprocessing) -> String? {
    if self == .pairwise { return nil }
    switch preprocessing.geometry {
    case .stretch, .patches: return nil
    case .paddedSquare: return "its images are padded to squares, \(source)'s SigLIP models stretch them"
    case .shortestSide: return "its images are cut, \(source)'s SigLIP models stretch them"
    }
  }

  private func has(_ activation: Activation) -> Bool {
    switch self {
    case .huggingFace: activation.huggingFaceName != nil
    case .bigVision: activation == .gelu
    case .openClip: activation.openClipOptions != nil
    case .pairwise: true
    }
  }
}
