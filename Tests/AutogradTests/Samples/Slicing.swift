import Autograd

extension Variable {
  private func embedded(in shape: Shape, axis: Int, _ range: Range<Int>, by step: Int) -> Variable {
    embedded(in: shape, shape.slice(axis: axis, range, step: step, of: "embed"))
  }

  static var slicingSamples: [OperationSamples] {
    [
      OperationSamples(
        "slice",
        [
          movingSample([5, 3], to: [2, 3], "1..<3", { $0.slice(1..<3, axis: 0) }) { [$0[0] + 1, $0[1]] },
          movingSample([3, 17], to: [3, 6], "0..<17 by 3", { $0.slice(0..<17, axis: -1, step: 3) }) {
            [$0[0], $0[1] * 3]
          },
          movingSample([3, 17], to: [3, 5], "2..<16 by -3", { $0.slice(2..<16, axis: 1, step: -3) }) {
            [$0[0], 15 - $0[1] * 3]
          },
          movingSample([5], to: [3], "1..<4 by -1", { $0.slice(1..<4, axis: 0, step: -1) }) { [3 - $0[0]] },
          movingSample([5], to: [2], "-2..<0", { $0.slice(-2..<0, axis: 0) }) { [$0[0] + 3] },
          movingSample([4, 3], to: [0, 3], "2..<2", { $0[2..<2] }) { $0 },
          movingSample([5], to: [4], "..<(-1)", { $0[..<(-1)] }) { $0 },
          movingSample([5, 2], to: [3, 2], "(-3)...", { $0[(-3)...] }) { [$0[0] + 2, $0[1]] },
          movingSample([5], to: [3], "1...(-2)", { $0[AxisBounds(lower: 1, upper: -2, includesUpper: true)] })
          {
            [$0[0] + 1]
          },
          movingSample([2, 5], to: [2, 2], "narrow", { $0.narrow(start: -3, length: 2, axis: 1) }) {
            [$0[0], $0[1] + 2]
          },
          movingSample([4, 6], to: [4, 2], "split", { $0.split(parts: 3, axis: 1)[1] }) {
            [$0[0], $0[1] + 2]
          },
          movingSample([4, 6], to: [3, 6], "split", { $0.split(sizes: [1, 3])[1] }) { [$0[0] + 1, $0[1]] },
        ]),
      OperationSamples(
        "embed",
        [
          movingSample(
            [2, 3], to: [5, 3], "1..<5 by 2", { $0.embedded(in: [5, 3], axis: 0, 1..<5, by: 2) }
          ) {
            $0[0] % 2 == 1 ? [$0[0] / 2, $0[1]] : nil
          },
          movingSample([3], to: [5], "0..<5 by -2", { $0.embedded(in: [5], axis: 0, 0..<5, by: -2) }) {
            $0[0] % 2 == 0 ? [2 - $0[0] / 2] : nil
          },
        ]),
      OperationSamples(
        "flip",
        [
          movingSample([3, 5], to: [3, 5], "axis 1", { $0.flip(axis: 1) }) { [$0[0], 4 - $0[1]] },
          movingSample([17], to: [17], "axis -1", { $0.flip(axis: -1) }) { [16 - $0[0]] },
          movingSample([0, 2], to: [0, 2], "axis 0", { $0.flip(axis: 0) }) { $0 },
        ]),
      OperationSamples(
        "roll",
        [
          movingSample([3, 17], to: [3, 17], "by 20", { $0.roll(20, axis: 1) }) {
            [$0[0], ($0[1] + 14) % 17]
          },
          movingSample([3, 5], to: [3, 5], "all by -7", { $0.roll(-7) }) {
            let place = ($0[0] * 5 + $0[1] + 7) % 15
            return [place / 5, place % 5]
          },
          movingSample([0, 2], to: [0, 2], "nothing", { $0.roll(1, axis: 0) }) { $0 },
        ]),
      OperationSamples(
        "select",
        [
          movingSample([3, 5], to: [5], "[-1]", { $0[-1] }) { [2, $0[0]] },
          movingSample([3, 5], to: [3], "2 of axis 1", { $0.select(2, axis: 1) }) { [$0[0], 2] },
          movingSample([1], to: [], "[0]", { $0[0] }) { _ in [0] },
        ]),
      OperationSamples(
        "pad",
        [
          movingSample([2, 3], to: [3, 6], "with 7", padding: 7, { $0.pad([(1, 0), (1, 2)], value: 7) }) {
            $0[0] >= 1 && (1...3).contains($0[1]) ? [$0[0] - 1, $0[1] - 1] : nil
          },
          movingSample([15], to: [17], "with 0", { $0.pad([(2, 0)]) }) { $0[0] >= 2 ? [$0[0] - 2] : nil },
          movingSample([0], to: [2], "with 0", { $0.pad([(1, 1)]) }) { _ in nil },
        ]),
      OperationSamples(
        "concatenate",
        [
          OperationSample([.init([2, 3]), .init([2, 0]), .init([2, 14])], tolerance: 1e-6) {
            concatenate($0, axis: -1)
          } reference: { x in
            ReferenceArray(shape: [2, 17]) { $0[1] < 3 ? x[0][$0] : x[2][[$0[0], $0[1] - 3]] }
          },
          OperationSample([.init([1]), .init([2])], tolerance: 1e-6) {
            concatenate($0)
          } reference: {
            ReferenceArray($0[0].values + $0[1].values, shape: [3])
          },
        ]),
      OperationSamples(
        "stack",
        [
          OperationSample([.init([2, 3]), .init([2, 3])], "axis 1", tolerance: 1e-6) {
            stack($0, axis: 1)
          } reference: { x in
            ReferenceArray(shape: [2, 2, 3]) { x[$0[1]][[$0[0], $0[2]]] }
          },
          OperationSample([.init([2]), .init([2]), .init([2])], "axis -1", tolerance: 1e-6) {
            stack($0, axis: -1)
          } reference: { x in
            ReferenceArray(shape: [2, 3]) { x[$0[1]][[$0[0]]] }
          },
        ]),
    ]
  }
}
