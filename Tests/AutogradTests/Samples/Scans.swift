import Autograd

extension Variable {
  static var scanSamples: [OperationSamples] {
    [
      OperationSamples(
        "cumulativeSum",
        [([33], -1, false), ([3, 4], 0, true), ([2, 3, 5], 1, false), ([0, 3], 1, false)].map {
          (shape: Shape, axis: Int, reverse: Bool) in
          OperationSample([.init(shape)], "\(shape) along \(axis)\(reverse ? " reversed" : "")") {
            $0[0].cumulativeSum(axis: axis, reverse: reverse)
          } reference: {
            $0[0].mapLines(along: axis) { line in
              line.indices.map { line[reverse ? $0..<line.count : 0..<$0 + 1].reduce(0, +) }
            }
          }
        }),
      extremeSamples("cumulativeMax", { $0.cumulativeMax(axis: $1).values }, Swift.max),
      extremeSamples("cumulativeMin", { $0.cumulativeMin(axis: $1).values }, Swift.min),
      OperationSamples(
        "cumulativeProduct",
        [([9], -1), ([3, 4], 0), ([2, 3, 5], 1), ([0, 3], 1)].map { (shape: Shape, axis: Int) in
          OperationSample([.init(shape)], "\(shape) along \(axis)") {
            $0[0].cumulativeProduct(axis: axis)
          } reference: {
            $0[0].mapLines(along: axis) { line in line.indices.map { line[...$0].reduce(1, *) } }
          }
        }),
    ]
  }

  private static func extremeSamples(
    _ name: String, _ forward: @escaping (Variable, Int) -> Variable,
    _ extreme: @escaping (Double, Double) -> Double
  ) -> OperationSamples {
    OperationSamples(
      name,
      [([33], -1), ([3, 4], 0), ([2, 3, 5], 1), ([0, 3], 1)].map { (shape: Shape, axis: Int) in
        OperationSample([.init(shape)], "\(shape) along \(axis)", hasKinks: true) {
          forward($0[0], axis)
        } reference: {
          $0[0].mapLines(along: axis) { line in
            line.indices.map { line[1..<Swift.max($0 + 1, 1)].reduce(line[0], extreme) }
          }
        }
      })
  }
}
