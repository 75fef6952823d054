import Autograd
import Foundation

extension Variable {
  static var reductionSamples: [OperationSamples] {
    let sum = { (x: [Double]) in x.reduce(0, +) }
    let mean = { (x: [Double]) in x.reduce(0, +) / Double(x.count) }
    let squares = { (x: [Double]) in x.reduce(0) { $0 + $1 * $1 } }
    let spread = { (x: [Double]) in squares(x.map { $0 - mean(x) }) }
    return [
      reductionSamples("sum", { $0.sum(axes: $1, keepDimensions: $2) }, reference: sum),
      reductionSamples("mean", ofNothing: false, { $0.mean(axes: $1, keepDimensions: $2) }, reference: mean),
      reductionSamples("variance", ofNothing: false, { $0.variance(axes: $1, keepDimensions: $2) }) {
        spread($0) / Double($0.count)
      },
      reductionSamples(
        "std", ofNothing: false, hasKinks: true, { $0.std(axes: $1, keepDimensions: $2) }
      ) { (spread($0) / Double($0.count)).squareRoot() },
      reductionSamples(
        "median", ofNothing: false, hasKinks: true, { $0.median(axes: $1, keepDimensions: $2) }
      ) { $0.sorted()[($0.count - 1) / 2] },
      reductionSamples(
        "quantile", ofNothing: false, hasKinks: true, { $0.quantile(0.3, axes: $1, keepDimensions: $2) }
      ) {
        let (sorted, rank) = ($0.sorted(), Double(Float(0.3) * Float($0.count - 1)))
        let below = Int(rank)
        let above = Swift.min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (rank - Double(below))
      },
      OperationSamples(
        "centred",
        [([33], nil), ([3, 17], [1]), ([5, 16], [0]), ([2, 3, 4], [0, 2]), ([0, 3], [1])].map {
          (shape: Shape, axes: [Int]?) in
          OperationSample([.init(shape)], "\(shape) over \(axes.map { "\($0)" } ?? "all")") {
            $0[0].centred(axes: axes)
          } reference: {
            $0[0].combine($0[0].fold(axes: axes, keepDimensions: true, mean), -)
          }
        }),
      OperationSamples(
        "variance",
        [[3, 4], [2, 17]].map { (shape: Shape) in
          OperationSample([.init(shape)], "\(shape) unbiased") {
            $0[0].variance(axes: [1], unbiased: true)
          } reference: {
            $0[0].fold(axes: [1]) { spread($0) / Double($0.count - 1) }
          }
        }),
      reductionSamples("max", ofNothing: false, hasKinks: true, { $0.max(axes: $1, keepDimensions: $2) }) {
        $0.max()!
      },
      reductionSamples("min", ofNothing: false, hasKinks: true, { $0.min(axes: $1, keepDimensions: $2) }) {
        $0.min()!
      },
      reductionSamples("sumOfSquares", { $0.sumOfSquares(axes: $1, keepDimensions: $2) }, reference: squares),
      reductionSamples("norm", in: 0.5..<2, ofNothing: false, { $0.norm(axes: $1, keepDimensions: $2) }) {
        squares($0).squareRoot()
      },
      reductionSamples("logSumExp", ofNothing: false, { $0.logSumExp(axes: $1, keepDimensions: $2) }) {
        Foundation.log(sum($0.map(Foundation.exp)))
      },
      reductionSamples("product", in: 0.7..<1.4, { $0.product(axes: $1, keepDimensions: $2) }) {
        $0.reduce(1, *)
      },
      OperationSamples(
        "norm",
        [[3, 4], [2, 33]].map { (shape: Shape) in
          OperationSample([.init(shape)], "\(shape) normalized") {
            $0[0].normalized()
          } reference: {
            $0[0].combine($0[0].fold(axes: [1], keepDimensions: true) { squares($0).squareRoot() }, /)
          }
        }),
    ]
  }

  /// Samples of a reduction: all axes, one, several, kept and dropped, one element, and none if that is defined.
  private static func reductionSamples(
    _ name: String, in range: Range<Float> = -2..<2, ofNothing: Bool = true,
    hasKinks: Bool = false,
    _ forward: @escaping (Variable, [Int]?, Bool) -> Variable, reference: @escaping ([Double]) -> Double
  ) -> OperationSamples {
    var cases: [(Shape, [Int]?, Bool)] = [
      ([], nil, false), ([1], nil, false), ([33], nil, false), ([5, 16], [0], false), ([3, 17], [-1], true),
      ([2, 3, 4], [0, 2], false), ([2, 3, 4], [1], true), ([2, 3, 4], nil, true), ([0, 3], [1], false),
    ]
    if ofNothing { cases.append(([0, 3], [0], false)) }
    return OperationSamples(
      name,
      cases.map { shape, axes, keep in
        OperationSample(
          [.init(shape, in: range)],
          "\(shape) over \(axes.map { "\($0)" } ?? "all")\(keep ? ", kept" : "")", hasKinks: hasKinks
        ) {
          forward($0[0], axes, keep)
        } reference: {
          $0[0].fold(axes: axes, keepDimensions: keep, reference)
        }
      })
  }
}
