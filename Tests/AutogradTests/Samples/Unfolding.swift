import Autograd

enum UnfoldingSamples {
  private struct Case {
    let images: Shape
    let window: (Int, Int)
    var stride = (1, 1)
    var padding = Padding2D.zero
    var dilation = (1, 1)

    /// `[N, C · taps, positions]`.
    var columns: Shape {
      Tensor.zeros(images).unfold(window: window, stride: stride, padding: padding, dilation: dilation).shape
    }

    /// The pixel that an element of the columns was read from; nil in the padding.
    func source(_ position: [Int]) -> [Int]? {
      let taps = window.0 * window.1
      let width = images[3] + padding.left + padding.right
      let perRow = (width - dilation.1 * (window.1 - 1) - 1) / stride.1 + 1
      let (channel, tap) = position[1].quotientAndRemainder(dividingBy: taps)
      let row = position[2] / perRow * stride.0 + tap / window.1 * dilation.0 - padding.top
      let column = position[2] % perRow * stride.1 + tap % window.1 * dilation.1 - padding.left
      guard (0..<images[2]).contains(row), (0..<images[3]).contains(column) else { return nil }
      return [position[0], channel, row, column]
    }
  }

  private static let cases = [
    Case(images: [2, 3, 4, 5], window: (2, 3)),
    Case(
      images: [1, 2, 6, 5], window: (3, 2), stride: (2, 1),
      padding: Padding2D(top: 1, bottom: 0, left: 0, right: 2)),
    Case(images: [1, 1, 7, 17], window: (2, 2), dilation: (3, 2)),
    Case(images: [1, 1, 1, 1], window: (1, 1)),
  ]

  static var unfold: OperationSamples {
    OperationSamples(
      "unfold",
      cases.map { it in
        Variable.movingSample(it.images, to: it.columns, "by \(it.window)") {
          $0.unfold(window: it.window, stride: it.stride, padding: it.padding, dilation: it.dilation)
        } source: {
          it.source($0)
        }
      })
  }

  static var fold: OperationSamples {
    OperationSamples(
      "fold",
      cases.map { it in
        OperationSample([.init(it.columns)], "to \(it.images) by \(it.window)") {
          $0[0].fold(
            size: (it.images[2], it.images[3]), window: it.window, stride: it.stride, padding: it.padding,
            dilation: it.dilation)
        } reference: { x in
          let places = ReferenceArray.positions(of: it.columns).map { ($0, it.source($0)) }
          return ReferenceArray(shape: it.images) { pixel in
            places.reduce(0) { $0 + ($1.1 == pixel ? x[0][$1.0] : 0) }
          }
        }
      })
  }
}
