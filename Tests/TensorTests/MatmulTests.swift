import Foundation
import Kernels
import Tensor
import TestSupport
import Testing

@Suite struct MatmulTests {
  static let shapes: [(Shape, Shape)] = [
    ([3, 4], [4, 5]), ([1, 1], [1, 1]), ([16, 17], [17, 15]), ([33, 40], [40, 35]), ([4], [4]),
    ([4], [4, 3]),
    ([3, 4], [4]), ([2, 3, 4], [4]), ([4], [2, 4, 3]), ([2, 3, 4], [4, 5]), ([3, 4], [2, 4, 5]),
    ([2, 3, 4], [2, 4, 5]), ([2, 1, 3, 4], [5, 4, 2]), ([1, 3, 4], [6, 4, 2]), ([2, 3, 1, 4], [1, 3, 4, 1]),
    ([0, 4], [4, 3]), ([3, 0], [0, 4]), ([3, 4], [4, 0]), ([0, 3, 4], [4, 5]), ([2, 0, 4], [2, 4, 5]),
  ]

  private func product(_ a: Tensor, _ b: Tensor) -> NaiveArray {
    let (x, y) = (NaiveArray(a.rank == 1 ? a.unsqueeze(0) : a), NaiveArray(b.rank == 1 ? b.unsqueeze(1) : b))
    let batch = Shape(x.shape.dropLast(2)).broadcast(with: Shape(y.shape.dropLast(2))).map(Array.init) ?? []
    let (m, k, n) = (x.shape[x.shape.count - 2], x.shape[x.shape.count - 1], y.shape[y.shape.count - 1])
    let full = NaiveArray(shape: batch + [m, n]) { position in
      let outer = Array(position.dropLast(2))
      let (i, j) = (position[position.count - 2], position[position.count - 1])
      func index(_ array: NaiveArray, _ row: Int, _ column: Int) -> Double {
        array[
          zip(array.shape.dropLast(2), outer.suffix(array.shape.count - 2)).map { $0 == 1 ? 0 : $1 }
            + [row, column]]
      }
      return (0..<k).reduce(0) { $0 + index(x, i, $1) * index(y, $1, j) }
    }
    let shape = batch + (a.rank == 1 ? [] : [m]) + (b.rank == 1 ? [] : [n])
    return NaiveArray(full.values, shape: shape)
  }

  @Test(arguments: Layout.allCases, Layout.allCases)
  func everyPairOfLayouts(left: Layout, right: Layout) {
    for (a, b) in Self.shapes {
      let (x, y) = (left.tensor(a), right.tensor(b, seed: 2))
      let difference = product(x, y).difference(from: matmul(x, y), absolute: 1e-5, relative: 1e-5)
      #expect(difference == nil, "\(a) times \(b)")
    }
  }

  @Test func transposedBatches() {
    let x = Layout.contiguous.tensor([2, 5, 3, 8])
    let y = Layout.contiguous.tensor([2, 7, 3, 8], seed: 2)
    // Queries and keys with the heads inside, as attention has them.
    let (queries, keys) = (x.transpose(1, 2), y.permute([0, 2, 3, 1]))
    let difference = product(queries, keys).difference(from: queries.matmul(keys), absolute: 1e-5)
    #expect(difference == nil)
  }

  @Test func biasActivationAndScale() {
    let (x, y) = (Layout.contiguous.tensor([3, 6, 17]), Layout.transposed.tensor([17, 9], seed: 2))
    let bias = Layout.stepped.tensor([9], seed: 3)
    let expected = (matmul(x, y) * 0.5 + bias).gelu()
    let result = x.matmul(y, bias: bias, activation: .gelu, scale: 0.5)
    #expect(result.isApproximatelyEqual(to: expected, absolute: 1e-5))
  }

  @Test func packedMatrices() {
    for (m, k, n) in [(1, 8, 40), (5, 17, 33), (20, 300, 70), (100, 300, 70), (30, 70, 300), (90, 48, 48)] {
      let (x, weight) = (Layout.contiguous.tensor([m, k]), Layout.contiguous.tensor([n, k], seed: 2))
      let packed = weight.packedForProducts()
      #expect(packed == weight)
      let result = matmul(x, packed.transpose())
      let difference = product(x, weight.transpose()).difference(from: result, absolute: 1e-4, relative: 1e-5)
      #expect(difference == nil, "\(m) x \(k) x \(n)")
      // Products of this size pack their operands anyway.
      if m >= 90 { #expect(result == matmul(x, weight.transpose())) }
      for threads in [1, 3] {
        #expect(ThreadPool.withThreadCount(threads) { matmul(x, packed.transpose()) } == result)
      }
      // Panels for other instructions are of another width.
      for table in Kernels.singlePrecisionTables {
        let other = Kernels.withTable(table) { weight.packedForProducts() }
        #expect(matmul(x, other.transpose()).isApproximatelyEqual(to: result, absolute: 1e-4))
      }
      // The panels are of the whole matrix, transposed, and of nothing else.
      let part = matmul(x, packed[0..<1].transpose())
      #expect(part.isApproximatelyEqual(to: matmul(x, weight[0..<1].transpose()), absolute: 1e-4))
      if n == k { #expect(matmul(x, packed) == matmul(x, weight)) }
    }
  }

  @Test func writingToAPackedMatrix() {
    let (x, weight) = (Layout.contiguous.tensor([90, 64]), Layout.contiguous.tensor([64, 64], seed: 2))
    let writes: [(inout Tensor) -> Void] = [
      { $0 += 1 }, { $0 += Tensor.ones([64, 64]) }, { $0.add(Tensor.ones([64, 64]), scaledBy: 1) },
      { $0.withUnsafeMutableScalars { for i in $0.indices { $0[i] += 1 } } },
    ]
    for write in writes {
      var packed = weight.packedForProducts()
      write(&packed)
      #expect(matmul(x, packed.transpose()) == matmul(x, (weight + 1).transpose()))
    }
  }

  @Test func addedProducts() {
    for layout in Layout.allCases {
      let (x, y) = (layout.tensor([2, 6, 7]), layout.tensor([2, 7, 5], seed: 2))
      let start = layout.tensor([2, 6, 5], seed: 3)
      var sum = start
      sum.addProduct(x, y, scale: -2)
      #expect(sum.isApproximatelyEqual(to: start - 2 * matmul(x, y), absolute: 1e-5))
      #expect(start == layout.tensor([2, 6, 5], seed: 3))
    }
  }

  @Test func sameForAnyNumberOfThreads() {
    for (a, b) in [([150, 170], [170, 190]), ([4, 60, 70], [4, 70, 50]), ([7, 9, 300], [300, 200])]
      as [(Shape, Shape)]
    {
      let (x, y) = (Layout.contiguous.tensor(a), Layout.transposed.tensor(b, seed: 2))
      let one = ThreadPool.withThreadCount(1) { matmul(x, y) }
      #expect(one == ThreadPool.withThreadCount(2) { matmul(x, y) })
    }
  }
}

@Suite struct EinsumTests {
  /// Every product of elements, added to the element of the result that its letters name.
  private func reference(_ equation: String, _ operands: [Tensor]) -> NaiveArray {
    let sides = equation.components(separatedBy: "->")
    let inputs = sides[0].components(separatedBy: ",").map(Array.init)
    let counts = Dictionary(inputs.joined().map { ($0, 1) }, uniquingKeysWith: +)
    let output = sides.count == 2 ? Array(sides[1]) : counts.filter { $0.value == 1 }.keys.sorted()
    let letters = counts.keys.sorted {
      (output.firstIndex(of: $0) ?? 99, $0) < (output.firstIndex(of: $1) ?? 99, $1)
    }
    var sizes: [Character: Int] = [:]
    for (term, operand) in zip(inputs, operands) {
      for (letter, size) in zip(term, operand.shape) { sizes[letter] = size }
    }
    let arrays = operands.map { NaiveArray($0) }
    let places = inputs.map { $0.map { letters.firstIndex(of: $0)! } }
    let all = NaiveArray(shape: letters.map { sizes[$0]! }) { position in
      zip(arrays, places).reduce(1) { $0 * $1.0[$1.1.map { position[$0] }] }
    }
    return all.reduce(Array(output.count..<letters.count)) { $0.reduce(0, +) }
  }

  static let equations: [(String, [Shape])] = [
    ("bqd,bkd->bqk", [[2, 3, 4], [2, 5, 4]]), ("ij,jk", [[3, 4], [4, 5]]), ("ij,jk->ki", [[3, 4], [4, 5]]),
    ("ij->ji", [[3, 4]]), ("ij->", [[3, 4]]), ("ij->j", [[3, 4]]), ("ii->i", [[4, 4]]), ("ii", [[4, 4]]),
    ("ijij->ji", [[3, 4, 3, 4]]), ("iii->i", [[3, 3, 3]]), ("i,j->ij", [[3], [4]]), ("i,i->", [[4], [4]]),
    ("i,i->i", [[4], [4]]), ("ij,jk,kl->il", [[2, 3], [3, 4], [4, 5]]),
    ("ab,bc,ac->b", [[2, 3], [3, 4], [2, 4]]),
    ("bthd,bshd->bhts", [[2, 3, 2, 4], [2, 5, 2, 4]]), (",i->i", [[], [3]]), ("ij,kl->", [[2, 3], [3, 2]]),
    ("abcd,cdef->abef", [[2, 1, 2, 3], [2, 3, 1, 2]]), ("ij,ij,ij->ij", [[3, 4], [3, 4], [3, 4]]),
    ("ij,jk->ik", [[0, 4], [4, 5]]), ("ij,jk->ik", [[3, 0], [0, 5]]), ("ijj,k->ik", [[2, 3, 3], [4]]),
    ("abcdefgh->hgfedcba", [[2, 1, 2, 1, 2, 1, 2, 3]]),
  ]

  @Test(arguments: Layout.allCases)
  func agreesWithTheDefinition(layout: Layout) {
    for (equation, shapes) in Self.equations {
      let operands = shapes.enumerated().map { layout.tensor($1, seed: UInt64($0)) }
      let difference = reference(equation, operands).difference(
        from: einsum(equation, operands), absolute: 1e-5, relative: 1e-5)
      #expect(difference == nil, "\(equation)")
    }
  }

  @Test func spacesAreIgnored() {
    let (x, y) = (Layout.contiguous.tensor([3, 4]), Layout.contiguous.tensor([4, 5], seed: 2))
    #expect(einsum("i j, j k -> i k", x, y) == matmul(x, y))
  }
}
