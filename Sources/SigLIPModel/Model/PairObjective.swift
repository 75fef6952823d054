import Foundation

/// What a model of image and text towers learns by, which decides what its logits mean.
public enum PairObjective: String, Sendable, CaseIterable, Codable, CaseNames {
  /// Each pair for itself, SigLIP's: the sigmoid of a logit is the probability that the two belong together.
  case sigmoid
  /// Each among all, CLIP's: the softmax of logits is the probability of a text among some, or of an image.
  case softmax

  /// Its loss.
  public var loss: PairLoss {
    switch self {
    case .sigmoid: .sigmoid()
    case .softmax: .softmax
    }
  }

  /// t′ of a new model: that of the paper.
  var logitScale: Float {
    switch self {
    case .sigmoid: Float(log(10.0))
    case .softmax: Float(log(1 / 0.07))
    }
  }
}
