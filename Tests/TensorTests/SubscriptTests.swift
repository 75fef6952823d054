import Tensor
import TestSupport
import Testing

/// Parts by indices in brackets; `SurfaceTests` of Autograd compares their values with PyTorch's.
@Suite struct SubscriptTests {
  /// Parts of `[4, 5, 6]`.
  private static var parts: [[any TensorIndex]] {
    [
      [1, 2, 3], [0...], [-1, 1..<3], [0..., .newAxis as IndexTerm, -2], [IndexTerm.ellipsis, 1],
      [0..., IndexTerm.stride(by: -2), IndexTerm.stride(from: 4, to: 0, by: -3)], [0..<0],
      [IndexTensor([3, 0, 3])],
      [0..., IndexTensor([4, 4, 0])],
      [1..<4, IndexTensor([1, -1], shape: [2, 1]), IndexTensor([0, 5, 2])],
      [IndexTensor([0, 2]), 0..., IndexTensor([5, 1])], [IndexTensor([1, 3]), 2], [Tensor([1, 0, 0, 1])],
      [0..., IndexTensor([Int]()), 1...], [IndexTerm.newAxis, Tensor([0, 0, 0, 0])],
      [0..., 0..., Tensor([1, 1, 0, 0, 0, 1])],
    ]
  }

  @Test(arguments: Layout.allCases) func partsOfEveryLayout(layout: Layout) {
    let x = layout.tensor([4, 5, 6])
    // Running numbers name the elements.
    let numbers = IndexTensor(0..<120, shape: [4, 5, 6])
    for part in Self.parts {
      let place = x.shape.part(part)
      let expected = Tensor(read(numbers, part).values.map { x.scalars[Int($0)] }, shape: place.shape)
      #expect(x.part(place) == expected, "\(part)")
    }
  }

  @Test(arguments: Layout.allCases) func assignedPartsOfEveryLayout(layout: Layout) {
    let numbers = IndexTensor(0..<120, shape: [4, 5, 6])
    for part in Self.parts {
      let x = layout.tensor([4, 5, 6])
      let before = x.scalars
      let places = read(numbers, part)
      var random = Random(seed: 3)
      let value = random.normal(places.shape)
      var (expected, sum) = (before, before)
      for (place, value) in zip(places.values, value.scalars) {
        expected[Int(place)] = value
        sum[Int(place)] += value
      }
      var assigned = x
      assigned.assign(value, to: x.shape.part(part))
      #expect(assigned.scalars == expected, "\(part)")
      #expect(x.scalars == before, "a copy was written to")
      var added = x
      added.add(value, to: x.shape.part(part))
      #expect(added.isApproximatelyEqual(to: Tensor(sum, shape: x.shape)), "\(part)")
    }
  }

  /// A part of integers, by brackets for the tests' own lists.
  private func read(_ x: IndexTensor, _ part: [any TensorIndex]) -> IndexTensor {
    switch part.count {
    case 1: x[part[0]]
    case 2: x[part[0], part[1]]
    default: x[part[0], part[1], part[2]]
    }
  }

  @Test func positionsAndRangesAreViews() {
    let x = Layout.contiguous.tensor([4, 5, 6])
    let part = x[1..., .newAxis, 2, .stride(by: -2)]
    let (whole, start) = (x.withUnsafeStrided { $0 }, part.withUnsafeStrided { $0 })
    let skipped: Int = 30 + 12 + 5
    #expect(start == whole + skipped)
    #expect(part.shape == [3, 1, 3] && part.strides == [30, 0, -2])
  }

  @Test func assignmentIsInPlace() {
    var x = Tensor.zeros([3, 4])
    let address = x.withUnsafeStrided { $0 }
    x[1] = Tensor([1, 2, 3, 4])
    x[..<1, 2...] = Tensor(7)
    x[2][0] = Tensor(9)
    x[0..., 1] += Tensor(10)
    #expect(x.withUnsafeStrided { $0 } == address)
    #expect(x == Tensor([[0, 10, 7, 7], [1, 12, 3, 4], [9, 10, 0, 0]]))
    x[x .> 8] = Tensor(-1)
    #expect(x == Tensor([[0, -1, 7, 7], [1, -1, 3, 4], [-1, -1, 0, 0]]))
  }

  @Test func aPartMayBeAssignedAnotherPartOfTheSame() {
    var x = Tensor.arange(0, 6)
    x[1...] = x[..<5]
    #expect(x == Tensor([0, 0, 1, 2, 3, 4]))
    x[.stride(by: -1)] = x
    #expect(x == Tensor([4, 3, 2, 1, 0, 0]))
  }

  @Test func theLastOfSeveralValuesStays() {
    var x = Tensor.zeros([3])
    x[IndexTensor([1, 1, -1])] = Tensor([1, 2, 3])
    #expect(x == Tensor([0, 2, 3]))
    #expect(x.indexPut(Tensor([4, 5]), at: [IndexTensor([0, 0])]) == Tensor([5, 2, 3]))
    #expect(x.indexPut(Tensor(1), at: [IndexTensor([0, 0])], accumulate: true) == Tensor([2, 2, 3]))
  }

  @Test func wholeTensors() {
    let scalar = Tensor(3)
    #expect(scalar[.ellipsis] == scalar && scalar[.newAxis, .newAxis].shape == [1, 1])
    #expect(scalar.maskedSelect(Tensor(1)) == Tensor([3]) && scalar.maskedSelect(Tensor(0)).shape == [0])
    #expect(scalar.nonzero().shape == [1, 0] && Tensor(0).nonzero().shape == [0, 0])
    #expect(Tensor([[0, 2], [.nan, 0]]).nonzero() == IndexTensor([0, 1, 1, 0], shape: [2, 2]))
  }

  @Test func integers() {
    var x = IndexTensor(0..<24, shape: [2, 3, 4])
    #expect(x[1, 2, 3].item() == 23 && x[-1].shape == [3, 4] && x[0, 0..., 1] == IndexTensor([1, 5, 9]))
    #expect(
      x[IndexTensor([1]), .ellipsis, .stride(by: -3)]
        == IndexTensor([15, 12, 19, 16, 23, 20], shape: [1, 3, 2]))
    x[0, 1...] = IndexTensor([-1])
    x[1, IndexTensor([0, 2]), 3] = IndexTensor([7, 8])
    #expect(
      x[0].values == [0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1] && x[1, 0..., 3] == IndexTensor([7, 19, 8]))
    #expect(x[x.asTensor() .< 0].values == Array(repeating: -1, count: 8))
    #expect(IndexTensor(Tensor([[1, -2], [0, 3]])) == IndexTensor([1, -2, 0, 3], shape: [2, 2]))
    let labels = IndexTensor([1, 2, 2])
    #expect((labels .== 2) == Tensor([0, 1, 1]) && (labels .!= 2) == Tensor([1, 0, 0]))
    #expect((labels .== IndexTensor([1, 1, 2])).mean() == Tensor(2 / 3))
    #expect((labels .!= IndexTensor([1, 2], shape: [2, 1])).shape == [2, 3])
  }
}

@Suite struct SubscriptErrorTests {
  private func expect(
    _ message: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(output.contains(message), "\(output)", sourceLocation: sourceLocation)
  }

  @Test func position() async {
    expect(
      "subscript: index 3 is outside axis 1 of shape [2, 3]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[0, 3]
      })
  }

  @Test func pick() async {
    expect(
      "subscript: index -3 is outside axis 0 of shape [2, 3]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[IndexTensor([1, -3])]
      })
  }

  @Test func tooMany() async {
    expect(
      "subscript: 3 axes and 0 ellipses are named, of shape [2, 3] and one ellipsis",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[0, 0, 0...]
      })
  }

  @Test func stride() async {
    expect(
      "subscript: from 1 to 4 by 2 does not fit axis 1 of shape [2, 3]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[0..., .stride(from: 1, to: 4, by: 2)]
      })
  }

  @Test func mask() async {
    expect(
      "subscript: a mask of shape [2] for axes [3] of shape [2, 3]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[0, Tensor([1, 0])]
      })
  }

  @Test func picks() async {
    expect(
      "subscript: index tensors of shapes [2], [3] do not broadcast",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3])[IndexTensor([0, 1]), IndexTensor([0, 1, 2])]
      })
  }

  @Test func value() async {
    expect(
      "subscript: a value of shape [2] does not broadcast to a part of shape [3]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        var x = Tensor.zeros([2, 3])
        x[0] = Tensor([1, 2])
      })
  }

  @Test func integers() async {
    expect(
      "index tensor: 0.5 is not a whole number of 32 bits",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = IndexTensor(Tensor([1, 0.5]))
      })
  }

  @Test func quantile() async {
    expect(
      "quantile: 1.5 is not between 0 and 1",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 3]).quantile(1.5)
      })
  }

  @Test func medianOfNothing() async {
    expect(
      "median: axis 1 of shape [2, 0] is empty",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([2, 0]).median(axis: 1)
      })
  }

  @Test func triangle() async {
    expect(
      "tril: shape [3] is not [..., rows, columns]",
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.zeros([3]).tril()
      })
  }
}
