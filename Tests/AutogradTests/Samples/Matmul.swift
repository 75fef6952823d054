import Autograd

extension Variable {
  static var matmulSamples: [OperationSamples] {
    let shapes: [(Shape, Shape)] = [
      ([2, 3], [3, 4]), ([17, 33], [33, 15]), ([1, 1], [1, 1]), ([3], [3]), ([3], [3, 4]), ([2, 3], [3]),
      ([2, 5, 3], [3, 4]), ([2, 2, 5, 3], [3, 4]), ([5, 3], [2, 3, 4]), ([2, 1, 5, 3], [3, 3, 4]),
      ([2, 5, 3], [2, 3, 4]), ([2, 5, 3], [3]), ([3], [2, 3, 4]), ([0, 3], [3, 4]), ([2, 0], [0, 4]),
    ]
    return [
      OperationSamples(
        "matmul",
        shapes.map { a, b in
          OperationSample([.init(a), .init(b)]) {
            $0[0].matmul($0[1])
          } reference: {
            $0[0].matmul($0[1])
          }
        })
    ]
  }
}
