import NN

/// Two convolutions and a way around them (He et al. 2016).
final class ResidualBlock: Layer {
  let body: Sequential
  let shortcut: Sequential?

  init(inputs: Int, outputs: Int, stride: Int, random: inout Random) {
    body = Sequential(
      Conv2d(
        inputs: inputs, outputs: outputs, kernel: 3, stride: stride, padding: 1, bias: false, random: &random),
      BatchNorm2d(channels: outputs), ActivationLayer(.relu),
      Conv2d(inputs: outputs, outputs: outputs, kernel: 3, padding: 1, bias: false, random: &random),
      BatchNorm2d(channels: outputs))
    shortcut =
      stride == 1 && inputs == outputs
      ? nil
      : Sequential(
        Conv2d(inputs: inputs, outputs: outputs, kernel: 1, stride: stride, bias: false, random: &random),
        BatchNorm2d(channels: outputs))
  }

  func callAsFunction(_ x: Variable) -> Variable { (body(x) + (shortcut?(x) ?? x)).relu() }
}

/// A residual network for small pictures: `[batch, 1, height, width]` to logits `[batch, classes]`.
final class ResNet: Layer {
  let stem: Sequential
  let blocks: Sequential
  let head: Linear

  /// One block for each width, each but the first at half the resolution.
  init(widths: [Int], classes: Int, random: inout Random) {
    stem = Sequential(
      Conv2d(inputs: 1, outputs: widths[0], kernel: 3, padding: 1, bias: false, random: &random),
      BatchNorm2d(channels: widths[0]), ActivationLayer(.relu))
    var inputs = widths[0]
    var blocks: [any Layer] = []
    for width in widths {
      let stride = blocks.isEmpty ? 1 : 2
      blocks.append(ResidualBlock(inputs: inputs, outputs: width, stride: stride, random: &random))
      inputs = width
    }
    self.blocks = Sequential(blocks)
    head = Linear(inputs: inputs, outputs: classes, random: &random)
  }

  func callAsFunction(_ x: Variable) -> Variable { head(blocks(stem(x)).globalAveragePool2d()) }
}
