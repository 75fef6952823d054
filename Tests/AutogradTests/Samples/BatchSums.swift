import Autograd

extension Variable {
  static var batchSumsSamples: [OperationSamples] {
    // As of three parts that have the same.
    let sums = BatchSums(rowCount: 3, isFirst: true) { $0 * 3 }
    return [
      OperationSamples(
        "sumOfParts",
        ([[3, 4], [17], []] as [Shape]).map { shape in
          OperationSample([.init(shape)]) {
            sums($0[0])
          } composition: {
            $0[0] * 3
          } reference: {
            $0[0].combine($0[0]) { x, _ in x * 3 }
          }
        })
    ]
  }
}
