import Kernels
import Testing
import TestSupport

import Tensor

/// All three convolutions in one pass, on every level that this CPU runs, against one convolution after another.
@Suite struct ExpandDepthwiseProjectTests {
  struct Case: Sendable {
    let input: Shape
    let hidden: Int
    let outputs: Int?
    let kernel: Int
    let stride: Int
    let padding: Padding2D
    var dense: Int?
    var addsInput = false
  }

  static let cases = [
    Case(input: [2, 20, 9, 17], hidden: 50, outputs: 33, kernel: 3, stride: 1, padding: Padding2D(1)),
    Case(
      input: [3, 16, 15, 14], hidden: 32, outputs: 16, kernel: 5, stride: 2,
      padding: Padding2D(top: 1, bottom: 2, left: 2, right: 1)),
    Case(
      input: [1, 24, 30, 7], hidden: 96, outputs: 24, kernel: 5, stride: 1, padding: Padding2D(2),
      addsInput: true),
    Case(
      input: [2, 3, 45, 38], hidden: 20, outputs: 8, kernel: 3, stride: 1, padding: Padding2D(1), dense: 3),
    Case(input: [1, 5, 11, 11], hidden: 16, outputs: 40, kernel: 3, stride: 3, padding: .zero),
    Case(input: [5, 40, 6, 6], hidden: 70, outputs: nil, kernel: 6, stride: 1, padding: .zero),
    // Strips: more than fits a cache.
    Case(input: [1, 16, 100, 60], hidden: 96, outputs: 24, kernel: 3, stride: 2, padding: Padding2D(1)),
  ]

  @Test(arguments: cases) func agreesWithConvolutionsOneByOne(_ it: Case) {
    var random = Random(seed: 5)
    func layer(_ shape: Shape, isDepthwise: Bool = false) -> (
      weight: Tensor, bias: Tensor, blocked: BlockedConvolution
    ) {
      let weight = random.normal(
        shape, standardDeviation: 1 / Float(shape[1] * shape[2] * shape[3]).squareRoot())
      let bias = random.normal([shape[0]])
      return (weight, bias, BlockedConvolution(weight: weight, bias: bias, isDepthwise: isDepthwise))
    }
    let x = random.normal(it.input)
    let taps = it.dense ?? 1
    let expand = layer([it.hidden, it.input[1], taps, taps])
    let depthwise = layer([it.hidden, 1, it.kernel, it.kernel], isDepthwise: true)
    let project = it.outputs.map { layer([$0, it.hidden, 1, 1]) }
    let stride = it.dense == nil ? 1 : 2
    var expected = conv2d(x, weight: expand.weight, bias: expand.bias, stride: (stride, stride)).relu6()
    expected = conv2d(
      expected, weight: depthwise.weight, bias: depthwise.bias, stride: (it.stride, it.stride),
      padding: it.padding, groups: it.hidden
    ).relu6()
    if let project { expected = conv2d(expected, weight: project.weight, bias: project.bias) }
    if it.addsInput { expected = expected + x }
    let block = ExpandDepthwiseProject(
      expand: expand.blocked, expandWindow: it.dense == nil ? nil : (stride: 2, padding: .zero),
      depthwise: depthwise.blocked, depthwiseWindow: (it.stride, it.padding), project: project?.blocked,
      addsInput: it.addsInput)
    for table in Kernels.singlePrecisionTables {
      Kernels.withTable(table) {
        let results = [1, 2, 3].map { threads in
          ThreadPool.withThreadCount(threads) { block(it.dense == nil ? blocked(x) : x) }
        }
        let channels = expected.shape[1]
        let plain = unblocked(results[0])
        #expect(
          plain.narrow(start: 0, length: channels, axis: 1).isApproximatelyEqual(
            to: expected, absolute: 1e-5, relative: 1e-5), "\(table.name)")
        // Channels that fill up the last block stay zero, so that later sums may include them.
        #expect(
          plain.narrow(start: channels, length: plain.shape[1] - channels, axis: 1).scalars.allSatisfy {
            $0 == 0
          })
        #expect(results.allSatisfy { $0.scalars == results[0].scalars })
      }
    }
  }

  private func blocked(_ x: Tensor) -> Tensor {
    let blocks = (x.shape[1] + 15) / 16
    return x.pad([(0, 0), (0, blocks * 16 - x.shape[1]), (0, 0), (0, 0)])
      .reshape([x.shape[0], blocks, 16, x.shape[2], x.shape[3]]).permute([0, 1, 3, 4, 2]).contiguous()
  }

  private func unblocked(_ x: Tensor) -> Tensor {
    x.permute([0, 1, 4, 2, 3]).reshape([x.shape[0], x.shape[1] * 16, x.shape[2], x.shape[3]])
  }
}
