import Autograd

extension Variable {
  /// Samples of an operation on two operands: equal shapes, broadcasting both ways, a scalar, odd sizes, no elements.
  static func binarySamples(
    _ name: String, in range: Range<Float> = -2..<2, divisor: Range<Float>? = nil, hasKinks: Bool = false,
    _ forward: @escaping (Variable, Variable) -> Variable,
    reference: @escaping (Double, Double) -> Double
  ) -> OperationSamples {
    let shapes: [(Shape, Shape)] = [
      ([3, 4], [3, 4]), ([2, 3, 17], [17]), ([4, 1], [1, 5]), ([], [3]), ([33], [33]), ([15], []),
      ([16], [1]),
      ([0, 3], [3]),
    ]
    return OperationSamples(
      name,
      shapes.map { a, b in
        OperationSample(
          [.init(a, in: range), .init(b, in: divisor ?? range)], hasKinks: hasKinks,
          forward: { forward($0[0], $0[1]) },
          reference: { $0[0].combine($0[1], reference) })
      })
  }

  /// Samples of an operation on one operand, element by element: sizes around the widths of vectors, no axes, no
  /// elements.
  static func unarySamples(
    _ name: String, in range: Range<Float> = -2..<2, hasKinks: Bool = false,
    _ forward: @escaping (Variable) -> Variable,
    composition: ((Variable) -> Variable)? = nil, reference: @escaping (Double) -> Double
  ) -> OperationSamples {
    let shapes: [Shape] = [[], [1], [15], [16], [17], [33], [2, 3, 5], [0, 2]]
    return OperationSamples(
      name,
      shapes.map { shape in
        OperationSample(
          [.init(shape, in: range)], hasKinks: hasKinks, forward: { forward($0[0]) },
          composition: composition.map { composition in { composition($0[0]) } },
          reference: { $0[0].map(reference) })
      })
  }

  /// A sample of an operation that moves elements: the one at a position of the result comes from position `source` of
  /// the input, or is `padding` where there is none.
  static func movingSample(
    _ input: Shape, to output: Shape, _ description: String, padding: Double = 0,
    _ forward: @escaping (Variable) -> Variable, source: @escaping ([Int]) -> [Int]?
  ) -> OperationSample {
    OperationSample([.init(input)], "\(input) \(description)", tolerance: 1e-6) {
      forward($0[0])
    } reference: { x in
      ReferenceArray(shape: output) { position in source(position).map { x[0][$0] } ?? padding }
    }
  }
}
