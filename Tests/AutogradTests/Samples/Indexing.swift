import Autograd

extension Variable {
  static var indexingSamples: [OperationSamples] {
    let indices = IndexTensor([2, 0, 2, 1, 2, 2], shape: [2, 3])
    let column = IndexTensor([1, 1, 0])
    return [
      OperationSamples(
        "take",
        [
          movingSample([3, 17], to: [2, 3, 17], "axis 0", { $0.take(indices) }) {
            [Int(indices.values[$0[0] * 3 + $0[1]]), $0[2]]
          },
          movingSample([2, 4], to: [2, 3], "axis -1", { $0.take(column, axis: -1) }) {
            [$0[0], Int(column.values[$0[1]])]
          },
          movingSample([3], to: [0], "nothing", { $0.take(IndexTensor([Int]())) }) { $0 },
        ]),
      OperationSamples(
        "takeAlong",
        [
          movingSample([3, 3], to: [2, 3], "axis 0", { $0.takeAlong(indices, axis: 0) }) {
            [Int(indices.values[$0[0] * 3 + $0[1]]), $0[1]]
          },
          movingSample([2, 5], to: [2, 3], "axis -1", { $0.takeAlong(indices, axis: -1) }) {
            [$0[0], Int(indices.values[$0[0] * 3 + $0[1]])]
          },
        ]),
      OperationSamples(
        "scatterAdd",
        [
          OperationSample([.init([3, 17]), .init([2, 3, 17])], "axis 0") {
            $0[0].scatterAdd($0[1], at: indices)
          } reference: { x in
            ReferenceArray(shape: [3, 17]) { p in
              indices.values.indices.reduce(x[0][p]) {
                $0 + (Int(indices.values[$1]) == p[0] ? x[1][[$1 / 3, $1 % 3, p[1]]] : 0)
              }
            }
          },
          OperationSample([.init([2, 4]), .init([2, 3])], "axis 1") {
            $0[0].scatterAdd($0[1], at: column, axis: 1)
          } reference: { x in
            ReferenceArray(shape: [2, 4]) { p in
              (0..<3).reduce(x[0][p]) { $0 + (Int(column.values[$1]) == p[1] ? x[1][[p[0], $1]] : 0) }
            }
          },
        ]),
      OperationSamples(
        "scatterAddAlong",
        [
          OperationSample([.init([2, 5]), .init([2, 3])], "axis 1") {
            $0[0].scatterAddAlong($0[1], at: indices, axis: 1)
          } reference: { x in
            ReferenceArray(shape: [2, 5]) { p in
              (0..<3).reduce(x[0][p]) {
                $0 + (Int(indices.values[p[0] * 3 + $1]) == p[1] ? x[1][[p[0], $1]] : 0)
              }
            }
          }
        ]),
      OperationSamples(
        "sort",
        [([33], -1, false), ([4, 3], 0, true), ([1], 0, false), ([2, 0], 1, false)].map {
          (shape: Shape, axis: Int, descending: Bool) in
          OperationSample(
            [.init(shape)], "\(shape) along \(axis)\(descending ? " descending" : "")", hasKinks: true
          ) {
            $0[0].sort(axis: axis, descending: descending).values
          } reference: {
            $0[0].mapLines(along: axis) { $0.sorted(by: descending ? (>) : (<)) }
          }
        }),
      OperationSamples(
        "topK",
        [([2, 17], -1, 3), ([5, 2], 0, 2), ([4], 0, 0)].map { (shape: Shape, axis: Int, k: Int) in
          OperationSample([.init(shape)], "\(k) of \(shape) along \(axis)", hasKinks: true) {
            $0[0].topK(k, axis: axis).values
          } reference: {
            $0[0].mapLines(along: axis) { Array($0.sorted(by: >).prefix(k)) }
          }
        }),
    ]
  }
}
