import Autograd

extension Variable {
  static var subscriptSamples: [OperationSamples] {
    let picks = IndexTensor([2, 0, -1, 2])
    let column = IndexTensor([1, 0], shape: [2, 1])
    return [
      OperationSamples(
        "subscript",
        [
          movingSample(
            [3, 4, 5], to: [1, 3, 2], "a new axis, a position, a range", { $0[.newAxis, 0..., 1, 1..<3] }
          ) {
            [$0[1], 1, $0[2] + 1]
          },
          movingSample([3, 17], to: [3, 6], "strides", { $0[0..., .stride(by: -3)] }) {
            [$0[0], 16 - 3 * $0[1]]
          },
          movingSample([3, 17], to: [4, 17], "picks", { $0[picks] }) { [[2, 0, 2, 2][$0[0]], $0[1]] },
          movingSample(
            [2, 3, 4], to: [2, 4, 2], "picks of two axes",
            { $0[0..., picks[0..., .newAxis], IndexTensor([3, 1])] }
          ) {
            [$0[0], [2, 0, 2, 2][$0[1]], [3, 1][$0[2]]]
          },
          movingSample([3, 2, 3], to: [2, 4, 2], "picks apart", { $0[picks, 0..., column] }) {
            [[2, 0, 2, 2][$0[1]], $0[2], 1 - $0[0]]
          },
          movingSample([2, 3], to: [2, 2], "a mask", { $0[0..., Tensor([1, 0, 1])] }) { [$0[0], 2 * $0[1]] },
          movingSample([2, 3], to: [0, 3], "a mask of nothing", { $0[Tensor([0, 0])] }) { $0 },
        ]),
      OperationSamples(
        "placed",
        [
          movingSample([2], to: [2, 3], "at [0..., 1]", { $0.placed(Shape([2, 3]).part([0..., 1])) }) {
            $0[1] == 1 ? [$0[0]] : nil
          },
          OperationSample([.init([4, 5])], "where some are picked twice") {
            $0[0].placed(Shape([3, 5]).part([picks]))
          } reference: { x in
            ReferenceArray(shape: [3, 5]) { place in
              [2, 0, 2, 2].indices.reduce(0) {
                $0 + ([2, 0, 2, 2][$1] == place[0] ? x[0][[$1, place[1]]] : 0)
              }
            }
          },
        ]),
      OperationSamples(
        "assign",
        [
          assignment([3, 4], [2], "a range, broadcast", { $0[1..., .stride(by: 3)] = $1 }) {
            $0[0] >= 1 && $0[1] % 3 == 0 ? [$0[1] / 3] : nil
          },
          assignment([3, 5], [5], "a row", { $0[-1] = $1 }) { $0[0] == 2 ? [$0[1]] : nil },
          assignment([3, 5], [4, 5], "picks, some twice", { $0[picks] = $1 }) {
            $0[0] == 1 ? nil : [[1, 0, 3][$0[0]], $0[1]]
          },
          assignment([2, 3], [], "a mask", { $0[Tensor([[1, 0, 1], [0, 0, 1]])] = $1 }) {
            $0[1] == 2 || $0 == [0, 0] ? [] : nil
          },
        ]),
      OperationSamples(
        "indexPut",
        [
          OperationSample([.init([3, 5]), .init([4, 5])], "added") {
            $0[0].indexPut($0[1], at: [picks], accumulate: true)
          } reference: { x in
            ReferenceArray(shape: [3, 5]) { place in
              [2, 0, 2, 2].indices.reduce(x[0][place]) {
                $0 + ([2, 0, 2, 2][$1] == place[0] ? x[1][[$1, place[1]]] : 0)
              }
            }
          }
        ]),
    ]
  }

  /// A sample of an assignment: an element of the result comes from position `source` of the updates, or stays.
  private static func assignment(
    _ shape: Shape, _ updates: Shape, _ description: String,
    _ assign: @escaping (inout Variable, Variable) -> Void,
    source: @escaping ([Int]) -> [Int]?
  ) -> OperationSample {
    OperationSample([.init(shape), .init(updates)], description, tolerance: 1e-6) {
      var x = $0[0]
      assign(&x, $0[1])
      return x
    } reference: { x in
      ReferenceArray(shape: shape) { place in source(place).map { x[1][$0] } ?? x[0][place] }
    }
  }
}
