import Foundation
import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct ReductionTests {
  static let shapes: [Shape] =
    sampleShapes.filter { $0.count < 8 } + [[5, 8, 7, 10], [300, 20], [9, 300], [200, 9]]

  private static func subsets(_ rank: Int) -> [[Int]] {
    (0..<1 << rank).map { mask in (0..<rank).filter { mask >> $0 & 1 == 1 } }
  }

  private typealias Fold = (
    name: String, operation: @Sendable (Tensor, [Int]?, Bool) -> Tensor, fold: @Sendable ([Double]) -> Double
  )

  private static let folds: [Fold] = [
    ("sum", { $0.sum(axes: $1, keepDimensions: $2) }, { $0.reduce(0, +) }),
    ("max", { $0.max(axes: $1, keepDimensions: $2) }, { $0.max() ?? -.infinity }),
    ("min", { $0.min(axes: $1, keepDimensions: $2) }, { $0.min() ?? .infinity }),
    ("sumOfSquares", { $0.sumOfSquares(axes: $1, keepDimensions: $2) }, { $0.reduce(0) { $0 + $1 * $1 } }),
    ("mean", { $0.mean(axes: $1, keepDimensions: $2) }, { $0.reduce(0, +) / Double($0.count) }),
    (
      "variance", { $0.variance(axes: $1, keepDimensions: $2) },
      { values in
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      }
    ),
    ("norm", { $0.norm(axes: $1, keepDimensions: $2) }, { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }),
    ("logSumExp", { $0.logSumExp(axes: $1, keepDimensions: $2) }, { log($0.reduce(0) { $0 + exp($1) }) }),
  ]

  @Test(arguments: Layout.allCases)
  func everySubsetOfAxes(layout: Layout) {
    for shape in Self.shapes {
      let x = layout.tensor(shape)
      let naive = NaiveArray(x)
      for axes in Self.subsets(shape.count) {
        let (groups, kept) = naive.groups(along: axes)
        let tolerance = 1e-5 + 2e-7 * Double(groups.first?.count ?? 0)
        for (name, operation, fold) in Self.folds {
          // Nothing has no largest element: they trap.
          if ["max", "min"].contains(name), axes.contains(where: { shape[$0] == 0 }) { continue }
          let expected = NaiveArray(groups.map(fold), shape: kept)
          let result = operation(x, axes.reversed(), false)
          let difference = expected.difference(from: result, absolute: tolerance, relative: 3e-6)
          #expect(difference == nil, "\(name) of \(shape) over \(axes)")
        }
      }
    }
  }

  @Test func eightAxes() {
    let shape: Shape = [2, 1, 3, 2, 1, 2, 3, 2]
    for layout in Layout.allCases {
      let x = layout.tensor(shape)
      for axes in [[], [0], [7], [0, 2, 4, 6], [1, 3, 5, 7], Array(0..<8), [2, 3]] {
        for (name, operation, fold) in Self.folds {
          let expected = NaiveArray(x).reduce(axes, fold)
          let difference = expected.difference(
            from: operation(x, axes, false), absolute: 1e-5, relative: 3e-6)
          #expect(difference == nil, "\(name) over \(axes), \(layout)")
        }
      }
    }
  }

  @Test func keptDimensionsAndNegativeAxes() {
    let x = Layout.stepped.tensor([4, 3, 5])
    for (name, operation, _) in Self.folds {
      #expect(operation(x, [1, -1], true).shape == [4, 1, 1], "\(name)")
      #expect(operation(x, [1, -1], true).reshape([4]) == operation(x, [2, 1], false), "\(name)")
      #expect(operation(x, nil, false).shape == [], "\(name)")
      #expect(operation(x, nil, true).shape == [1, 1, 1], "\(name)")
    }
  }

  @Test func product() {
    for layout in Layout.allCases {
      let x = layout.tensor([3, 4, 10], in: 0.5..<1.5)
      for axes in Self.subsets(3) {
        let expected = NaiveArray(x).reduce(axes) { $0.reduce(1, *) }
        #expect(expected.difference(from: x.product(axes: axes), relative: 1e-5) == nil, "\(layout) \(axes)")
      }
    }
  }

  @Test func unbiasedVariance() {
    let x = Tensor([1, 2, 4, 7])
    #expect(x.variance(unbiased: true).item() == 7)
    #expect(x.variance().item() == 5.25)
  }

  private static func variance(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
  }

  /// Far from zero, huge, tiny, with one number far from all others: the variance is right to the last digits, along any
  /// axes of any layout.
  @Test(arguments: Layout.allCases)
  func variancesAreExactWhereverTheNumbersLie(layout: Layout) {
    for shape in [[700], [40, 33], [600, 20], [3, 5, 300], [17, 4, 9, 3]] as [Shape] {
      let x = layout.tensor(shape)
      let first = Tensor((0..<shape.elementCount).map { $0 == 0 ? 1e6 : 0 }, shape: shape)
      let inputs: [(String, Tensor)] = [
        ("off centre", x * 0.01 + 1e4), ("far off centre", x + 1e6), ("huge", x * 1e18),
        ("off centre and huge", x * 1e16 + 1e20), ("tiny", x * 1e-18), ("an outlier", x + first),
      ]
      for (name, x) in inputs {
        let naive = NaiveArray(x)
        for axes in Self.subsets(shape.count) where !axes.isEmpty {
          let expected = naive.reduce(axes, Self.variance)
          let difference = expected.difference(from: x.variance(axes: axes), absolute: 1e-44, relative: 2e-7)
          #expect(difference == nil, "\(name), \(shape) over \(axes)")
        }
      }
      #expect((x * 0 + 12345.678).variance(axes: [0]).scalars.allSatisfy { $0 == 0 })
    }
  }

  @Test func normsNeitherOverflowNorVanish() {
    #expect(Tensor([3e20, 4e20]).norm().item() == 5e20)
    #expect(
      Tensor([3e-30, 4e-30]).norm().isApproximatelyEqual(to: Tensor(5e-30), absolute: 0, relative: 1e-6))
    let columns = Tensor.ones([40, 20]) * Tensor([[1e30]])
    #expect(columns.norm(axes: [0]).isApproximatelyEqual(to: .full([20], 1e30 * Float(40).squareRoot())))
    #expect(Tensor([3e38, 3e38]).norm().item() == .infinity)
  }

  @Test(arguments: Layout.allCases)
  func centringKeepsTheDigitsThatDiffer(layout: Layout) {
    for shape in [[700], [40, 33], [3, 5, 300]] as [Shape] {
      let x = layout.tensor(shape) * 0.01 + 1e4
      let naive = NaiveArray(x)
      for axes in Self.subsets(shape.count) where !axes.isEmpty {
        let means = naive.reduce(axes) { $0.reduce(0, +) / Double($0.count) }
        let kept = shape.indices.filter { !axes.contains($0) }
        let expected = NaiveArray(shape: naive.shape) { position in
          naive[position] - means[kept.map { position[$0] }]
        }
        let difference = expected.difference(from: x.centred(axes: axes), absolute: 1e-8, relative: 2e-7)
        #expect(difference == nil, "\(shape) over \(axes)")
      }
    }
  }

  @Test func variancesOfNothingAndOfOne() {
    #expect(Tensor.zeros([0]).variance().item().isNaN)
    #expect(Tensor.zeros([0]).variance(unbiased: true).item().isNaN)
    #expect(
      Tensor.zeros([0, 3]).variance(axes: [0], unbiased: true).scalars.map(\.isNaN) == [true, true, true])
    #expect(Tensor.zeros([0, 3]).variance(axes: [1]).shape == [0])
    #expect(Tensor([5]).variance().item() == 0)
    #expect(Tensor([5]).variance(unbiased: true).item().isNaN)
    #expect(Tensor([.infinity, 1]).variance().item().isNaN)
    #expect(Tensor([1, .nan]).variance().item().isNaN)
  }

  @Test func longSums() {
    let count = 200_001
    for layout in [Layout.contiguous, .stepped, .flipped] {
      let x = layout.tensor([count], in: 0..<1)
      let expected = NaiveArray(x).values.reduce(0, +)
      #expect((Double(x.sum().item()) - expected).magnitude < 1e-6 * expected)
      #expect(x.max().item() == x.scalars.max())
      let columns = x.narrow(start: 0, length: 200_000, axis: 0).reshape([20_000, 10])
      let sums = NaiveArray(columns).reduce([0]) { $0.reduce(0, +) }
      #expect(sums.difference(from: columns.sum(axes: [0]), relative: 1e-6) == nil)
    }
  }

  @Test func nothingAndInfinities() {
    let empty = Tensor.zeros([0, 3])
    #expect(empty.sum(axes: [0]).scalars == [0, 0, 0])
    #expect(empty.product(axes: [0]).scalars == [1, 1, 1])
    #expect(empty.max(axes: [1]).shape == [0])
    #expect(empty.min(axes: [1]).shape == [0])
    #expect(empty.mean().item().isNaN)
    #expect(empty.sum(axes: [1]).shape == [0])
    #expect(Tensor.zeros([2, 3, 0]).logSumExp(axes: [1, 2]).scalars == [-.infinity, -.infinity])
    let x = Tensor([[-.infinity, -.infinity], [1000, 1000], [.infinity, 0], [.nan, 0]])
    let result = x.logSumExp(axes: [1]).scalars
    #expect(result[0] == -.infinity)
    #expect((result[1] - (1000 + logf(2))).magnitude < 1e-3)
    #expect(result[2] == .infinity)
    #expect(result[3].isNaN)
    #expect(x.max(axes: [1]).scalars[3].isNaN)
    #expect(x.min(axes: [0]).scalars[0].isNaN)
  }

  @Test(arguments: Layout.allCases)
  func positionsOfExtremes(layout: Layout) {
    for shape in [[17], [5, 17], [4, 3, 2, 5], [3, 20, 300]] as [Shape] {
      let x = (layout.tensor(shape) * 8).round()
      for axis in 0..<shape.count {
        let smallest = NaiveArray(x).reduce([axis]) { Double($0.firstIndex(of: $0.min()!)!) }
        let largest = NaiveArray(x).reduce([axis]) { Double($0.firstIndex(of: $0.max()!)!) }
        let difference = smallest.difference(from: x.argmin(axis: axis).asTensor())
        #expect(difference == nil, "argmin of \(shape) along \(axis)")
        let other = largest.difference(from: x.argmax(axis: axis - shape.count).asTensor())
        #expect(other == nil, "argmax of \(shape) along \(axis)")
        let (values, indices) = x.maxWithIndices(axis: axis)
        #expect(values == x.max(axes: [axis]) && indices == x.argmax(axis: axis))
        #expect(x.minWithIndices(axis: axis).values == x.min(axes: [axis]))
      }
    }
  }

  /// Sums of a position of the first axis have the same bits alone and beside others.
  @Test(arguments: [3, 7, 8, 20], [1, 2]) func sameBesideOthers(columns: Int, axis: Int) {
    let shape: Shape = axis == 1 ? [64, 300, columns] : [64, columns, 300]
    let x = Layout.contiguous.tensor(shape)
    let together = x.sum(axes: [axis])
    for i in 0..<64 { #expect(x[i...i].sum(axes: [axis]) == together[i...i]) }
  }

  @Test func sameForAnyNumberOfThreads() {
    for layout in Layout.allCases {
      let x = layout.tensor([60, 40, 30])
      for axes in Self.subsets(3) {
        for (name, operation, _) in Self.folds {
          let one = ThreadPool.withThreadCount(1) { operation(x, axes, false) }
          let two = ThreadPool.withThreadCount(2) { operation(x, axes, false) }
          #expect(one == two, "\(name) over \(axes), \(layout)")
        }
      }
    }
  }
}
