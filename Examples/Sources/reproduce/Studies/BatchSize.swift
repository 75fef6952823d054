import Foundation
import SigLIPModel

/// Study 1: the sigmoid loss against the softmax loss, by the size of batches.
struct BatchSize: Study {
  let name = "batch-size"
  let question = "Which loss is better at which batch size, and where does a larger batch no longer help?"
  let claim = """
    Sigmoid is better below 16k (SigLiT, 450M examples: 72.5 against 69.5 at 512, 77.1 against 76.3 at 2k, 80.8 against \
    79.7 at 8k), equal from there on (81.2 and 81.2 at 16k); both are best at about 32k and fall beyond (72.8 and 72.2 at 256k).
    """

  typealias Loss = PairObjective

  /// How t and b begin, and how much faster than weights they learn.
  struct Recipe: Hashable {
    let temperature: Float
    let multiplier: Float
    /// nil for -log(n - 1).
    var bias: Float?

    var name: String {
      "t \(temperature), \(bias.map { "b \($0), " } ?? "")learning x\(Int(multiplier))"
    }
  }

  let losses: [Loss] = [.sigmoid, .softmax]

  func sizes(_ scale: StudyScale) -> [Int] {
    scale.of([16, 64, 256, 1024, 4096, 16_384, 32_768], quick: [64, 512, 2048])
  }

  func examples(_ scale: StudyScale) -> Int { scale.of(131_072, quick: 8192) }

  /// The batch that recipes are chosen with, and that the others are equal to in pairs and time.
  func middle(_ scale: StudyScale) -> Int { scale.of(1024, quick: 512) }

  // MARK: Stages

  private func recipes(_ loss: Loss, _ scale: StudyScale) -> [Recipe] {
    let all: [Recipe] =
      switch loss {
      case .sigmoid:
        [
          Recipe(temperature: 10, multiplier: 10), Recipe(temperature: 10, multiplier: 50),
          Recipe(temperature: 30, multiplier: 10), Recipe(temperature: 30, multiplier: 50),
          Recipe(temperature: 10, multiplier: 1), Recipe(temperature: 10, multiplier: 10, bias: -10),
          Recipe(temperature: 30, multiplier: 50, bias: -10),
        ]
      case .softmax:
        [
          Recipe(temperature: 10, multiplier: 10), Recipe(temperature: 10, multiplier: 50),
          Recipe(temperature: 1 / 0.07, multiplier: 10), Recipe(temperature: 30, multiplier: 10),
          Recipe(temperature: 30, multiplier: 50), Recipe(temperature: 10, multiplier: 1),
        ]
      }
    return scale.of(all, quick: Array(all.prefix(2)))
  }

  private func rates(_ size: Int, _ scale: StudyScale) -> [Float] {
    if scale.isQuick { return [5e-3] }
    return switch size {
    case ...16: [5e-4, 1e-3, 2e-3]
    case ...256: [1e-3, 2e-3, 5e-3]
    case ...1024: [2e-3, 5e-3, 1e-2]
    default: [5e-3, 1e-2, 2e-2]
    }
  }

  private func configuration(
    _ loss: Loss, _ size: Int, _ recipe: Recipe, rate: Float, examples: Int, _ scale: StudyScale
  ) -> TrainingConfiguration {
    var configuration = scale.emoji(batchSize: size, examples: examples)
    configuration.loss.kind = loss
    configuration.loss.temperature = recipe.temperature
    if loss == .sigmoid { configuration.loss.bias = recipe.bias }
    configuration.optimizer.learningRate = rate
    configuration.optimizer.logitLearningRateMultiplier = recipe.multiplier
    return configuration
  }

  private func recipeCandidates(_ loss: Loss, _ scale: StudyScale) -> [TrainingConfiguration] {
    recipes(loss, scale).map {
      configuration(loss, middle(scale), $0, rate: 5e-3, examples: examples(scale), scale)
    }
  }

  /// The recipe that is best on validation.
  func recipe(_ loss: Loss, _ scale: StudyScale, _ results: RunResults) -> Recipe? {
    let candidates = recipeCandidates(loss, scale)
    return results.best(of: candidates).flatMap { candidates.firstIndex(of: $0) }.map {
      recipes(loss, scale)[$0]
    }
  }

  private func rateCandidates(_ loss: Loss, _ size: Int, _ recipe: Recipe, _ scale: StudyScale)
    -> [TrainingConfiguration]
  {
    rates(size, scale).map {
      configuration(loss, size, recipe, rate: $0, examples: examples(scale), scale)
    }
  }

  /// A loss at a batch size with what is best for both.
  func chosen(_ loss: Loss, _ place: Place, _ scale: StudyScale, _ results: RunResults)
    -> TrainingConfiguration?
  {
    guard let recipe = recipe(loss, scale, results),
      let best = results.best(of: rateCandidates(loss, place.size, recipe, scale))
    else { return nil }
    return configuration(
      loss, place.size, recipe, rate: best.optimizer.learningRate, examples: place.examples, scale)
  }

  // MARK: Comparisons

  /// What runs have in common that are compared; `length` is batches of one size and trainings of several lengths.
  enum Comparison: String, CaseIterable {
    case examples = "equal examples"
    case pairs = "equal pairs"
    case time = "equal time"
    case length
  }

  /// A batch size, and how many examples are seen.
  struct Place: Hashable {
    let size: Int
    let examples: Int
  }

  /// The batch sizes of a comparison, or its numbers of examples: those that leave a step or more, and take no hours.
  func places(_ comparison: Comparison, _ scale: StudyScale) -> [Int] {
    switch comparison {
    case .examples: sizes(scale)
    case .pairs: scale.of([256, 1024, 4096], quick: [512])
    case .time: scale.of([64, 256, 1024, 4096, 16_384], quick: [512])
    case .length: scale.of([1, 4, 16], quick: [4]).map { examples(scale) * $0 / 4 }
    }
  }

  /// A run of a comparison: it is equal to that of the sigmoid loss with the middle batch.
  func place(_ comparison: Comparison, _ loss: Loss, at place: Int, _ scale: StudyScale) -> Place {
    let (all, middle) = (examples(scale), middle(scale))
    switch comparison {
    case .examples: return Place(size: place, examples: all)
    case .pairs: return Place(size: place, examples: max(all * middle / place, place))
    case .time:
      let seconds = Double(all) * BatchSize.seconds(.sigmoid, middle)
      return Place(size: place, examples: max(Int(seconds / BatchSize.seconds(loss, place)), place))
    case .length: return Place(size: middle, examples: place)
    }
  }

  /// Seconds of a processor for an example, a fit of what runs took (AMD EPYC, Zen 5, one thread): the towers, an
  /// example's part of the optimizer's step, and its pairs. `times.tsv` has what they take elsewhere.
  static func seconds(_ loss: Loss, _ size: Int) -> Double {
    66e-6 + 4e-4 / Double(size) + Double(size) * (loss == .sigmoid ? 3.6e-9 : 4.5e-9)
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    var runs: [StudyRun] = []
    for loss in losses {
      for (recipe, candidate) in zip(recipes(loss, scale), recipeCandidates(loss, scale)) {
        runs.append(scale.tuningRun("\(loss.rawValue), \(recipe.name)", candidate))
      }
      guard let recipe = recipe(loss, scale, results) else { continue }
      for size in sizes(scale) {
        runs += rateCandidates(loss, size, recipe, scale).map {
          scale.tuningRun(
            "\(loss.rawValue), batch \(size), learning rate \($0.optimizer.learningRate)", $0)
        }
      }
      for comparison in Comparison.allCases {
        for place in places(comparison, scale) {
          let place = self.place(comparison, loss, at: place, scale)
          guard let configuration = chosen(loss, place, scale, results) else { continue }
          runs += scale.runs(
            "\(loss.rawValue), batch \(place.size), \(configuration.steps) steps", configuration)
        }
      }
    }
    return runs
  }
}
