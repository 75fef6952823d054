import Autograd

enum ConvolutionSamples {
  private struct Case {
    let name: String
    let x, weight: Shape
    var bias = true
    var stride = (1, 1)
    var padding = Padding2D.zero
    var dilation = (1, 1)
    var groups = 1
  }

  static var all: OperationSamples {
    let uneven = Padding2D(top: 0, bottom: 1, left: 2, right: 1)
    let cases = [
      Case(name: "plain", x: [2, 3, 5, 4], weight: [4, 3, 3, 2]),
      Case(name: "1 x 1", x: [2, 3, 4, 5], weight: [5, 3, 1, 1], bias: false),
      Case(
        name: "strided, uneven padding", x: [1, 2, 6, 5], weight: [3, 2, 3, 3], stride: (2, 1),
        padding: uneven),
      Case(name: "rows left over", x: [1, 1, 6, 7], weight: [2, 1, 3, 3], stride: (2, 2)),
      Case(name: "dilated", x: [1, 2, 7, 6], weight: [2, 2, 2, 3], padding: Padding2D(1), dilation: (3, 2)),
      Case(name: "groups", x: [2, 4, 4, 4], weight: [6, 2, 3, 3], padding: Padding2D(1), groups: 2),
      Case(
        name: "depthwise", x: [2, 3, 6, 5], weight: [3, 1, 3, 3], stride: (2, 2), padding: uneven, groups: 3),
      Case(name: "patches", x: [2, 3, 8, 8], weight: [5, 3, 4, 4], stride: (4, 4)),
      Case(name: "one number", x: [1, 1, 1, 1], weight: [1, 1, 1, 1]),
    ]
    return OperationSamples("conv2d", cases.map(sample))
  }

  static var oneDimensional: OperationSamples {
    let cases = [
      Case(name: "plain", x: [2, 3, 7], weight: [4, 3, 3]),
      Case(name: "strided, dilated", x: [1, 2, 17], weight: [2, 2, 3], stride: (1, 2), dilation: (1, 3)),
      Case(
        name: "padded, in groups", x: [2, 4, 5], weight: [6, 2, 4], bias: false,
        padding: Padding2D(top: 0, bottom: 0, left: 2, right: 2), groups: 2),
    ]
    return OperationSamples(
      "conv1d",
      cases.map { it in
        OperationSample(
          [.init(it.x), .init(it.weight)] + (it.bias ? [.init([it.weight[0]])] : []), it.name
        ) {
          conv1d(
            $0[0], weight: $0[1], bias: it.bias ? $0[2] : nil, stride: it.stride.1, padding: it.padding.left,
            dilation: it.dilation.1, groups: it.groups)
        } reference: {
          let (x, weight) = (it.x, it.weight)
          let result = reference(
            ReferenceArray($0[0].values, shape: [x[0], x[1], 1, x[2]]),
            ReferenceArray($0[1].values, shape: [weight[0], weight[1], 1, weight[2]]), it.bias ? $0[2] : nil,
            it)
          return ReferenceArray(result.values, shape: [x[0], weight[0], result.shape[3]])
        }
      })
  }

  static var transposed: OperationSamples {
    let cases: [(Case, outputPadding: (Int, Int))] = [
      (Case(name: "plain", x: [2, 3, 4, 3], weight: [3, 4, 3, 2]), (0, 0)),
      (
        Case(
          name: "strided", x: [1, 2, 3, 4], weight: [2, 3, 3, 3], stride: (2, 3),
          padding: Padding2D(top: 0, bottom: 1, left: 2, right: 1)), (1, 2)
      ),
      (Case(name: "dilated", x: [1, 2, 3, 3], weight: [2, 1, 2, 3], bias: false, dilation: (3, 2)), (0, 0)),
      (
        Case(
          name: "added", x: [1, 2, 2, 3], weight: [2, 2, 2, 3],
          padding: Padding2D(top: 0, bottom: 1, left: 1, right: 0), dilation: (4, 3)), (3, 2)
      ),
      (Case(name: "groups", x: [2, 4, 3, 3], weight: [4, 3, 2, 2], stride: (2, 2), groups: 2), (0, 0)),
      (
        Case(name: "depthwise", x: [1, 3, 4, 3], weight: [3, 1, 3, 3], padding: Padding2D(1), groups: 3),
        (0, 0)
      ),
    ]
    return OperationSamples(
      "convTransposed2d",
      cases.map { it, outputPadding in
        OperationSample(
          [.init(it.x), .init(it.weight)] + (it.bias ? [.init([it.weight[1] * it.groups])] : []), it.name
        ) {
          convTransposed2d(
            $0[0], weight: $0[1], bias: it.bias ? $0[2] : nil, stride: it.stride, padding: it.padding,
            outputPadding: outputPadding, dilation: it.dilation, groups: it.groups)
        } reference: {
          transposedReference($0[0], $0[1], it.bias ? $0[2] : nil, it, outputPadding)
        }
      })
  }

  /// Every pixel times the weights, added where the window lies.
  private static func transposedReference(
    _ x: ReferenceArray, _ weight: ReferenceArray, _ bias: ReferenceArray?, _ it: Case,
    _ outputPadding: (Int, Int)
  ) -> ReferenceArray {
    let (inputs, outputs) = (weight.shape[0] / it.groups, weight.shape[1])
    func size(_ length: Int, _ window: Int, _ stride: Int, _ dilation: Int, _ cut: Int, _ added: Int) -> Int {
      (length - 1) * stride + dilation * (window - 1) + 1 - cut + added
    }
    let rows = size(
      x.shape[2], weight.shape[2], it.stride.0, it.dilation.0, it.padding.top + it.padding.bottom,
      outputPadding.0)
    let columns = size(
      x.shape[3], weight.shape[3], it.stride.1, it.dilation.1, it.padding.left + it.padding.right,
      outputPadding.1)
    return ReferenceArray(shape: [x.shape[0], outputs * it.groups, rows, columns]) { position in
      var sum = bias?[[position[1]]] ?? 0
      let group = position[1] / outputs
      for place in ReferenceArray.positions(of: [
        inputs, x.shape[2], x.shape[3], weight.shape[2], weight.shape[3],
      ]) {
        let row = place[1] * it.stride.0 + place[3] * it.dilation.0 - it.padding.top
        let column = place[2] * it.stride.1 + place[4] * it.dilation.1 - it.padding.left
        guard row == position[2], column == position[3] else { continue }
        let channel = group * inputs + place[0]
        sum +=
          x[[position[0], channel, place[1], place[2]]]
          * weight[[channel, position[1] % outputs, place[3], place[4]]]
      }
      return sum
    }
  }

  private static func sample(_ it: Case) -> OperationSample {
    OperationSample(
      [.init(it.x), .init(it.weight)] + (it.bias ? [.init([it.weight[0]])] : []), it.name,
      forward: {
        conv2d(
          $0[0], weight: $0[1], bias: it.bias ? $0[2] : nil, stride: it.stride, padding: it.padding,
          dilation: it.dilation, groups: it.groups)
      },
      reference: { reference($0[0], $0[1], it.bias ? $0[2] : nil, it) })
  }

  private static func reference(
    _ x: ReferenceArray, _ weight: ReferenceArray, _ bias: ReferenceArray?, _ it: Case
  ) -> ReferenceArray {
    let (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3])
    func size(_ length: Int, _ padding: Int, _ window: Int, _ dilation: Int, _ stride: Int) -> Int {
      (length + padding - dilation * (window - 1) - 1) / stride + 1
    }
    let rows = size(
      x.shape[2], it.padding.top + it.padding.bottom, height, it.dilation.0, it.stride.0)
    let columns = size(x.shape[3], it.padding.left + it.padding.right, width, it.dilation.1, it.stride.1)
    let outputsOfGroup = weight.shape[0] / it.groups
    return ReferenceArray(shape: [x.shape[0], weight.shape[0], rows, columns]) { position in
      var sum = bias?[[position[1]]] ?? 0
      let firstChannel = position[1] / outputsOfGroup * channels
      for window in ReferenceArray.positions(of: [channels, height, width]) {
        let row = position[2] * it.stride.0 + window[1] * it.dilation.0 - it.padding.top
        let column = position[3] * it.stride.1 + window[2] * it.dilation.1 - it.padding.left
        guard (0..<x.shape[2]).contains(row), (0..<x.shape[3]).contains(column) else { continue }
        sum += x[[position[0], firstChannel + window[0], row, column]] * weight[[position[1]] + window]
      }
      return sum
    }
  }
}
