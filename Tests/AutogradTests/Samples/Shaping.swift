import Autograd

extension Variable {
  static var shapingSamples: [OperationSamples] {
    let asVector = { (p: [Int]) in [p[0] * 4 + p[1]] }
    return [
      OperationSamples(
        "reshape",
        [
          movingSample([12], to: [3, 4], "reshape", { $0.reshape([3, -1]) }, source: asVector),
          movingSample([12], to: [3, 4], "view", { $0.reshape([12]).view([3, 4]) }, source: asVector),
          movingSample([3, 4], to: [12], "flatten", { $0.flatten() }) { [$0[0] / 4, $0[0] % 4] },
          movingSample([2, 3, 4], to: [6, 4], "flatten", { $0.flatten(to: 1) }) {
            [$0[0] / 3, $0[0] % 3, $0[1]]
          },
          movingSample([1, 3, 1], to: [3], "squeeze", { $0.squeeze() }) { [0, $0[0], 0] },
          movingSample([3, 1], to: [3], "squeeze(-1)", { $0.squeeze(-1) }) { [$0[0], 0] },
          movingSample([17], to: [17, 1], "unsqueeze(-1)", { $0.unsqueeze(-1) }) { [$0[0]] },
          movingSample([], to: [1], "unsqueeze(0)", { $0.unsqueeze(0) }) { _ in [] },
          movingSample([0, 3], to: [3, 0], "reshape", { $0.reshape([3, 0]) }) { $0 },
        ]),
      OperationSamples(
        "permute",
        [
          movingSample([2, 3, 5], to: [5, 2, 3], "by [2, 0, 1]", { $0.permute([2, 0, 1]) }) {
            [$0[1], $0[2], $0[0]]
          },
          movingSample([4, 17], to: [17, 4], "by [-1, 0]", { $0.permute([-1, 0]) }) { $0.reversed() },
          movingSample([], to: [], "by []", { $0.permute([]) }) { $0 },
        ]),
      OperationSamples(
        "transpose",
        [
          movingSample([2, 3, 5], to: [2, 5, 3], "last two", { $0.transpose() }) { [$0[0], $0[2], $0[1]] },
          movingSample([2, 3, 5], to: [3, 2, 5], "0 and 1", { $0.transpose(0, 1) }) {
            [$0[1], $0[0], $0[2]]
          },
          movingSample([0, 3], to: [3, 0], "last two", { $0.transpose() }) { $0.reversed() },
        ]),
      OperationSamples(
        "expand",
        [
          movingSample([3, 1], to: [2, 3, 4], "to [2, 3, 4]", { $0.expand(to: [2, 3, 4]) }) { [$0[1], 0] },
          movingSample([], to: [33], "to [33]", { $0.expand(to: [33]) }) { _ in [] },
          movingSample([1, 3], to: [0, 3], "to [0, 3]", { $0.expand(to: [0, 3]) }) { $0 },
          movingSample([2, 3], to: [4, 9], "tile [2, 3]", { $0.tile([2, 3]) }) { [$0[0] % 2, $0[1] % 3] },
          movingSample([3], to: [2, 6], "tile [2, 2]", { $0.tile([2, 2]) }) { [$0[1] % 3] },
        ]),
    ]
  }
}
