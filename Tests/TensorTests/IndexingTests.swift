import Foundation
import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct IndexingTests {
  private func indices(_ shape: Shape, below bound: Int) -> IndexTensor {
    var random = Random(seed: 7)
    return IndexTensor((0..<shape.elementCount).map { _ in random.nextInt(below: bound) }, shape: shape)
  }

  @Test(arguments: Layout.allCases)
  func slicesAlongEveryAxis(layout: Layout) {
    for shape in [[17], [5, 17], [4, 3, 2, 5], [16, 200]] as [Shape] {
      let x = layout.tensor(shape)
      let naive = NaiveArray(x)
      for axis in 0..<shape.count {
        for indexShape in [[], [6], [0], [2, 3]] as [Shape] {
          let picked = indices(indexShape, below: shape[axis])
          let target = Array(shape[..<axis]) + Array(indexShape) + Array(shape[(axis + 1)...])
          let expected = NaiveArray(shape: target) { position in
            let inner = position[axis..<axis + indexShape.count]
            let i = zip(indexShape, inner).reduce(0) { $0 * $1.0 + $1.1 }
            return naive[
              Array(position[..<axis]) + [Int(picked.values[i])]
                + Array(position[(axis + indexShape.count)...])]
          }
          let difference = expected.difference(from: x.take(picked, axis: axis), absolute: 0, relative: 0)
          #expect(difference == nil, "take \(indexShape) of \(shape) along \(axis)")

          // The sum of updates at each position, by the definition.
          let updates = layout.tensor(Shape(target), seed: 2)
          let added = NaiveArray(updates)
          var sums = naive.values
          for (value, position) in zip(added.values, NaiveArray.positions(target)) {
            let inner = position[axis..<axis + indexShape.count]
            let i = zip(indexShape, inner).reduce(0) { $0 * $1.0 + $1.1 }
            let place =
              Array(position[..<axis]) + [Int(picked.values[i])]
              + Array(position[(axis + indexShape.count)...])
            sums[zip(naive.shape, place).reduce(0) { $0 * $1.0 + $1.1 }] += value
          }
          let result = x.scatterAdd(updates, at: picked, axis: axis - shape.count)
          let other = NaiveArray(sums, shape: naive.shape).difference(from: result, absolute: 1e-5)
          #expect(other == nil, "scatterAdd \(indexShape) to \(shape) along \(axis)")
        }
      }
    }
  }

  @Test(arguments: Layout.allCases)
  func elementsAlongEveryAxis(layout: Layout) {
    for shape in [[17], [5, 17], [4, 3, 2, 5]] as [Shape] {
      let x = layout.tensor(shape)
      let naive = NaiveArray(x)
      for axis in 0..<shape.count {
        for size in [0, 1, 6] {
          var target = shape
          target[axis] = size
          let picked = indices(target, below: shape[axis])
          let places = zip(NaiveArray.positions(Array(target)), picked.values).map { position, index in
            var place = position
            place[axis] = Int(index)
            return place
          }
          let expected = NaiveArray(places.map { naive[$0] }, shape: Array(target))
          let difference = expected.difference(
            from: x.takeAlong(picked, axis: axis), absolute: 0, relative: 0)
          #expect(difference == nil, "takeAlong \(target) of \(shape)")

          let updates = layout.tensor(target, seed: 2)
          var sums = naive.values
          for (value, place) in zip(NaiveArray(updates).values, places) {
            sums[zip(naive.shape, place).reduce(0) { $0 * $1.0 + $1.1 }] += value
          }
          let result = x.scatterAddAlong(updates, at: picked, axis: axis - shape.count)
          let other = NaiveArray(sums, shape: naive.shape).difference(from: result, absolute: 1e-5)
          #expect(other == nil, "scatterAddAlong \(target) to \(shape)")
        }
      }
    }
  }

  @Test func repeatedPositionsAddUpInOrder() {
    let updates = Layout.contiguous.tensor([4000, 300])
    let places = indices([4000], below: 11)
    let start = Tensor.zeros([11, 300])
    let one = ThreadPool.withThreadCount(1) { start.scatterAdd(updates, at: places) }
    #expect(one == ThreadPool.withThreadCount(2) { start.scatterAdd(updates, at: places) })
    // 1 is lost beside 1e8 unless it comes after -1e8.
    let sum = Tensor.zeros([1]).scatterAdd(Tensor([1e8, -1e8, 1]), at: IndexTensor([0, 0, 0]))
    #expect(sum.scalars == [1])
    #expect(start == Tensor.zeros([11, 300]))
  }

  @Test func oneHot() {
    #expect(Tensor.oneHot(IndexTensor([2, 0]), count: 3).scalars == [0, 0, 1, 1, 0, 0])
    #expect(Tensor.oneHot(IndexTensor([1, 0, 1, 0], shape: [2, 2]), count: 2).shape == [2, 2, 2])
    #expect(Tensor.oneHot(IndexTensor([Int]()), count: 3).shape == [0, 3])
  }

  @Test(arguments: Layout.allCases)
  func cumulativeSums(layout: Layout) {
    for shape in [[17], [5, 17], [3, 0, 2], [4, 3, 2, 5], [300, 70]] as [Shape] {
      let x = layout.tensor(shape)
      let naive = NaiveArray(x)
      for axis in 0..<shape.count {
        let (groups, _) = naive.groups(along: [axis])
        let result = x.cumulativeSum(axis: axis)
        let sums = NaiveArray(result).groups(along: [axis]).groups
        let reversed = NaiveArray(x.cumulativeSum(axis: axis, reverse: true)).groups(along: [axis]).groups
        for (group, (forward, backward)) in zip(groups, zip(sums, reversed)) {
          var sum = 0.0
          for (value, found) in zip(group, forward) {
            sum += value
            #expect((sum - found).magnitude < 1e-4)
          }
          for (value, found) in zip(group, backward) {
            #expect((sum - found).magnitude < 1e-4)
            sum -= value
          }
        }
        #expect(result.shape == shape)
      }
    }
  }

  @Test(arguments: Layout.allCases)
  func order(layout: Layout) {
    for shape in [[17], [1], [5, 17], [3, 0, 2], [4, 3, 2, 5], [2, 400]] as [Shape] {
      // Rounded, so that some are equal and stability shows.
      let x = (layout.tensor(shape) * 4).round()
      for axis in 0..<shape.count {
        let groups = NaiveArray(x).groups(along: [axis]).groups
        for descending in [false, true] {
          let (values, indices) = x.sort(axis: axis, descending: descending)
          #expect(values.shape == shape && indices.shape == shape)
          #expect(x.takeAlong(indices, axis: axis) == values)
          let found = NaiveArray(indices.asTensor()).groups(along: [axis]).groups
          for (group, order) in zip(groups, found) {
            let expected = group.indices.sorted {
              group[$0] == group[$1] ? $0 < $1 : (group[$0] < group[$1]) != descending
            }
            #expect(order == expected.map(Double.init))
          }
        }
        for k in Set([0, 1, 5, shape[axis]]) where k <= shape[axis] {
          let (values, indices) = x.topK(k, axis: axis)
          let sorted = x.sort(axis: axis, descending: true)
          #expect(values == sorted.values.narrow(start: 0, length: k, axis: axis))
          #expect(x.takeAlong(indices, axis: axis) == values)
          #expect(indices.asTensor() == sorted.indices.asTensor().narrow(start: 0, length: k, axis: axis))
        }
      }
    }
  }

  @Test func orderOfSpecialValues() {
    let x = Tensor([.nan, 1, -.infinity, 0, -0.0, .infinity, -1, -.nan])
    #expect(x.sort().indices.values == [2, 6, 3, 4, 1, 5, 0, 7])
    #expect(x.sort(descending: true).indices.values == [5, 1, 3, 4, 6, 2, 0, 7])
    #expect(x.topK(1).indices.values == [5])
    #expect(x.topK(8).indices.values == [5, 1, 3, 4, 6, 2, 0, 7])
  }

  @Test func integers() {
    let x = IndexTensor(0..<6, shape: [2, 3])
    #expect(x.transpose(0, 1) == IndexTensor([0, 3, 1, 4, 2, 5], shape: [3, 2]))
    #expect(x.reshape([6]) == IndexTensor(0..<6))
    #expect(x.asTensor() == Tensor.arange(0, 6).reshape([2, 3]))
    #expect(x.count == 6)
  }
}

@Suite struct RowTests {
  private func rows(_ x: Tensor, _ axis: Int, _ row: ([Double]) -> [Double]) -> NaiveArray {
    let groups = NaiveArray(x.transpose(axis, -1)).groups(along: [x.rank - 1]).groups
    let moved = Tensor(groups.flatMap(row).map(Float.init), shape: x.transpose(axis, -1).shape)
    return NaiveArray(moved.transpose(axis, -1))
  }

  private func softmax(_ row: [Double]) -> [Double] {
    let largest = row.max() ?? 0
    let exponentials = row.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  static let shapes: [Shape] = [[1], [16], [5, 17], [4, 3, 15], [0, 3], [60, 700]]

  @Test(arguments: Layout.allCases)
  func softmaxAlongEveryAxis(layout: Layout) {
    for shape in Self.shapes {
      let x = layout.tensor(shape, in: -9..<9)
      let gradient = layout.tensor(shape, seed: 2)
      for axis in 0..<shape.count {
        let (y, logarithm) = (x.softmax(axis: axis), x.logSoftmax(axis: axis - shape.count))
        #expect(rows(x, axis, softmax).difference(from: y, relative: 3e-6) == nil)
        let logarithms = rows(x, axis) { softmax($0).map(log) }
        #expect(logarithms.difference(from: logarithm, absolute: 5e-6, relative: 3e-6) == nil)
        let derivative = softmaxDerivative(output: y, gradient: gradient, axis: axis)
        let expected = y * (gradient - (y * gradient).sum(axes: [axis], keepDimensions: true))
        #expect(derivative.isApproximatelyEqual(to: expected))
        let other = logSoftmaxDerivative(output: logarithm, gradient: gradient, axis: axis)
        let wanted = gradient - logarithm.exp() * gradient.sum(axes: [axis], keepDimensions: true)
        #expect(other.isApproximatelyEqual(to: wanted, absolute: 2e-5))
      }
    }
  }

  @Test func softmaxOfExtremes() {
    let x = Tensor([[1000, 1000], [-.infinity, 0], [-1000, -1000]])
    #expect(x.softmax().scalars == [0.5, 0.5, 0, 1, 0.5, 0.5])
  }

  @Test(arguments: Layout.allCases)
  func layerNormalisation(layout: Layout) {
    for shape in Self.shapes where shape.elementCount > 0 {
      let x = layout.tensor(shape)
      let last = shape.count - 1
      let (scale, offset) = (layout.tensor([shape[last]], seed: 2), layout.tensor([shape[last]], seed: 3))
      let centred = x - x.mean(axes: [-1], keepDimensions: true)
      let deviation = (x.variance(axes: [-1], keepDimensions: true) + 0.1).rsqrt()
      let normalised = centred * deviation
      let plain = layerNorm(x, scale: nil, offset: nil, epsilon: 0.1)
      #expect(plain.output.isApproximatelyEqual(to: normalised, absolute: 1e-5))
      #expect(plain.mean.isApproximatelyEqual(to: x.mean(axes: [-1])))
      #expect(plain.reciprocalDeviation.isApproximatelyEqual(to: deviation.squeeze(-1), relative: 1e-4))
      let full = layerNorm(x, scale: scale, offset: offset, epsilon: 0.1)
      #expect(full.output.isApproximatelyEqual(to: normalised * scale + offset, absolute: 5e-5))

      let gradient = layout.tensor(shape, seed: 4)
      let scaled = gradient * scale
      let projected =
        scaled - scaled.mean(axes: [-1], keepDimensions: true)
        - normalised * (scaled * normalised).mean(axes: [-1], keepDimensions: true)
      let outer = Array(0..<last)
      for (ofInput, ofParameters) in [(true, true), (true, false), (false, true)] {
        let found = layerNormDerivative(
          x, scale: scale, gradient: gradient, mean: full.mean, reciprocalDeviation: full.reciprocalDeviation,
          ofInput: ofInput, ofParameters: ofParameters)
        #expect((found.input != nil, found.scale != nil) == (ofInput, ofParameters))
        #expect(found.input?.isApproximatelyEqual(to: projected * deviation, absolute: 1e-4) ?? true)
        #expect(
          found.scale?.isApproximatelyEqual(to: (gradient * normalised).sum(axes: outer), absolute: 1e-4)
            ?? true)
        #expect(found.offset?.isApproximatelyEqual(to: gradient.sum(axes: outer), absolute: 1e-4) ?? true)
      }
    }
  }

  @Test func sameForAnyNumberOfThreads() {
    let (x, gradient) = (Layout.contiguous.tensor([700, 60]), Layout.contiguous.tensor([700, 60], seed: 2))
    func all() -> [Tensor] {
      let (y, mean, deviation) = layerNorm(x, scale: nil, offset: nil, epsilon: 1e-6)
      let found = layerNormDerivative(
        x, scale: nil, gradient: gradient, mean: mean, reciprocalDeviation: deviation)
      return [
        y, found.input!, found.scale!, found.offset!, x.softmax(), x.softmax(axis: 0),
        x.cumulativeSum(axis: 0), x.sort().values,
      ]
    }
    #expect(ThreadPool.withThreadCount(1, all) == ThreadPool.withThreadCount(2, all))
  }
}
