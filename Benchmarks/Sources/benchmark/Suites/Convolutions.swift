import Autograd

/// `conv/32x112x112/16x1x1/stride1/groups1/batch16`: a convolution of channels x height x width to channels, of that
/// window, padded by half of an odd window; with `/training` its gradients too.
enum Convolutions {
  static var work: [Work] {
    // EfficientNet-Lite0 at 224 pixels.
    let layers = [
      (3, 224, 32, 3, 2, 1), (32, 112, 32, 3, 1, 32), (32, 112, 16, 1, 1, 1), (16, 112, 96, 1, 1, 1),
      (96, 112, 96, 3, 2, 96), (96, 56, 24, 1, 1, 1), (144, 56, 144, 5, 2, 144), (240, 28, 240, 3, 2, 240),
      (40, 28, 240, 1, 1, 1), (480, 14, 480, 3, 1, 480), (480, 14, 480, 5, 1, 480), (480, 14, 80, 1, 1, 1),
      (672, 14, 672, 5, 2, 672), (672, 14, 112, 1, 1, 1), (1152, 7, 1152, 5, 1, 1152),
      (1152, 7, 192, 1, 1, 1), (320, 7, 1280, 1, 1, 1),
    ].map { work($0.0, $0.1, $0.2, window: $0.3, stride: $0.4, groups: $0.5, batch: 16, isTraining: false) }
    let patches = [false, true].map {
      work(3, 224, 768, window: 16, stride: 16, groups: 1, batch: 8, isTraining: $0)
    }
    let trained = [
      work(32, 56, 64, window: 3, stride: 1, groups: 1, batch: 8, isTraining: true),
      work(144, 28, 144, window: 5, stride: 1, groups: 144, batch: 8, isTraining: true),
    ]
    return layers + patches + trained + residualLayers
  }

  /// The layers of residual networks at 224 pixels, CLIP's RN50 and those with strides of the usual one.
  private static var residualLayers: [Work] {
    [
      (3, 224, 32, 3, 2), (32, 112, 32, 3, 1), (32, 112, 64, 3, 1), (64, 56, 64, 1, 1), (64, 56, 64, 3, 1),
      (64, 56, 256, 1, 1), (256, 56, 64, 1, 1), (256, 56, 128, 1, 1), (128, 56, 128, 3, 1),
      (128, 28, 512, 1, 1),
      (512, 28, 128, 1, 1), (128, 28, 128, 3, 1), (512, 28, 256, 1, 1), (256, 28, 256, 3, 1),
      (256, 14, 1024, 1, 1), (1024, 14, 256, 1, 1), (256, 14, 256, 3, 1), (1024, 14, 512, 1, 1),
      (512, 14, 512, 3, 1), (512, 7, 2048, 1, 1), (2048, 7, 512, 1, 1), (512, 7, 512, 3, 1),
      (3, 224, 64, 7, 2), (128, 56, 128, 3, 2), (256, 28, 256, 3, 2), (512, 14, 512, 3, 2),
      (256, 56, 512, 1, 2),
    ].flatMap { layer in
      [false, true].map {
        work(
          layer.0, layer.1, layer.2, window: layer.3, stride: layer.4, groups: 1, batch: 8, isTraining: $0)
      }
    }
      + [(144, 56, 2), (1152, 7, 1)].map {
        work($0.0, $0.1, $0.0, window: 5, stride: $0.2, groups: $0.0, batch: 8, isTraining: true)
      }
  }

  private static func work(
    _ inputs: Int, _ size: Int, _ outputs: Int, window: Int, stride: Int, groups: Int, batch: Int,
    isTraining: Bool
  ) -> Work {
    let padding = window % 2 == 1 ? window / 2 : 0
    let outputSize = (size + 2 * padding - window) / stride + 1
    let products = batch * outputs * outputSize * outputSize * inputs / groups * window * window
    let name = [
      "conv", "\(inputs)x\(size)x\(size)", "\(outputs)x\(window)x\(window)", "stride\(stride)",
      "groups\(groups)", "batch\(batch)",
    ].joined(separator: "/")
    return Work(name: name + (isTraining ? "/training" : ""), flops: 2 * products * (isTraining ? 3 : 1)) {
      var random = Random(seed: 1)
      let operands = [
        random.normal([batch, inputs, size, size]),
        random.normal([outputs, inputs / groups, window, window]),
        random.normal([outputs]),
      ].map { Variable($0, requiresGradient: isTraining) }
      let seed = Variable(random.normal([batch, outputs, outputSize, outputSize]))
      return {
        let y = conv2d(
          operands[0], weight: operands[1], bias: operands[2], stride: (stride, stride),
          padding: Padding2D(padding), groups: groups)
        if isTraining { _ = gradients(of: y, withRespectTo: operands, seed: seed) }
      }
    }
  }
}
