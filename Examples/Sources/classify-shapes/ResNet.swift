import Training

/// A convolution with batch normalisation, at the same size or divided by the stride.
private func convolution(_ inputs: Int, _ outputs: Int, stride: Int, size: Int = 3, _ random: inout Random)
  -> Sequential
{
  let convolution = Conv2d(
    inputs: inputs, outputs: outputs, kernel: size, stride: stride, padding: size / 2, bias: false,
    random: &random)
  return Sequential(convolution, BatchNorm2d(channels: outputs))
}

/// Two convolutions and a way around them (He et al. 2016).
final class ResidualBlock: Layer {
  let body: Sequential
  let shortcut: Sequential?

  init(_ inputs: Int, _ outputs: Int, stride: Int, _ random: inout Random) {
    let first = convolution(inputs, outputs, stride: stride, &random)
    body = Sequential(first, ActivationLayer(.relu), convolution(outputs, outputs, stride: 1, &random))
    shortcut = stride == 1 ? nil : convolution(inputs, outputs, stride: stride, size: 1, &random)
  }

  func callAsFunction(_ x: Variable) -> Variable { (body(x) + (shortcut?(x) ?? x)).relu() }
}

/// A residual network for small pictures: `[batch, 1, height, width]` to logits `[batch, classes]`. Each width but the first
/// has a block at half the resolution of the one before.
func resNet(widths: [Int], classes: Int, random: inout Random) -> Sequential {
  var layers: [any Layer] = [convolution(1, widths[0], stride: 1, &random), ActivationLayer(.relu)]
  for (place, width) in widths.enumerated() {
    layers.append(ResidualBlock(widths[max(place - 1, 0)], width, stride: place == 0 ? 1 : 2, &random))
  }
  layers.append(Lambda { $0.globalAveragePool2d() })
  return Sequential(layers + [Linear(inputs: widths.last!, outputs: classes, random: &random)])
}
