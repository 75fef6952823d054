import SigLIPModel

/// Which optimizer moves the weights.
enum OptimizerKind: String, Codable, CaseIterable {
  case adamw, adafactor
}

/// Which loss compares images and texts.
enum LossKind: String, Codable, CaseIterable {
  case sigmoid, softmax
}

/// Everything that decides the result of a run.
struct Recipe: Codable, Hashable {
  var seed: UInt64 = 1
  var steps: Int
  var batchSize: Int
  var learningRate: Float
  var optimizer: OptimizerKind
  var loss: LossKind
  var languages: [String]?
  /// Steps of linear warm-up; then a cosine to 0.
  var warmUpSteps: Int
  /// Height and width at which the tower sees an image.
  var imageSize: Int
  var text: TextConfiguration
  /// t′ and b before the first step; b nil for -log(candidates - 1), the odds of a match in a batch.
  var logitScale: Float
  var logitBias: Float?
  /// How much faster t′ and b learn than weights.
  var logitLearningRateMultiplier: Float
  /// How much faster the token table and the image projection learn: few of their rows matter to a batch.
  var embeddingLearningRateMultiplier: Float
  var weightDecay: Float
  var gradientNorm: Float = 1
  /// Whether every training image is a candidate in each step, not only those of the batch.
  var comparesAllImages: Bool

  /// What the program does without options.
  static let standard = Recipe(
    steps: 400, batchSize: 768, learningRate: 1e-3, optimizer: .adamw, loss: .sigmoid, warmUpSteps: 20,
    imageSize: 160,
    text: TextConfiguration(
      vocabularySize: 8000, contextLength: 16, width: 192, depth: 1, heads: 4, hiddenWidth: 768,
      outputWidth: 256, pooling: .mean),
    logitScale: 2.302585, logitBias: nil, logitLearningRateMultiplier: 50,
    embeddingLearningRateMultiplier: 10,
    weightDecay: 0.01, comparesAllImages: true)
}
