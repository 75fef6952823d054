/// Sets elements to zero at random while training and scales the others, so that the expected output is the input
/// (Srivastava et al. 2014).
public final class Dropout: Layer, TrainingDependent {
  /// How likely an element is dropped.
  public let probability: Float
  /// Whether the module is training, as it is at first.
  public var isTraining = true
  private let source: RandomSource

  /// A layer that drops with the given probability, below 1.
  public init(probability: Float, random: inout Random) {
    if !(probability >= 0 && probability < 1) {
      programmerError("Dropout: a probability of \(probability), expected at least 0 and below 1")
    }
    self.probability = probability
    source = RandomSource(random.split())
  }

  /// Drops elements while training; else `x` itself.
  public func callAsFunction(_ x: Variable) -> Variable {
    guard isTraining, probability > 0 else { return x }
    let kept = source.bernoulli(rows: x.shape, probability: 1 - probability)
    return x * Variable(kept / (1 - probability))
  }
}
