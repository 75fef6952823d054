import Kernels
import Testing

extension WindowShape {
  /// Indices in the plane that the taps meet at one position, without those in the padding.
  func inside(_ position: Int) -> [Int] {
    (0..<kernelArea).compactMap { index(position, tap: $0) }
  }

  /// Index in the plane that a tap meets at a position; `nil` in the padding.
  func index(_ position: Int, tap: Int) -> Int? {
    let y = position / outputWidth * strideHeight + tap / kernelWidth * dilationHeight - paddingTop
    let x = position % outputWidth * strideWidth + tap % kernelWidth * dilationWidth - paddingLeft
    return (0..<inputHeight).contains(y) && (0..<inputWidth).contains(x) ? y * inputWidth + x : nil
  }
}

/// Fails where a number is further than rounding from the expected one.
func expectClose(
  _ result: [Float], _ expected: [Double], _ message: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(result.count == expected.count, sourceLocation: sourceLocation)
  for (i, (value, wanted)) in zip(result, expected).enumerated()
  where !(abs(Double(value) - wanted) <= 2e-5 + 4e-6 * abs(wanted)) {
    Issue.record("\(message): element \(i) is \(value), expected \(wanted)", sourceLocation: sourceLocation)
    return
  }
}

/// A convolution and its gradients by plain loops.
struct ConvolutionReference {
  let shape: ConvolutionShape
  let x, weight, bias, g: [Float]
  private(set) var output: [Double] = []
  private(set) var inputGradient: [Double] = []
  private(set) var weightGradient: [Double] = []

  /// In the order of `run`.
  var expected: [[Double]] { [output, inputGradient, weightGradient] }

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    let window = shape.window
    var random = SplitMix(seed: 11)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in random.next() } }
    let groupChannels = shape.inputChannels / shape.groups
    x = numbers(shape.batch * shape.inputChannels * window.inputArea)
    weight = numbers(shape.outputChannels * groupChannels * window.kernelArea)
    bias = numbers(shape.outputChannels)
    // Small, so that gradients of a weight stay near 1.
    g = numbers(shape.batch * shape.outputChannels * window.outputArea).map { $0 / 16 }
    compute()
  }

  private mutating func compute() {
    let window = shape.window
    let groupChannels = shape.inputChannels / shape.groups
    output = [Double](repeating: 0, count: g.count)
    inputGradient = [Double](repeating: 0, count: x.count)
    weightGradient = [Double](repeating: 0, count: weight.count)
    for image in 0..<shape.batch {
      for channel in 0..<shape.outputChannels {
        let group = channel / (shape.outputChannels / shape.groups)
        for position in 0..<window.outputArea {
          let to = (image * shape.outputChannels + channel) * window.outputArea + position
          var sum = Double(bias[channel])
          for member in 0..<groupChannels {
            let plane = (image * shape.inputChannels + group * groupChannels + member) * window.inputArea
            let weights = (channel * groupChannels + member) * window.kernelArea
            for tap in 0..<window.kernelArea {
              guard let index = window.index(position, tap: tap) else { continue }
              sum += Double(x[plane + index]) * Double(weight[weights + tap])
              inputGradient[plane + index] += Double(g[to]) * Double(weight[weights + tap])
              weightGradient[weights + tap] += Double(g[to]) * Double(x[plane + index])
            }
          }
          output[to] = sum
        }
      }
    }
  }

  /// Output, gradient of the input and gradient of the weights as the library computes them.
  func run() -> [[Float]] {
    var out = [Float](repeating: .nan, count: output.count)
    conv2d(shape, x: x, weight: weight, bias: bias, out: &out)
    var inputGradient = [Float](repeating: .nan, count: x.count)
    conv2dInputDerivative(shape, g: g, weight: weight, out: &inputGradient)
    var weightGradient = [Float](repeating: .nan, count: weight.count)
    conv2dWeightDerivative(shape, x: x, g: g, out: &weightGradient)
    return [out, inputGradient, weightGradient]
  }
}
