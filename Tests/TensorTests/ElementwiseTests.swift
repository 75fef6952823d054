import Foundation
import Kernels
import TestSupport
import Testing

import Tensor

@Suite struct ElementwiseTests {
  static let unary: [(UnaryOperation, Range<Float>, @Sendable (Double) -> Double)] = [
    (.negate, -2..<2, { -$0 }), (.absolute, -2..<2, { $0.magnitude }),
    (.sign, -2..<2, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }), (.square, -2..<2, { $0 * $0 }),
    (.squareRoot, 0..<9, { $0.squareRoot() }), (.reciprocal, 0.5..<3, { 1 / $0 }),
    (.reciprocalSquareRoot, 0.1..<9, { 1 / $0.squareRoot() }), (.exp, -9..<9, exp),
    (.expm1, -9..<9, expm1), (.log1p, -0.9..<9, log1p), (.log, 0.01..<9, log), (.sin, -9..<9, sin),
    (.cos, -9..<9, cos), (.tanh, -4..<4, tanh),
    (.erf, -3..<3, erf), (.sigmoid, -9..<9, { 1 / (1 + exp(-$0)) }),
    (.softplus, -9..<9, { log1p(exp($0)) }), (.logSigmoid, -9..<9, { -log1p(exp(-$0)) }),
    (.relu, -2..<2, { Swift.max($0, 0) }), (.relu6, -9..<9, { Swift.min(Swift.max($0, 0), 6) }),
    (
      .geluTanh, -4..<4,
      { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
    ),
    (.geluErf, -4..<4, { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
    (.normalProbability, -4..<4, { 0.5 * erfc(-$0 / 2.0.squareRoot()) }),
    (.quickGelu, -4..<4, { $0 / (1 + exp(-1.702 * $0)) }), (.silu, -4..<4, { $0 / (1 + exp(-$0)) }),
    (.floor, -9..<9, { $0.rounded(.down) }), (.ceil, -9..<9, { $0.rounded(.up) }),
    (.round, -9..<9, { $0.rounded(.toNearestOrEven) }),
  ]

  @Test(arguments: Layout.allCases)
  func functionsOfOneNumber(layout: Layout) {
    #expect(Set(Self.unary.map(\.0)).count == UnaryOperation.allCases.count)
    for (operation, range, function) in Self.unary {
      for shape in [[17], [5, 17], [3, 0, 2]] as [Shape] {
        let x = layout.tensor(shape, in: range)
        let expected = NaiveArray(NaiveArray(x).values.map(function), shape: Array(shape))
        let difference = expected.difference(from: x.map(operation), absolute: 2e-6, relative: 2e-6)
        #expect(difference == nil, "\(operation)")
      }
    }
  }

  @Test(arguments: Layout.allCases)
  func everyShapeAndLayout(layout: Layout) {
    for shape in sampleShapes + [[70, 301], [2, 40_000]] {
      let x = layout.tensor(shape)
      #expect(
        NaiveArray(NaiveArray(x).values.map { $0 * $0 }, shape: Array(shape)).difference(from: x.square())
          == nil)
      #expect(NaiveArray(x).difference(from: x.contiguous()) == nil)
      #expect(x.contiguous().isContiguous)
      #expect(x.scalars.map(Double.init) == NaiveArray(x).values)
    }
  }

  @Test func publicFunctionsUseTheirKernel() {
    let x = Layout.contiguous.tensor([40], in: 0.1..<3)
    let functions: [(UnaryOperation, Tensor)] = [
      (.negate, -x), (.absolute, x.abs()), (.sign, x.sign()), (.square, x.square()), (.squareRoot, x.sqrt()),
      (.reciprocal, x.reciprocal()), (.reciprocalSquareRoot, x.rsqrt()), (.exp, x.exp()), (.log, x.log()),
      (.expm1, x.expm1()), (.log1p, x.log1p()),
      (.sin, x.sin()), (.cos, x.cos()), (.tanh, x.tanh()), (.erf, x.erf()), (.sigmoid, x.sigmoid()),
      (.softplus, x.softplus()), (.logSigmoid, x.logSigmoid()), (.relu, x.relu()), (.relu6, x.relu6()),
      (.geluTanh, x.gelu()), (.geluErf, x.gelu(exact: true)), (.quickGelu, x.quickGelu()), (.silu, x.silu()),
      (.normalProbability, x.normalProbability()),
      (.floor, x.floor()), (.ceil, x.ceil()), (.round, x.round()),
    ]
    for (operation, result) in functions { #expect(result == x.map(operation), "\(operation)") }
  }

  static let binary: [(String, @Sendable (Tensor, Tensor) -> Tensor, @Sendable (Double, Double) -> Double)] =
    [
      ("+", { $0 + $1 }, { $0 + $1 }), ("-", { $0 - $1 }, { $0 - $1 }), ("*", { $0 * $1 }, { $0 * $1 }),
      ("/", { $0 / $1 }, { $0 / $1 }), ("pow", { $0.pow($1) }, { Foundation.pow($0, $1) }),
      ("maximum", { $0.maximum($1) }, { Swift.max($0, $1) }),
      ("minimum", { $0.minimum($1) }, { Swift.min($0, $1) }),
      (".==", { $0 .== $1 }, { $0 == $1 ? 1 : 0 }), (".!=", { $0 .!= $1 }, { $0 != $1 ? 1 : 0 }),
      (".<", { $0 .< $1 }, { $0 < $1 ? 1 : 0 }), (".<=", { $0 .<= $1 }, { $0 <= $1 ? 1 : 0 }),
      (".>", { $0 .> $1 }, { $0 > $1 ? 1 : 0 }), (".>=", { $0 .>= $1 }, { $0 >= $1 ? 1 : 0 }),
      (
        "+=",
        {
          var a = $0.expand(to: $0.shape.broadcast(with: $1.shape)!); a += $1; return a
        }, { $0 + $1 }
      ),
      (
        "-=",
        {
          var a = $0.expand(to: $0.shape.broadcast(with: $1.shape)!); a -= $1; return a
        }, { $0 - $1 }
      ),
      (
        "*=",
        {
          var a = $0.expand(to: $0.shape.broadcast(with: $1.shape)!); a *= $1; return a
        }, { $0 * $1 }
      ),
      (
        "/=",
        {
          var a = $0.expand(to: $0.shape.broadcast(with: $1.shape)!); a /= $1; return a
        }, { $0 / $1 }
      ),
    ]

  static let pairs: [(Shape, Shape)] = [
    ([], []), ([17], []), ([], [2, 3]), ([5, 17], [17]), ([5, 17], [5, 1]), ([5, 1], [1, 17]),
    ([2, 3, 4], [3, 1]), ([0, 3], [1, 3]), ([4, 1, 3, 1], [2, 1, 5]), ([40, 40], [40, 40]),
    ([150, 151], [151]), ([1, 2, 1, 2, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1, 2, 1]),
  ]

  @Test(arguments: Layout.allCases)
  func functionsOfTwoNumbersBroadcast(layout: Layout) {
    for (name, operation, function) in Self.binary {
      for (left, right) in Self.pairs where left.elementCount < 10_000 {
        // Rounded to quarters, so that some are equal.
        let a = (layout.tensor(left, in: 0.5..<3) * 4).round() / 4
        let x = layout == .contiguous ? a : a + layout.tensor(left, in: 0.5..<0.5000001) * 0
        let y = (Layout.contiguous.tensor(right, seed: 2, in: 0.5..<3) * 4).round() / 4
        check(name, operation, function, x, y)
        check(name, operation, function, y, x)
      }
    }
  }

  @Test(arguments: Layout.allCases, Layout.allCases)
  func everyPairOfLayouts(left: Layout, right: Layout) {
    for (a, b) in Self.pairs where a.elementCount < 10_000 || left == right {
      let (x, y) = (left.tensor(a), right.tensor(b, seed: 2))
      check("-", { $0 - $1 }, { $0 - $1 }, x, y)
      check("-", { $0 - $1 }, { $0 - $1 }, y, x)
    }
  }

  private func check(
    _ name: String, _ operation: (Tensor, Tensor) -> Tensor, _ function: (Double, Double) -> Double,
    _ a: Tensor, _ b: Tensor, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let shape = a.shape.broadcast(with: b.shape) else { return }
    let (x, y) = (NaiveArray(a), NaiveArray(b))
    let expected = NaiveArray(shape: Array(shape)) { function(x.broadcast(at: $0), y.broadcast(at: $0)) }
    let difference = expected.difference(from: operation(a, b), absolute: 1e-6, relative: 2e-6)
    #expect(difference == nil, "\(name) of \(a.shape) and \(b.shape)", sourceLocation: sourceLocation)
  }

  @Test(arguments: Layout.allCases)
  func numbersOnEitherSide(layout: Layout) {
    let x = layout.tensor([5, 17], in: 1..<3)
    let values = NaiveArray(x).values
    func check(_ name: String, _ result: Tensor, _ function: (Double) -> Double) {
      let difference = NaiveArray(values.map(function), shape: [5, 17]).difference(from: result)
      #expect(difference == nil, "\(name)")
    }
    check("x + n", x + 2.5) { $0 + 2.5 }
    check("x - n", x - 2.5) { $0 - 2.5 }
    check("x * n", x * 2.5) { $0 * 2.5 }
    check("x / n", x / 2.5) { $0 / 2.5 }
    check("n + x", 2.5 + x) { 2.5 + $0 }
    check("n - x", 2.5 - x) { 2.5 - $0 }
    check("n * x", 2.5 * x) { 2.5 * $0 }
    check("n / x", 2.5 / x) { 2.5 / $0 }
    check("pow", x.pow(2)) { $0 * $0 }
    check("clamp", x.clamp(min: 1.5, max: 2.5)) { Swift.min(Swift.max($0, 1.5), 2.5) }
    check("clamp above", x.clamp(min: 1.5)) { Swift.max($0, 1.5) }
    check(".==", (x * 0) .== 0) { _ in 1 }
    check(".!=", (x * 0) .!= 0) { _ in 0 }
    check(".<", x .< 2) { $0 < 2 ? 1 : 0 }
    check(".<=", x .<= 2) { $0 <= 2 ? 1 : 0 }
    check(".>", x .> 2) { $0 > 2 ? 1 : 0 }
    check(".>=", x .>= 2) { $0 >= 2 ? 1 : 0 }
    var y = x
    y += 1
    y *= 3
    y -= 0.5
    y /= 2
    check("in place", y) { (($0 + 1) * 3 - 0.5) / 2 }
    #expect(NaiveArray(x).values == values)
  }

  @Test(arguments: Layout.allCases)
  func whereBroadcastsAllThree(layout: Layout) {
    let shapes: [(Shape, Shape, Shape)] = [
      ([5, 17], [5, 17], [5, 17]), ([17], [5, 1], []), ([], [3], [2, 1]), ([0], [1], [1]),
      ([2, 1, 4], [3, 1], [4]),
      // Each operand in turn is the one that keeps the axes from being walked as one.
      ([5, 17], [5, 17], [17]), ([5, 17], [17], [5, 17]), ([17], [5, 17], [5, 17]),
      ([5, 17], [5, 17], [5, 1]),
    ]
    for (c, a, b) in shapes {
      let (condition, x, y) = (layout.tensor(c) .> 0, layout.tensor(a, seed: 2), layout.tensor(b, seed: 3))
      let result = `where`(condition, x, y)
      let (p, q, r) = (NaiveArray(condition), NaiveArray(x), NaiveArray(y))
      let expected = NaiveArray(shape: Array(result.shape)) {
        p.broadcast(at: $0) != 0 ? q.broadcast(at: $0) : r.broadcast(at: $0)
      }
      #expect(result.shape == c.broadcast(with: a)?.broadcast(with: b))
      #expect(expected.difference(from: result, absolute: 0, relative: 0) == nil)
    }
  }

  @Test func notANumberIsNotLost() {
    let x = Tensor([.nan, 1, -.infinity, .infinity])
    #expect(x.maximum(Tensor([0, .nan, 0, 0])).scalars.map(\.isNaN) == [true, true, false, false])
    #expect(x.minimum(Tensor([0, .nan, 0, 0])).scalars.map(\.isNaN) == [true, true, false, false])
    #expect(x.clamp(min: 0, max: 1).scalars.map(\.isNaN) == [true, false, false, false])
    #expect(x.relu().scalars[0].isNaN)
    #expect((x .== x).scalars == [0, 1, 1, 1])
    #expect((x .!= x).scalars == [1, 0, 0, 0])
    #expect(x != x)
  }

  /// One short row for many is combined in blocks of rows; the last block is not full.
  @Test(arguments: Layout.allCases, [2, 3, 64])
  func shortRowsRepeat(layout: Layout, columns: Int) {
    let x = layout.tensor([3, 701, columns])
    let whole = NaiveArray(x).values
    for shape in [[columns], [1, 1, columns]] as [Shape] {
      let row = layout.tensor(shape, seed: 2)
      let part = NaiveArray(row).values
      let difference = whole.enumerated().map { $0.element - part[$0.offset % columns] }
      let expected = NaiveArray(difference, shape: Array(x.shape))
      #expect(expected.difference(from: x - row) == nil)
      #expect(NaiveArray(difference.map { -$0 }, shape: Array(x.shape)).difference(from: row - x) == nil)
    }
    #expect(x.pow(2) == x.square())
  }

  @Test func scaledSum() {
    for layout in Layout.allCases {
      var x = layout.tensor([150, 151])
      let y = layout.tensor([150, 151], seed: 2)
      let (a, b) = (NaiveArray(x), NaiveArray(y))
      x.add(y, scaledBy: -0.5)
      let expected = NaiveArray(shape: a.shape) { a[$0] - 0.5 * b[$0] }
      #expect(expected.difference(from: x) == nil, "\(layout)")
    }
  }

  @Test func equality() {
    let x = Layout.contiguous.tensor([4, 5])
    #expect(x == x.transpose().contiguous().transpose())
    #expect(x != x.reshape([5, 4]))
    #expect(x.isApproximatelyEqual(to: x + 1e-7))
    #expect(!x.isApproximatelyEqual(to: x + 1e-3))
    #expect(x.isApproximatelyEqual(to: x + 1e-3, absolute: 2e-3))
    #expect(Tensor([1000]).isApproximatelyEqual(to: Tensor([1001]), absolute: 0, relative: 1e-2))
    #expect(!Tensor([Float.nan]).isApproximatelyEqual(to: Tensor([Float.nan])))
    #expect(Tensor([Float.infinity]).isApproximatelyEqual(to: Tensor([Float.infinity])))
  }

  @Test(arguments: Layout.allCases)
  func finiteMeansEveryElement(_ layout: Layout) {
    #expect(layout.tensor([3, 5]).isFinite)
    for odd in [Float.nan, .infinity, -.infinity] {
      for place in [0, 7, 14] {
        var scalars = layout.tensor([3, 5]).scalars
        scalars[place] = odd
        #expect(!Tensor(scalars, shape: [3, 5]).isFinite)
      }
    }
    #expect(Tensor([], shape: [0, 5]).isFinite)
  }
}
