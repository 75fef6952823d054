import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct ConvolutionTests {
  struct Sample: Sendable, CustomStringConvertible {
    var x: Shape
    var weight: Shape
    var stride = (1, 1)
    var padding = Padding2D.zero
    var dilation = (1, 1)
    var groups = 1
    var description: String {
      "\(x) * \(weight), stride \(stride), \(padding), dilation \(dilation), \(groups) groups"
    }
  }

  static let samples = [
    Sample(x: [2, 3, 7, 8], weight: [4, 3, 3, 3]),
    Sample(x: [1, 1, 1, 1], weight: [1, 1, 1, 1]),
    Sample(x: [2, 3, 6, 5], weight: [5, 3, 1, 1]),
    Sample(x: [2, 3, 8, 8], weight: [4, 3, 4, 4], stride: (4, 4)),
    Sample(x: [1, 2, 9, 7], weight: [3, 2, 3, 2], stride: (2, 3), padding: Padding2D(1)),
    Sample(
      x: [1, 2, 6, 6], weight: [3, 2, 3, 3], stride: (2, 2),
      padding: Padding2D(top: 0, bottom: 1, left: 0, right: 1)),
    Sample(x: [1, 2, 5, 6], weight: [2, 2, 3, 3], padding: Padding2D(top: 3, bottom: 0, left: 1, right: 2)),
    Sample(x: [1, 2, 9, 9], weight: [3, 2, 3, 2], padding: Padding2D(2), dilation: (2, 3)),
    Sample(x: [2, 4, 6, 6], weight: [6, 2, 3, 3], padding: Padding2D(1), groups: 2),
    Sample(x: [2, 5, 7, 7], weight: [5, 1, 3, 3], padding: Padding2D(1), groups: 5),
    Sample(
      x: [1, 3, 9, 9], weight: [6, 1, 5, 5], stride: (2, 2), padding: Padding2D(2), dilation: (1, 2),
      groups: 3),
    Sample(x: [0, 2, 5, 5], weight: [3, 2, 3, 3]),
  ]

  private func reference(_ s: Sample, _ x: NaiveArray, _ weight: NaiveArray, _ bias: NaiveArray) -> NaiveArray
  {
    let height =
      (s.x[2] + s.padding.top + s.padding.bottom - (s.weight[2] - 1) * s.dilation.0 - 1) / s.stride.0 + 1
    let width =
      (s.x[3] + s.padding.left + s.padding.right - (s.weight[3] - 1) * s.dilation.1 - 1) / s.stride.1 + 1
    return NaiveArray(shape: [s.x[0], s.weight[0], height, width]) { p in
      let group = p[1] / (s.weight[0] / s.groups)
      var sum = bias[[p[1]]]
      for c in 0..<s.weight[1] {
        for i in 0..<s.weight[2] {
          for j in 0..<s.weight[3] {
            let row = p[2] * s.stride.0 + i * s.dilation.0 - s.padding.top
            let column = p[3] * s.stride.1 + j * s.dilation.1 - s.padding.left
            if row < 0 || column < 0 || row >= s.x[2] || column >= s.x[3] { continue }
            sum += x[[p[0], group * s.weight[1] + c, row, column]] * weight[[p[1], c, i, j]]
          }
        }
      }
      return sum
    }
  }

  @Test(arguments: samples, Layout.allCases)
  func forwardAndGradients(sample s: Sample, layout: Layout) {
    let x = layout.tensor(s.x)
    let weight = layout.tensor(s.weight, seed: 2)
    let bias = layout.tensor([s.weight[0]], seed: 3)
    let result = conv2d(
      x, weight: weight, bias: bias, stride: s.stride, padding: s.padding, dilation: s.dilation,
      groups: s.groups)
    let expected = reference(s, NaiveArray(x), NaiveArray(weight), NaiveArray(bias))
    #expect(expected.difference(from: result, absolute: 2e-5, relative: 1e-5) == nil)
    let plain = conv2d(
      x, weight: weight, stride: s.stride, padding: s.padding, dilation: s.dilation, groups: s.groups)
    #expect(result.isApproximatelyEqual(to: plain + bias.reshape([-1, 1, 1]), absolute: 1e-5))

    // The gradients are the adjoints: <g, conv(x, w)> = <gx, x> = <gw, w>.
    let g = layout.tensor(result.shape, seed: 4)
    let gx = conv2dInputGradient(
      g, weight: weight, inputShape: s.x, stride: s.stride, padding: s.padding, dilation: s.dilation,
      groups: s.groups)
    let gw = conv2dWeightGradient(
      g, input: x, weightShape: s.weight, stride: s.stride, padding: s.padding, dilation: s.dilation,
      groups: s.groups)
    #expect(gx.shape == s.x && gw.shape == s.weight)
    let other = layout.tensor(s.x, seed: 5)
    let otherWeight = layout.tensor(s.weight, seed: 6)
    func dot(_ a: Tensor, _ b: Tensor) -> Float { (a * b).sum().item() }
    func conv(_ x: Tensor, _ weight: Tensor) -> Tensor {
      conv2d(x, weight: weight, stride: s.stride, padding: s.padding, dilation: s.dilation, groups: s.groups)
    }
    for (a, b) in [(dot(gx, x), dot(g, plain)), (dot(gw, weight), dot(g, plain))] + [
      (dot(gx, other), dot(g, conv(other, weight))), (dot(gw, otherWeight), dot(g, conv(x, otherWeight))),
    ] {
      #expect((a - b).magnitude <= 1e-3 + 1e-4 * b.magnitude)
    }
  }

  struct PoolingSample: Sendable, CustomStringConvertible {
    var x: Shape
    var window: (Int, Int)
    var stride: (Int, Int)? = nil
    var padding = Padding2D.zero
    var description: String { "\(x), window \(window), stride \(String(describing: stride)), \(padding)" }
  }

  static let poolingSamples = [
    PoolingSample(x: [2, 3, 6, 8], window: (2, 2)), PoolingSample(x: [1, 1, 1, 1], window: (1, 1)),
    PoolingSample(x: [1, 2, 7, 5], window: (3, 2), stride: (2, 1)),
    PoolingSample(x: [1, 2, 7, 7], window: (3, 3), stride: (2, 2), padding: Padding2D(1)),
    PoolingSample(
      x: [1, 2, 6, 6], window: (3, 3), stride: (2, 2),
      padding: Padding2D(top: 0, bottom: 1, left: 2, right: 0)),
    PoolingSample(x: [2, 0, 4, 4], window: (2, 2)), PoolingSample(x: [2, 3, 4, 4], window: (4, 4)),
  ]

  @Test(arguments: poolingSamples, Layout.allCases)
  func pooling(sample s: PoolingSample, layout: Layout) {
    let x = layout.tensor(s.x)
    let naive = NaiveArray(x)
    let stride = s.stride ?? s.window
    let height = (s.x[2] + s.padding.top + s.padding.bottom - s.window.0) / stride.0 + 1
    let width = (s.x[3] + s.padding.left + s.padding.right - s.window.1) / stride.1 + 1
    func seen(_ p: [Int]) -> [(index: Int, value: Double)] {
      (0..<s.window.0).flatMap { i in
        (0..<s.window.1).compactMap { j in
          let (row, column) = (p[2] * stride.0 + i - s.padding.top, p[3] * stride.1 + j - s.padding.left)
          if row < 0 || column < 0 || row >= s.x[2] || column >= s.x[3] { return nil }
          return (row * s.x[3] + column, naive[[p[0], p[1], row, column]])
        }
      }
    }
    let shape = [s.x[0], s.x[1], height, width]
    let largest = NaiveArray(shape: shape) { seen($0).map(\.value).max()! }
    let (output, indices) = x.maxPool2dWithIndices(window: s.window, stride: s.stride, padding: s.padding)
    #expect(largest.difference(from: output) == nil)
    #expect(x.maxPool2d(window: s.window, stride: s.stride, padding: s.padding) == output)
    let places = NaiveArray(shape: shape) { position in
      let candidates = seen(position)
      return Double(candidates.first { $0.value == largest[position] }!.index)
    }
    #expect(places.difference(from: indices.asTensor()) == nil)

    let g = layout.tensor(output.shape, seed: 2)
    let planes = s.x[0] * s.x[1]
    let scattered = Tensor.zeros([planes, s.x[2] * s.x[3]]).scatterAddAlong(
      g.reshape([planes, height * width]), at: indices.reshape([planes, height * width]), axis: 1)
    let gradient = maxPool2dInputGradient(
      g, indices: indices, inputShape: s.x, window: s.window, stride: s.stride, padding: s.padding)
    #expect(gradient.isApproximatelyEqual(to: scattered.reshape(s.x)))

    for countsPadding in [true, false] {
      let mean = NaiveArray(shape: shape) { position in
        let values = seen(position).map(\.value)
        return values.reduce(0, +) / Double(countsPadding ? s.window.0 * s.window.1 : values.count)
      }
      func pool(_ x: Tensor) -> Tensor {
        x.averagePool2d(window: s.window, stride: s.stride, padding: s.padding, countsPadding: countsPadding)
      }
      #expect(mean.difference(from: pool(x)) == nil)
      let adjoint = averagePool2dInputGradient(
        g, inputShape: s.x, window: s.window, stride: s.stride, padding: s.padding,
        countsPadding: countsPadding)
      #expect(adjoint.shape == s.x)
      for seed in [1, 5] as [UInt64] {
        let other = layout.tensor(s.x, seed: seed)
        let (a, b) = ((adjoint * other).sum().item(), (g * pool(other)).sum().item())
        #expect((a - b).magnitude <= 1e-4 + 1e-4 * b.magnitude)
      }
    }
  }
}
