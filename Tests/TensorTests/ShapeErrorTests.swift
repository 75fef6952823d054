import Tensor
import Testing

/// A mistake in the calling program ends it with a sentence that names the operation and the shapes.
@Suite struct ShapeErrorTests {
  private static func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func addShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]) + Tensor.zeros([4])
    }
    #expect(Self.text(result).contains("add: shapes [2, 3] and [4] do not broadcast"))
  }

  @Test func subtractShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]) - Tensor.zeros([4])
    }
    #expect(Self.text(result).contains("subtract: shapes [2, 3] and [4] do not broadcast"))
  }

  @Test func addInPlace() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = {
        var x = Tensor.zeros([3]); x += Tensor.zeros([2, 3])
      }()
    }
    #expect(Self.text(result).contains("add: shape [2, 3] does not broadcast to [3]"))
  }

  @Test func whereShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = `where`(Tensor.zeros([2]), Tensor.zeros([3]), Tensor(0))
    }
    #expect(Self.text(result).contains("where: shapes [2], [3] and [] do not broadcast"))
  }

  @Test func matmulInner() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))
    }
    #expect(Self.text(result).contains("matmul: inner sizes differ: [2, 3] and [4, 5]"))
  }

  @Test func matmulBatch() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(Tensor.zeros([2, 2, 3]), Tensor.zeros([3, 3, 5]))
    }
    #expect(Self.text(result).contains("matmul: leading axes of [2, 2, 3] and [3, 3, 5] do not broadcast"))
  }

  @Test func matmulScalar() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(Tensor(1), Tensor.zeros([3]))
    }
    #expect(Self.text(result).contains("matmul: shapes [] and [3] need at least one axis each"))
  }

  @Test func reshapeSize() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).reshape([4, -1])
    }
    #expect(Self.text(result).contains("reshape: shape [2, 3] of 6 elements does not fit [4, -1]"))
  }

  @Test func viewStrides() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).transpose().view([6])
    }
    #expect(
      Self.text(result).contains(
        "view: shape [3, 2] with strides [1, 3] cannot be seen as [6] without a copy"))
  }

  @Test func expandShape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).expand(to: [4, 3])
    }
    #expect(Self.text(result).contains("expand: shape [2, 3] does not broadcast to [4, 3]"))
  }

  @Test func permuteAxes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).permute([0, 0])
    }
    #expect(Self.text(result).contains("permute: [0, 0] does not name every axis of shape [2, 3] once"))
  }

  @Test func squeezeAxis() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).squeeze(1)
    }
    #expect(Self.text(result).contains("squeeze: axis 1 of shape [2, 3] is not 1"))
  }

  @Test func sliceRange() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).slice(1..<4, axis: 1)
    }
    #expect(Self.text(result).contains("slice: 1..<4 by 1 does not fit axis 1 of shape [2, 3]"))
  }

  @Test func narrowStart() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5]).narrow(start: -7, length: 2, axis: 0)
    }
    #expect(Self.text(result).contains("narrow: 2 from -7 do not fit axis 0 of shape [5]"))
  }

  @Test func selectIndex() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3])[2]
    }
    #expect(Self.text(result).contains("select: index 2 is outside axis 0 of shape [2, 3]"))
  }

  @Test func sumAxis() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).sum(axes: [2])
    }
    #expect(Self.text(result).contains("sum: axis 2 is outside shape [2, 3]"))
  }

  @Test func sumAxisTwice() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).sum(axes: [1, -1])
    }
    #expect(Self.text(result).contains("sum: axis 1 of shape [2, 3] is named twice in [1, -1]"))
  }

  @Test func argmaxEmpty() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 0]).argmax()
    }
    #expect(Self.text(result).contains("argmax: axis 1 of shape [2, 0] is empty"))
  }

  @Test func concatenateShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.concatenate([Tensor.zeros([2, 3]), Tensor.zeros([2, 4])])
    }
    #expect(Self.text(result).contains("concatenate: shapes [2, 3] and [2, 4] differ outside axis 0"))
  }

  @Test func stackShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.stack([Tensor.zeros([2]), Tensor.zeros([3])])
    }
    #expect(Self.text(result).contains("stack: shapes [2] and [3] differ"))
  }

  @Test func splitSizes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5]).split(sizes: [2, 2])
    }
    #expect(Self.text(result).contains("split: sizes [2, 2] do not add up to axis 0 of shape [5]"))
  }

  @Test func takeIndex() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).take(IndexTensor([3]), axis: 1)
    }
    #expect(Self.text(result).contains("take: index 3 is outside an axis of 3 in shape [2, 3]"))
  }

  @Test func takeNegative() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).take(IndexTensor([-1]))
    }
    #expect(Self.text(result).contains("take: index -1 is outside an axis of 2 in shape [2, 3]"))
  }

  @Test func takeAlongShape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).takeAlong(IndexTensor([0, 1]), axis: 1)
    }
    #expect(Self.text(result).contains("takeAlong: indices of shape [2] do not fit axis 1 of shape [2, 3]"))
  }

  @Test func scatterAddShape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).scatterAdd(Tensor.zeros([2, 2]), at: IndexTensor([0, 1]))
    }
    #expect(
      Self.text(result).contains(
        "scatterAdd: updates of shape [2, 2] at indices of shape [2] do not fit axis 0 of shape [2, 3]"))
  }

  @Test func oneHotIndex() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.oneHot(IndexTensor([5]), count: 3)
    }
    #expect(Self.text(result).contains("oneHot: index 5 is outside an axis of 3 in shape [3]"))
  }

  @Test func topKCount() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).topK(4)
    }
    #expect(Self.text(result).contains("topK: 4 of axis 1 of shape [2, 3]"))
  }

  @Test func einsumSizes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ij,jk->ik", Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))
    }
    #expect(
      Self.text(result).contains("einsum: \"ij,jk->ik\" with shapes [2, 3], [4, 5]: axis j has several sizes")
    )
  }

  @Test func einsumOutput() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ij->ik", Tensor.zeros([2, 3]))
    }
    #expect(
      Self.text(result).contains(
        "einsum: \"ij->ik\" with shapes [2, 3]: axis k of the result is in no operand"))
  }

  @Test func convolutionGroups() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = conv2d(Tensor.zeros([1, 3, 5, 5]), weight: Tensor.zeros([4, 2, 3, 3]))
    }
    #expect(
      Self.text(result).contains("conv2d: images [1, 3, 5, 5] and weights [4, 2, 3, 3] do not fit 1 groups"))
  }

  @Test func convolutionWindow() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = conv2d(Tensor.zeros([1, 2, 2, 5]), weight: Tensor.zeros([4, 2, 3, 3]))
    }
    #expect(
      Self.text(result).contains("conv2d: a window of (3, 3) with dilation (1, 1) does not fit [1, 2, 2, 5]"))
  }

  @Test func scalarsCount() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2, 3], shape: [2, 2])
    }
    #expect(Self.text(result).contains("tensor: 3 numbers do not fill shape [2, 2]"))
  }

  @Test func nineAxes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1, 1, 1, 1, 1, 1, 1, 1]).unsqueeze(0)
    }
    #expect(Self.text(result).contains("more than 8 axes"))
  }

  @Test func itemCount() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2]).item()
    }
    #expect(Self.text(result).contains("item: shape [2] does not hold exactly one element"))
  }
}
