import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct ViewTests {
  /// The elements of `x` in the given shape and order of positions.
  private func check(
    _ result: Tensor, _ shape: [Int], _ element: ([Int]) -> Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let difference = NaiveArray(shape: shape, element).difference(from: result, absolute: 0, relative: 0)
    #expect(difference == nil, sourceLocation: sourceLocation)
  }

  private func address(_ tensor: Tensor) -> UInt { tensor.withUnsafeStrided { UInt(bitPattern: $0) } }

  @Test(arguments: Layout.allCases)
  func reshape(layout: Layout) {
    let shapes: [(Shape, [Shape])] = [
      ([4, 6], [[24], [2, 12], [2, 2, 6], [4, 3, 2], [8, 3], [1, 4, 1, 6, 1], [-1, 3], [4, -1]]),
      ([], [[1], [1, 1], [-1]]), ([1, 1], [[], [1], [1, 1, 1]]), ([17], [[17, 1], [1, 17]]),
      ([3, 0, 2], [[0], [0, 5], [2, 0], [6, 0]]),
      ([2, 1, 3, 2, 1, 2, 3, 2], [[144], [12, 12], [2, 3, 4, 6], [6, 2, 2, 6], [2, 3, 2, 2, 3, 2]]),
    ]
    for (shape, targets) in shapes {
      let x = layout.tensor(shape)
      let values = NaiveArray(x).values
      for target in targets {
        let result = x.reshape(target)
        #expect(NaiveArray(result).values == values, "\(shape) to \(target)")
        for (size, wanted) in zip(result.shape, target) where wanted >= 0 { #expect(size == wanted) }
      }
      #expect(x.flatten() == x.reshape([values.count]))
    }
  }

  @Test func reshapeCopiesOnlyWhereItMust() {
    let x = Layout.contiguous.tensor([4, 6, 5])
    #expect(address(x.reshape([24, 5])) == address(x))
    let permuted = x.permute([1, 0, 2])
    #expect(address(permuted.reshape([3, 2, 4, 5, 1])) == address(x))
    #expect(address(permuted.reshape([24, 5])) != address(x))
    let narrowed = x.narrow(start: 0, length: 3, axis: 1)
    #expect(address(narrowed.reshape([2, 2, 3, 5])) == address(x))
    #expect(narrowed.view([4, 15]) == narrowed.reshape([4, 15]))
    #expect(address(narrowed.view([4, 15])) == address(x))
  }

  @Test(arguments: Layout.allCases)
  func axesInAnotherOrder(layout: Layout) {
    let x = layout.tensor([2, 3, 4])
    let naive = NaiveArray(x)
    check(x.permute([2, 0, 1]), [4, 2, 3]) { naive[[$0[1], $0[2], $0[0]]] }
    check(x.permute([-1, 0, 1]), [4, 2, 3]) { naive[[$0[1], $0[2], $0[0]]] }
    check(x.transpose(), [2, 4, 3]) { naive[[$0[0], $0[2], $0[1]]] }
    check(x.transpose(0, -1), [4, 3, 2]) { naive[[$0[2], $0[1], $0[0]]] }
    check(x.flip(axis: 1), [2, 3, 4]) { naive[[$0[0], 2 - $0[1], $0[2]]] }
    check(x.flip(axis: -1).flip(axis: -1), [2, 3, 4]) { naive[$0] }
    check(x.flatten(from: 1, to: 2), [2, 12]) { naive[[$0[0], $0[1] / 4, $0[1] % 4]] }
    check(x.flatten(from: 0, to: 1), [6, 4]) { naive[[$0[0] / 3, $0[0] % 3, $0[1]]] }
  }

  @Test(arguments: Layout.allCases)
  func slices(layout: Layout) {
    let x = layout.tensor([5, 17])
    let naive = NaiveArray(x)
    for step in [1, 2, 3, 16, 17, 30, -1, -2, -3, -40] {
      for range in [0..<17, 3..<12, -5 ..< -1, -3..<0, 4..<4, 0..<0, 16..<17] {
        let start = range.lowerBound < 0 ? range.lowerBound + 17 : range.lowerBound
        let end = range.lowerBound < 0 ? range.upperBound + 17 : range.upperBound
        let picked =
          step > 0
          ? Array(stride(from: start, to: end, by: step))
          : Array(stride(from: end - 1, through: start, by: step))
        check(x.slice(range, axis: -1, step: step), [5, picked.count]) { naive[[$0[0], picked[$0[1]]]] }
      }
    }
    check(x[1], [17]) { naive[[1, $0[0]]] }
    check(x[-1], [17]) { naive[[4, $0[0]]] }
    check(x[1..<3], [2, 17]) { naive[[$0[0] + 1, $0[1]]] }
    #expect(x[..<2] == x[0..<2] && x[3...] == x[3..<5] && x[(-2)...] == x[3..<5] && x[1...2] == x[1..<3])
    #expect(
      x[..<(-1)] == x[0..<4] && x[...(-2)] == x[0..<4] && x[...3] == x[0..<4] && x[5...].shape == [0, 17])
    #expect(x[-2 ... -1] == x[3..<5] && x[AxisBounds(lower: 1, upper: -1)] == x[1..<4])
    #expect(
      x.slice(1..<5, axis: 0, step: .max) == x[1..<2] && x.slice(..<(-1), axis: 0, step: .min) == x[3..<4])
    check(x.select(-2, axis: 1), [5]) { naive[[$0[0], 15]] }
    check(x[2][3], []) { _ in naive[[2, 3]] }
    check(x.narrow(start: -4, length: 3, axis: 1), [5, 3]) { naive[[$0[0], $0[1] + 13]] }
    #expect(x.flip(axis: 0).slice(1..<4, axis: 0).flip(axis: 0) == x[1..<4])
  }

  @Test func axesOfOne() {
    let x = Layout.stepped.tensor([3, 1, 4, 1])
    #expect(x.squeeze().shape == [3, 4])
    #expect(x.squeeze(1).shape == [3, 4, 1])
    #expect(x.squeeze(-1).shape == [3, 1, 4])
    #expect(x.squeeze().scalars == x.scalars)
    #expect(x.unsqueeze(0).shape == [1, 3, 1, 4, 1])
    #expect(x.unsqueeze(-1).shape == [3, 1, 4, 1, 1])
    #expect(x.unsqueeze(2).scalars == x.scalars)
    #expect(Tensor(3).unsqueeze(0).shape == [1])
    #expect(Tensor.zeros([1, 1]).squeeze().shape == [])
  }

  @Test(arguments: Layout.allCases)
  func expansion(layout: Layout) {
    let x = layout.tensor([3, 1, 4])
    let naive = NaiveArray(x)
    check(x.expand(to: [2, 3, 5, 4]), [2, 3, 5, 4]) { naive.broadcast(at: $0) }
    check(x.expand(to: [3, 0, 4]), [3, 0, 4]) { _ in 0 }
    #expect(x.expand(to: [3, 5, 4]).strides[1] == 0)
    #expect(Tensor(2).expand(to: [2, 2]).scalars == [2, 2, 2, 2])
  }

  @Test(arguments: Layout.allCases)
  func joining(layout: Layout) {
    let (a, b) = (layout.tensor([2, 3, 4]), layout.tensor([2, 5, 4], seed: 2))
    let (x, y) = (NaiveArray(a), NaiveArray(b))
    check(Tensor.concatenate([a, b], axis: 1), [2, 8, 4]) {
      $0[1] < 3 ? x[$0] : y[[$0[0], $0[1] - 3, $0[2]]]
    }
    for axis in 0..<3 {
      let joined = Tensor.concatenate([a, a.flip(axis: 0), a], axis: axis)
      #expect(joined.split(parts: 3, axis: axis) == [a, a.flip(axis: 0), a])
      #expect(joined.split(sizes: [a.shape[axis], 0, 2 * a.shape[axis]], axis: axis)[0] == a)
    }
    for axis in -4..<4 {
      let stacked = Tensor.stack([a, a + 1], axis: axis)
      #expect(stacked.select(0, axis: axis) == a && stacked.select(1, axis: axis) == a + 1)
    }
    #expect(Tensor.concatenate([a.narrow(start: 0, length: 0, axis: 2), a], axis: 2) == a)
    check(a.pad([(1, 0), (0, 2), (3, 1)], value: 7), [3, 5, 8]) {
      let inner = [$0[0] - 1, $0[1], $0[2] - 3]
      return zip(inner, [2, 3, 4]).allSatisfy { $0 >= 0 && $0 < $1 } ? x[inner] : 7
    }
    check(a.tile([2, 1, 3]), [4, 3, 12]) { x[[$0[0] % 2, $0[1], $0[2] % 4]] }
    check(a.tile([3]), [2, 3, 12]) { x[[$0[0], $0[1], $0[2] % 4]] }
    check(a[0].tile([2, 1, 2]), [2, 3, 8]) { x[[0, $0[1], $0[2] % 4]] }
    #expect(a.tile([1, 0, 1]).shape == [2, 0, 4])
  }

  @Test func largeTransposedCopies() {
    for order in [[1, 0, 2], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 2, 0]] {
      let x = Layout.contiguous.tensor([30, 50, 70]).permute(order)
      #expect(NaiveArray(x).difference(from: x.contiguous()) == nil, "\(order)")
    }
  }

  @Test func triangles() {
    let x = Tensor([[1, 2, 3], [4, 5, 6]])
    #expect(x.tril() == Tensor([[1, 0, 0], [4, 5, 0]]) && x.triu() == Tensor([[1, 2, 3], [0, 5, 6]]))
    #expect(x.tril(diagonal: -1) == Tensor([[0, 0, 0], [4, 0, 0]]))
    #expect(x.triu(diagonal: 1) == Tensor([[0, 2, 3], [0, 0, 6]]))
  }

  @Test func creation() {
    #expect(Tensor.arange(0, 5).scalars == [0, 1, 2, 3, 4])
    #expect(Tensor.arange(1, 2, step: 0.25).scalars == [1, 1.25, 1.5, 1.75])
    #expect(Tensor.arange(3, 0, step: -1).scalars == [3, 2, 1])
    #expect(Tensor.arange(3, 0).scalars == [])
    #expect(Tensor.linspace(0, 1, count: 5).scalars == [0, 0.25, 0.5, 0.75, 1])
    #expect(Tensor.linspace(2, 3, count: 1).scalars == [2])
    #expect(Tensor.linspace(2, 3, count: 0).scalars == [])
    #expect(Tensor.eye(2).scalars == [1, 0, 0, 1])
    #expect(Tensor.eye(2, 3).scalars == [1, 0, 0, 0, 1, 0])
    #expect(Tensor.full([2, 2], 3).scalars == [3, 3, 3, 3])
    #expect(Tensor.zeros(like: Tensor.eye(2)) == Tensor.zeros([2, 2]))
    #expect(Tensor.ones(like: Tensor.eye(2)) == Tensor.ones([2, 2]))
    #expect(Tensor([[1, 2], [3, 4]]) == Tensor([1, 2, 3, 4], shape: [2, 2]))
    #expect(Tensor([[Float]]()).shape == [0, 0])
    #expect(Tensor(5).item() == 5 && Tensor(5).rank == 0 && Tensor(5).count == 1)
  }
}

@Suite struct ShapeTests {
  @Test func sizes() {
    var shape: Shape = [2, 3]
    shape.append(4)
    shape.insert(1, at: 1)
    #expect(shape == [2, 1, 3, 4] && shape.count == 4 && shape.elementCount == 24)
    #expect(shape.contiguousStrides == [12, 12, 4, 1])
    #expect(shape.remove(at: 0) == 2)
    #expect(shape == [1, 3, 4] && shape.description == "[1, 3, 4]")
    #expect(Array(shape) == [1, 3, 4] && shape.last == 4)
    #expect(Set([shape, [1, 3, 4], [1, 3]]).count == 2)
    #expect(Shape().elementCount == 1 && Shape([0, 5]).elementCount == 0)
    #expect(Shape([1, 2]) + [3] == [1, 2, 3])
    #expect(
      Shape([2, 3])[..<1] == [2] && Shape([2, 3])[..<2] == [2, 3] && Shape([2, 3]).dropLast(5) == [])
  }

  @Test func nothingIsCountedWhereThereIsAnEmptyAxis() {
    #expect(Shape([1 << 40, 1 << 40, 0]).elementCount == 0)
    #expect(Shape([0, 1 << 62, 2]).elementCount == 0)
    #expect(Shape([.max]).contiguousStrides == [1])
  }

  @Test func broadcasting() {
    #expect(Shape([5, 1]).broadcast(with: [1, 4]) == [5, 4])
    #expect(Shape([3]).broadcast(with: [2, 1]) == [2, 3])
    #expect(Shape([]).broadcast(with: [2, 0]) == [2, 0])
    #expect(Shape([1]).broadcast(with: [0]) == [0])
    #expect(Shape([2]).broadcast(with: [3]) == nil)
    #expect(Shape([0]).broadcast(with: [3]) == nil)
    #expect(Shape([2, 3]).axis(-1, of: "test") == 1)
    #expect(Shape([2, 3, 4]).axes([2, -3], of: "test") == [0, 2])
    #expect(Shape([2, 3]).axes(nil, of: "test") == [0, 1])
  }
}
