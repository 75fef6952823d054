import Autograd
import Foundation

enum AdaptivePoolingSamples {
  private static let cases: [(Shape, (height: Int, width: Int))] = [
    ([2, 3, 4, 6], (2, 3)), ([1, 2, 5, 7], (3, 4)), ([2, 1, 3, 2], (5, 3)), ([1, 17, 4, 3], (1, 1)),
    ([1, 1, 1, 1], (2, 2)), ([0, 2, 4, 4], (2, 2)),
  ]

  static var average: OperationSamples {
    OperationSamples(
      "adaptiveAveragePool2d",
      cases.map { shape, size in
        OperationSample([.init(shape)], "\(shape) to \(size)") {
          $0[0].adaptiveAveragePool2d(size)
        } reference: {
          reference($0[0], size) { $0.reduce(0, +) / Double($0.count) }
        }
      })
  }

  static var maximum: OperationSamples {
    OperationSamples(
      "adaptiveMaxPool2d",
      cases.map { shape, size in
        OperationSample([.init(shape)], "\(shape) to \(size)", hasKinks: true) {
          $0[0].adaptiveMaxPool2d(size)
        } reference: {
          reference($0[0], size) { $0.max()! }
        }
      })
  }

  private static func reference(
    _ x: ReferenceArray, _ size: (height: Int, width: Int), _ fold: ([Double]) -> Double
  ) -> ReferenceArray {
    func window(_ index: Int, _ count: Int, _ length: Int) -> [Int] {
      let scale = Double(length) / Double(count)
      return (0..<length).filter {
        Double($0) + 1 > Double(index) * scale + 1e-9 && Double($0) < Double(index + 1) * scale - 1e-9
      }
    }
    return ReferenceArray(shape: [x.shape[0], x.shape[1], size.height, size.width]) { position in
      fold(
        window(position[2], size.height, x.shape[2]).flatMap { row in
          window(position[3], size.width, x.shape[3]).map { x[[position[0], position[1], row, $0]] }
        })
    }
  }
}
