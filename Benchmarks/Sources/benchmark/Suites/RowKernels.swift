import Autograd

/// `kernels/gelu/1568x768`: an operation and its gradients, for a gradient that is given.
enum RowKernels {
  static var work: [Work] {
    [[1568, 768], [1568, 3072]].flatMap { shape in
      [
        work("gelu", shape, passes: 5) { $0[0].gelu() },
        work("layer-norm", shape, passes: 5, vectors: 2) {
          layerNorm($0[0], scale: $0[1], offset: $0[2], epsilon: 1e-6)
        },
        work("softmax", shape, passes: 5) { $0[0].softmax() },
        work("add", shape, matrices: 2, passes: 3) { $0[0] + $0[1] },
        work("sum", shape, passes: 1) { $0[0].sum() },
      ]
    }
  }

  /// - Parameters:
  ///   - passes: How often each element must be read or written at least.
  ///   - vectors: Operands as long as a row.
  private static func work(
    _ operation: String, _ sizes: [Int], matrices: Int = 1, passes: Int, vectors: Int = 0,
    _ body: @escaping ([Variable]) -> Variable
  ) -> Work {
    let shape = Shape(sizes)
    return Work(name: "kernels/\(operation)/\(sizes[0])x\(sizes[1])", bytes: 4 * passes * shape.elementCount)
    {
      var random = Random(seed: 1)
      let shapes = Array(repeating: shape, count: matrices) + Array(repeating: [sizes[1]], count: vectors)
      let inputs = shapes.map { Variable(random.normal($0), requiresGradient: true) }
      let seed = Variable(random.normal(body(inputs).shape))
      return { _ = gradients(of: body(inputs), withRespectTo: inputs, seed: seed) }
    }
  }
}
