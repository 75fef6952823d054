import Kernels
import Testing

/// Convolutions and pooling on every level that this CPU runs, against plain loops in double precision.
@Suite struct ConvolutionTests {
  static let shapes: [ConvolutionShape] = [
    // On blocks of channels: small 1 x 1 ones, and depthwise ones in strips, or with several outputs for each channel.
    ConvolutionShape(
      batch: 3, inputChannels: 70, outputChannels: 37,
      window: WindowShape(inputHeight: 7, inputWidth: 5, kernelHeight: 1, kernelWidth: 1)),
    ConvolutionShape(
      batch: 2, inputChannels: 3, outputChannels: 3, groups: 3,
      window: WindowShape(
        inputHeight: 40, inputWidth: 130, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    ConvolutionShape(
      batch: 2, inputChannels: 18, outputChannels: 36, groups: 18,
      window: WindowShape(
        inputHeight: 9, inputWidth: 16, kernelHeight: 2, kernelWidth: 3, strideHeight: 3, strideWidth: 2,
        paddingTop: 2, paddingBottom: 1, paddingLeft: 0, paddingRight: 3, dilationHeight: 3,
        dilationWidth: 2)),
    // Dense: with padding, stride, dilation, and without anything (a matrix product).
    ConvolutionShape(
      batch: 2, inputChannels: 3, outputChannels: 5,
      window: WindowShape(
        inputHeight: 7, inputWidth: 9, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    ConvolutionShape(
      batch: 3, inputChannels: 3, outputChannels: 4,
      window: WindowShape(
        inputHeight: 10, inputWidth: 11, kernelHeight: 3, kernelWidth: 2, strideHeight: 2, strideWidth: 3,
        paddingTop: 0, paddingBottom: 1, paddingLeft: 0, paddingRight: 2)),
    ConvolutionShape(
      batch: 1, inputChannels: 4, outputChannels: 6, groups: 2,
      window: WindowShape(
        inputHeight: 9, inputWidth: 8, kernelHeight: 2, kernelWidth: 3, paddingTop: 2, paddingBottom: 2,
        paddingLeft: 3, paddingRight: 1, dilationHeight: 3, dilationWidth: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 6, outputChannels: 4,
      window: WindowShape(inputHeight: 5, inputWidth: 6, kernelHeight: 1, kernelWidth: 1)),
    ConvolutionShape(
      batch: 2, inputChannels: 4, outputChannels: 4, groups: 2,
      window: WindowShape(
        inputHeight: 4, inputWidth: 4, kernelHeight: 4, kernelWidth: 4, strideHeight: 4, strideWidth: 4)
    ),
    // Small planes, whose images stand side by side: more than one block of depth, groups with a stride, dilation, padding
    // that is larger than the window, and more numbers than are unfolded at a time.
    ConvolutionShape(
      batch: 3, inputChannels: 31, outputChannels: 20,
      window: WindowShape(
        inputHeight: 14, inputWidth: 13, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    ConvolutionShape(
      batch: 2, inputChannels: 16, outputChannels: 10, groups: 2,
      window: WindowShape(
        inputHeight: 7, inputWidth: 9, kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 3,
        paddingTop: 1, paddingBottom: 1, paddingLeft: 1, paddingRight: 0)),
    ConvolutionShape(
      batch: 5, inputChannels: 12, outputChannels: 15,
      window: WindowShape(
        inputHeight: 9, inputWidth: 40, kernelHeight: 2, kernelWidth: 3, paddingTop: 2, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 3, dilationHeight: 3, dilationWidth: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 16, outputChannels: 3,
      window: WindowShape(
        inputHeight: 4, inputWidth: 3, kernelHeight: 2, kernelWidth: 2, paddingTop: 2, paddingBottom: 3,
        paddingLeft: 2, paddingRight: 2)),
    ConvolutionShape(
      batch: 4, inputChannels: 94, outputChannels: 1,
      window: WindowShape(
        inputHeight: 16, inputWidth: 16, kernelHeight: 7, kernelWidth: 7, paddingTop: 3, paddingBottom: 3,
        paddingLeft: 3, paddingRight: 3)),
    // A large plane in strips.
    ConvolutionShape(
      batch: 1, inputChannels: 94, outputChannels: 2,
      window: WindowShape(
        inputHeight: 34, inputWidth: 33, kernelHeight: 7, kernelWidth: 7, paddingTop: 3, paddingBottom: 3,
        paddingLeft: 3, paddingRight: 3)),
    // Windows where they lie: whole and half tiles in a row, halves of two rows, two blocks of depth, several panels of
    // channels of which the last has fewer, a stride with dilation, and rows in blocks and strips.
    ConvolutionShape(
      batch: 3, inputChannels: 31, outputChannels: 28,
      window: WindowShape(
        inputHeight: 6, inputWidth: 21, kernelHeight: 3, kernelWidth: 3, paddingTop: 0, paddingBottom: 1,
        paddingLeft: 0, paddingRight: 1)),
    ConvolutionShape(
      batch: 9, inputChannels: 5, outputChannels: 60,
      window: WindowShape(
        inputHeight: 13, inputWidth: 14, kernelHeight: 3, kernelWidth: 4, strideHeight: 3, strideWidth: 2,
        paddingTop: 2, paddingBottom: 4, paddingLeft: 3, paddingRight: 2, dilationHeight: 2, dilationWidth: 2)
    ),
    ConvolutionShape(
      batch: 1, inputChannels: 2, outputChannels: 32,
      window: WindowShape(
        inputHeight: 21, inputWidth: 112, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    ConvolutionShape(
      batch: 1, inputChannels: 23, outputChannels: 8,
      window: WindowShape(
        inputHeight: 62, inputWidth: 126, kernelHeight: 2, kernelWidth: 2, strideHeight: 1, strideWidth: 2)),
    // More numbers than one strip holds.
    ConvolutionShape(
      batch: 1, inputChannels: 40, outputChannels: 2,
      window: WindowShape(
        inputHeight: 60, inputWidth: 62, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    // Depthwise: 3x3 and 5x5, strides 1 and 2, padding of EfficientNet, several outputs for each input, dilation.
    ConvolutionShape(
      batch: 2, inputChannels: 3, outputChannels: 3, groups: 3,
      window: WindowShape(
        inputHeight: 8, inputWidth: 19, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
        paddingLeft: 1, paddingRight: 1)),
    ConvolutionShape(
      batch: 1, inputChannels: 2, outputChannels: 2, groups: 2,
      window: WindowShape(
        inputHeight: 14, inputWidth: 38, kernelHeight: 5, kernelWidth: 5, strideHeight: 2, strideWidth: 2,
        paddingTop: 1, paddingBottom: 2, paddingLeft: 1, paddingRight: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 2, outputChannels: 6, groups: 2,
      window: WindowShape(
        inputHeight: 7, inputWidth: 7, kernelHeight: 3, kernelWidth: 3, strideHeight: 3, strideWidth: 2,
        paddingTop: 3, paddingBottom: 0, paddingLeft: 2, paddingRight: 4, dilationHeight: 2, dilationWidth: 3)
    ),
    ConvolutionShape(
      batch: 3, inputChannels: 1, outputChannels: 4,
      window: WindowShape(
        inputHeight: 9, inputWidth: 9, kernelHeight: 3, kernelWidth: 3, strideHeight: 4, strideWidth: 4)
    ),
    // Whole and partial blocks of channels: small planes, fewer pixels than a vector has, windows wholly above and below the
    // image, other widths of windows, and rows in strips.
    ConvolutionShape(
      batch: 3, inputChannels: 35, outputChannels: 35, groups: 35,
      window: WindowShape(
        inputHeight: 7, inputWidth: 7, kernelHeight: 5, kernelWidth: 5, paddingTop: 2, paddingBottom: 2,
        paddingLeft: 2, paddingRight: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 18, outputChannels: 36, groups: 18,
      window: WindowShape(
        inputHeight: 14, inputWidth: 14, kernelHeight: 5, kernelWidth: 5, paddingTop: 2, paddingBottom: 2,
        paddingLeft: 2, paddingRight: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 20, outputChannels: 20, groups: 20,
      window: WindowShape(
        inputHeight: 3, inputWidth: 5, kernelHeight: 5, kernelWidth: 5, paddingTop: 2, paddingBottom: 2,
        paddingLeft: 2, paddingRight: 2)),
    ConvolutionShape(
      batch: 2, inputChannels: 17, outputChannels: 17, groups: 17,
      window: WindowShape(
        inputHeight: 1, inputWidth: 3, kernelHeight: 3, kernelWidth: 3, paddingTop: 5, paddingBottom: 4,
        paddingLeft: 4, paddingRight: 5)),
    ConvolutionShape(
      batch: 2, inputChannels: 16, outputChannels: 16, groups: 16,
      window: WindowShape(
        inputHeight: 9, inputWidth: 23, kernelHeight: 2, kernelWidth: 7, paddingTop: 0, paddingBottom: 1,
        paddingLeft: 3, paddingRight: 3)),
    ConvolutionShape(
      batch: 2, inputChannels: 19, outputChannels: 19, groups: 19,
      window: WindowShape(
        inputHeight: 75, inputWidth: 61, kernelHeight: 5, kernelWidth: 3, paddingTop: 2, paddingBottom: 2,
        paddingLeft: 1, paddingRight: 1)),
  ]

  @Test(arguments: shapes)
  func convolution(shape: ConvolutionShape) {
    let reference = ConvolutionReference(shape)
    forEachTable { table in
      var results: [[[Float]]] = []
      for threads in [1, 2] {
        results.append(ThreadPool.withThreadCount(threads) { reference.run() })
      }
      #expect(results[0] == results[1], "\(table.name): one thread and two")
      for (result, expected) in zip(results[0], reference.expected) {
        expectClose(result, expected, "\(table.name)")
      }
    }
  }

  @Test(arguments: shapes)
  func anImageDoesNotDependOnThoseBesideIt(shape: ConvolutionShape) {
    var (alone, together) = (shape, shape)
    (alone.batch, together.batch) = (1, 5)
    let inputs = shape.inputChannels * shape.window.inputArea
    let outputs = shape.outputChannels * shape.window.outputArea
    var random = SplitMix(seed: 6)
    let x = (0..<together.batch * inputs).map { _ in random.next() }
    let weight = (0..<shape.outputChannels * shape.inputChannels * shape.window.kernelArea).map { _ in
      random.next()
    }
    let bias = (0..<shape.outputChannels).map { _ in random.next() }
    forEachTable { table in
      for threads in [1, 2, 7] {
        ThreadPool.withThreadCount(threads) {
          var all = [Float](repeating: .nan, count: together.batch * outputs)
          conv2d(together, x: x, weight: weight, bias: bias, out: &all)
          for image in 0..<together.batch {
            var one = [Float](repeating: .nan, count: outputs)
            x.withUnsafeBufferPointer {
              conv2d(alone, x: $0.baseAddress! + image * inputs, weight: weight, bias: bias, out: &one)
            }
            #expect(
              all[image * outputs..<(image + 1) * outputs].elementsEqual(one),
              "\(table.name), \(threads) threads")
          }
        }
      }
    }
  }

  static let windows: [WindowShape] = [
    WindowShape(
      inputHeight: 6, inputWidth: 8, kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2),
    WindowShape(
      inputHeight: 7, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 1,
      paddingTop: 1,
      paddingBottom: 0, paddingLeft: 1, paddingRight: 1),
    WindowShape(
      inputHeight: 9, inputWidth: 9, kernelHeight: 2, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
      paddingLeft: 1,
      paddingRight: 1, dilationHeight: 2, dilationWidth: 2),
  ]

  @Test(arguments: windows, [true, false])
  func averages(window: WindowShape, countsPadding: Bool) {
    var random = SplitMix(seed: 3)
    let planes = 3
    let x = (0..<planes * window.inputArea).map { _ in random.next() }
    let g = (0..<planes * window.outputArea).map { _ in random.next() }
    var expected = [Double](repeating: 0, count: g.count)
    var expectedGradient = [Double](repeating: 0, count: x.count)
    for plane in 0..<planes {
      for position in 0..<window.outputArea {
        let taps = window.inside(position)
        let divisor = Double(countsPadding ? window.kernelArea : taps.count)
        for tap in taps {
          expected[plane * window.outputArea + position] +=
            Double(x[plane * window.inputArea + tap]) / divisor
          expectedGradient[plane * window.inputArea + tap] +=
            Double(g[plane * window.outputArea + position]) / divisor
        }
      }
    }
    forEachTable { table in
      var out = [Float](repeating: .nan, count: g.count)
      averagePool(planes: planes, window, countsPadding: countsPadding, x: x, out: &out)
      expectClose(out, expected, "\(table.name)")
      var gradient = [Float](repeating: .nan, count: x.count)
      averagePoolDerivative(planes: planes, window, countsPadding: countsPadding, g: g, out: &gradient)
      expectClose(gradient, expectedGradient, "\(table.name)")
    }
  }

  @Test(arguments: windows)
  func maxima(window: WindowShape) {
    var random = SplitMix(seed: 4)
    let planes = 2
    // Negative numbers only: padding must not win.
    var x = (0..<planes * window.inputArea).map { _ in random.next() - 2 }
    x[7] = .nan
    let g = (0..<planes * window.outputArea).map { _ in random.next() }
    var expected: [Int32] = []
    var expectedGradient = [Double](repeating: 0, count: x.count)
    for plane in 0..<planes {
      for position in 0..<window.outputArea {
        let taps = window.inside(position)
        let values = taps.map { x[plane * window.inputArea + $0] }
        let best = values.firstIndex { $0.isNaN } ?? values.indices.max { values[$0] < values[$1] }!
        expected.append(Int32(taps[best]))
        expectedGradient[plane * window.inputArea + taps[best]] += Double(
          g[plane * window.outputArea + position])
      }
    }
    forEachTable { table in
      var out = [Float](repeating: .nan, count: g.count)
      var indices = [Int32](repeating: -5, count: g.count)
      maxPool(planes: planes, window, x: x, out: &out, indices: &indices)
      #expect(indices == expected, "\(table.name)")
      for (i, value) in out.enumerated() {
        let source = x[i / window.outputArea * window.inputArea + Int(expected[i])]
        #expect(value == source || value.isNaN && source.isNaN)
      }
      var gradient = [Float](repeating: .nan, count: x.count)
      maxPoolDerivative(planes: planes, window, g: g, indices: indices, out: &gradient)
      expectClose(gradient, expectedGradient, "\(table.name)")
    }
  }
}
