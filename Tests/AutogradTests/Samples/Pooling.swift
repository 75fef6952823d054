import Autograd

enum PoolingSamples {
  private typealias Case = (
    shape: Shape, window: (Int, Int), stride: (Int, Int)?, padding: Padding2D, name: String
  )

  private static var cases: [Case] {
    [
      ([2, 3, 4, 6], (2, 3), nil, .zero, "tiles"), ([1, 2, 5, 5], (3, 3), (2, 2), .zero, "overlapping"),
      ([2, 1, 5, 6], (3, 2), (2, 3), Padding2D(top: 1, bottom: 0, left: 0, right: 1), "uneven padding"),
      ([1, 1, 1, 1], (1, 1), nil, .zero, "one number"),
      ([1, 17, 3, 3], (2, 2), (1, 1), .zero, "17 channels"),
    ]
  }

  static var average: OperationSamples {
    OperationSamples(
      "averagePool2d",
      [true, false].flatMap { countsPadding in
        cases.map { it in
          OperationSample(
            [.init(it.shape)], "\(it.name)\(countsPadding ? ", padding counts" : "")",
            forward: {
              $0[0].averagePool2d(
                window: it.window, stride: it.stride, padding: it.padding, countsPadding: countsPadding)
            },
            reference: {
              reference($0[0], it) { inside, size in
                inside.reduce(0, +) / Double(countsPadding ? size : inside.count)
              }
            })
        }
      })
  }

  static var maximum: OperationSamples {
    OperationSamples(
      "maxPool2d",
      cases.map { it in
        OperationSample(
          [.init(it.shape)], it.name, hasKinks: true,
          forward: { $0[0].maxPool2d(window: it.window, stride: it.stride, padding: it.padding) },
          reference: { reference($0[0], it) { inside, _ in inside.max() ?? -.infinity } })
      })
  }

  static var globalAverage: OperationSamples {
    OperationSamples(
      "globalAveragePool2d",
      [[2, 3, 4, 5], [1, 1, 1, 1]].map { (shape: Shape) in
        OperationSample(
          [.init(shape)], forward: { $0[0].globalAveragePool2d() },
          reference: { $0[0].fold(axes: [2, 3]) { $0.reduce(0, +) / Double($0.count) } })
      })
  }

  /// Folds the elements inside the image of every window, given them and the window's size.
  private static func reference(
    _ x: ReferenceArray, _ it: Case, _ fold: ([Double], Int) -> Double
  ) -> ReferenceArray {
    let stride = it.stride ?? it.window
    let rows = (x.shape[2] + it.padding.top + it.padding.bottom - it.window.0) / stride.0 + 1
    let columns = (x.shape[3] + it.padding.left + it.padding.right - it.window.1) / stride.1 + 1
    return ReferenceArray(shape: [x.shape[0], x.shape[1], rows, columns]) { position in
      var inside: [Double] = []
      for place in ReferenceArray.positions(of: [it.window.0, it.window.1]) {
        let row = position[2] * stride.0 + place[0] - it.padding.top
        let column = position[3] * stride.1 + place[1] - it.padding.left
        guard (0..<x.shape[2]).contains(row), (0..<x.shape[3]).contains(column) else { continue }
        inside.append(x[[position[0], position[1], row, column]])
      }
      return fold(inside, it.window.0 * it.window.1)
    }
  }
}
