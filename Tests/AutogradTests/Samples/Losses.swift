import Autograd
import Foundation

enum LossSamples {
  static var all: [OperationSamples] {
    [
      samples("mseLoss", { mseLoss($0, $1, reduction: $2) }) { ($0 - $1) * ($0 - $1) },
      samples("l1Loss", hasKinks: true, { l1Loss($0, $1, reduction: $2) }) { ($0 - $1).magnitude },
      samples("huberLoss", hasKinks: true, { huberLoss($0, $1, delta: 0.8, reduction: $2) }) {
        let length = ($0 - $1).magnitude
        return length < 0.8 ? 0.5 * length * length : 0.8 * (length - 0.4)
      },
      samples(
        "klDivergence", targets: 0.1..<0.9, { klDivergence(logProbabilities: $0, targets: $1, reduction: $2) }
      ) { $1 * (Foundation.log($1) - $0) },
      samples(
        "klDivergence",
        {
          klDivergence(logProbabilities: $0, targets: $1, targetsAreLogarithms: true, reduction: $2)
        }
      ) { Foundation.exp($1) * ($1 - $0) },
    ]
  }

  /// Samples of a loss of single elements: each reduction, sizes around the width of a vector, one element, none.
  static func samples(
    _ name: String, in range: Range<Float> = -2..<2, targets: Range<Float> = -2..<2, hasKinks: Bool = false,
    _ forward: @escaping (Variable, Variable, LossReduction) -> Variable,
    reference: @escaping (Double, Double) -> Double
  ) -> OperationSamples {
    let cases: [(Shape, LossReduction)] = [
      ([3, 5], .mean), ([2, 17], .sum), ([33], .none), ([], .mean), ([0, 2], .none), ([0], .sum),
    ]
    return OperationSamples(
      name,
      cases.map { shape, reduction in
        OperationSample(
          [.init(shape, in: range), .init(shape, in: targets)], "\(shape) \(reduction)", hasKinks: hasKinks
        ) {
          forward($0[0], $0[1], reduction)
        } reference: {
          reduced($0[0].combine($0[1], reference), reduction)
        }
      })
  }

  static func reduced(_ losses: ReferenceArray, _ reduction: LossReduction) -> ReferenceArray {
    switch reduction {
    case .mean: losses.fold { $0.reduce(0, +) / Double($0.count) }
    case .sum: losses.fold { $0.reduce(0, +) }
    case .none: losses
    }
  }
}
