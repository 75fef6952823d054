import NN

/// Keeps a random share of an image's patches while training, another one for each image (Li et al. 2022, FLIP): a step
/// takes about as much less time. See ``VisionTransformer/patchDropout``.
public final class PatchDropout: Layer, TrainingDependent {
  /// The share of patches that are dropped.
  public let probability: Float
  /// Whether the module is training, as it is at first.
  public var isTraining = true
  private let source: RandomSource

  /// A layer that drops a share of patches, below 1.
  public init(probability: Float, random: inout Random) {
    if !(probability >= 0 && probability < 1) {
      programmerError("PatchDropout: a probability of \(probability), expected at least 0 and below 1")
    }
    self.probability = probability
    source = RandomSource(random.split())
  }

  /// How many of some patches are kept, at least one: rounded down.
  public func keptCount(of patches: Int) -> Int { max(1, Int(Float(patches) * (1 - probability))) }

  /// Tokens `[batch, patches, width]` to `[batch, kept, width]` while training, in their order; else `x` itself.
  public func callAsFunction(_ x: Variable) -> Variable {
    guard isTraining, probability > 0 else { return x }
    let (batch, patches, width) = (x.shape[0], x.shape[1], x.shape[2])
    let kept = keptCount(of: patches)
    let numbers = source.uniform(rows: [batch, patches]).scalars
    let rows = (0..<batch).flatMap { image in
      let row = image * patches..<(image + 1) * patches
      // Numbers may be equal: then the earlier patch is kept.
      return row.sorted { (numbers[$0], $0) < (numbers[$1], $1) }.prefix(kept).sorted().map(Int32.init)
    }
    return x.reshape([batch * patches, width]).take(IndexTensor(rows, shape: [batch, kept]), axis: 0)
  }
}
