import Kernels
import Tensor
import TestSupport
import Testing

/// Whoever writes to a tensor changes that tensor alone.
@Suite struct ValueSemanticsTests {
  static let writes: [(String, @Sendable (inout Tensor) -> Void)] = [
    ("+= tensor", { $0 += Tensor.ones($0.shape) }), ("-= tensor", { $0 -= Tensor.ones($0.shape) }),
    ("*= tensor", { $0 *= Tensor.full($0.shape, 2) }), ("/= tensor", { $0 /= Tensor.full($0.shape, 2) }),
    ("+= number", { $0 += 1 }), ("-= number", { $0 -= 1 }), ("*= number", { $0 *= 2 }),
    ("/= number", { $0 /= 2 }),
    ("add(scaledBy:)", { $0.add(Tensor.ones($0.shape), scaledBy: 2) }),
    ("withUnsafeMutableScalars", { $0.withUnsafeMutableScalars { $0[$0.count - 1] += 1 } }),
    (
      "addScattered",
      { $0.addScattered(Tensor.ones([1] + Shape($0.shape.dropFirst())), at: IndexTensor([0])) }
    ),
    ("addProduct", { $0.addProduct(Tensor.ones([$0.shape[0], 2]), Tensor.ones([2, $0.shape[1]])) }),
  ]

  static let views: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("copy", { $0 }), ("slice", { $0[1..<3] }), ("row", { $0[1].unsqueeze(0) }),
    ("transposed", { $0.transpose() }),
    ("flipped", { $0.flip(axis: 0) }), ("reshaped", { $0.reshape([2, 12]) }),
    ("expanded", { $0[0].expand(to: [5, 6]) }), ("stepped", { $0.slice(0..<6, axis: 1, step: 2) }),
  ]

  @Test func writingChangesOneTensorOnly() {
    for (writeName, write) in Self.writes {
      for (viewName, view) in Self.views {
        let original = Layout.contiguous.tensor([4, 6])
        let values = original.scalars
        var changed = view(original)
        let before = changed.scalars
        write(&changed)
        #expect(original.scalars == values, "\(writeName) of a view, \(viewName)")
        #expect(changed.scalars != before, "\(writeName) of a view, \(viewName)")

        var base = Layout.contiguous.tensor([4, 6])
        let kept = view(base)
        write(&base)
        #expect(kept.scalars == before, "\(writeName) of the viewed tensor, \(viewName)")
        #expect(base.scalars != values, "\(writeName) of the viewed tensor, \(viewName)")
      }
    }
  }

  @Test func resultsThatAreTheirInputAreCopies() {
    let x = Layout.contiguous.tensor([4, 6])
    let values = x.scalars
    for same in [
      x.contiguous(), x.sum(axes: []), x.expand(to: [4, 6]), x.reshape([4, 6]), x.squeeze(),
      einsum("ij->ij", x),
      x.max(axes: []), x.logSumExp(axes: []), x.permute([0, 1]),
    ] {
      var other = same
      other *= 3
      #expect(x.scalars == values)
    }
  }

  @Test func anOperandMayBeTheTarget() {
    var x = Tensor([[1, 2], [3, 4]])
    x += x
    #expect(x.scalars == [2, 4, 6, 8])
    x -= x.transpose()
    #expect(x.scalars == [0, -2, 2, 0])
    x += x[1]
    #expect(x.scalars == [2, -2, 4, 0])
    x.add(x, scaledBy: 1)
    #expect(x.scalars == [4, -4, 8, 0])
    x.add(x.transpose(), scaledBy: 1)
    #expect(x.scalars == [8, 4, 4, 0])
  }

  @Test func onlyReadersAskForOneElement() {
    let x = Layout.stepped.tensor([3])
    #expect(x[1].item() == x.scalars[1])
    #expect(x[2].withUnsafeStrided { $0.pointee } == x.scalars[2])
    #expect(
      Tensor(uninitialized: [2]) {
        $0[0] = 1; $0[1] = 2
      }.scalars == [1, 2])
    struct Failure: Error {}
    #expect(throws: Failure.self) { try Tensor(uninitialized: [2]) { _ in throw Failure() } }
  }
}

/// The pool is shared by all tests: what counts its bytes runs in a process of its own.
@Suite struct MemoryPoolTests {
  @Test func writingInPlaceTakesNoMemory() async {
    await #expect(processExitsWith: .success) {
      var x = Layout.contiguous.tensor([300, 100])
      let row = Layout.contiguous.tensor([100])
      let other = Layout.contiguous.tensor([300, 100])
      MemoryPool.shared.resetPeak()
      let before = MemoryPool.shared.peakBytes
      for (name, write) in [
        ("+=", { x += other }), ("-= row", { x -= row }), ("*= number", { x *= 2 }),
        ("/= number", { x /= 3 }),
        ("add(scaledBy:)", { x.add(other, scaledBy: 0.5) }),
        ("withUnsafeMutableScalars", { x.withUnsafeMutableScalars { $0[0] = 1 } }),
        ("addProduct", { x.addProduct(other, other[..<100]) }),
      ] as [(String, () -> Void)] {
        write()
        precondition(MemoryPool.shared.peakBytes == before, "\(name) took memory")
      }
      let shared = x
      x += 1
      precondition(MemoryPool.shared.peakBytes > before)
      precondition(shared[0][1].item() + 1 == x[0][1].item())
    }
  }

  @Test func freedMemoryIsUsedAgain() async {
    await #expect(processExitsWith: .success) {
      let pool = MemoryPool.shared
      var x: Tensor? = Tensor.zeros([1000])
      let address = x!.withUnsafeStrided { UInt(bitPattern: $0) }
      precondition(address % 64 == 0)
      let (used, cached) = (pool.usedBytes, pool.cachedBytes)
      precondition(used >= 4000)
      x = nil
      precondition(pool.usedBytes <= used - 4000)
      precondition(pool.cachedBytes - cached == used - pool.usedBytes)
      x = Tensor.zeros([990])
      precondition(x!.withUnsafeStrided { UInt(bitPattern: $0) } == address, "another block")
      precondition(pool.usedBytes == used)
      x = nil
      pool.releaseUnused()
      precondition(pool.cachedBytes == 0)
      pool.cacheLimit = 0
      x = Tensor.zeros([1000])
      x = nil
      precondition(pool.cachedBytes == 0, "kept more than the limit")
      precondition(pool.peakBytes >= used)
      pool.resetPeak()
      precondition(pool.peakBytes == pool.usedBytes)
    }
  }

  @Test func largeBlocksAreCutFromWhatLargerOnesLeft() async {
    await #expect(processExitsWith: .success) {
      let pool = MemoryPool.shared
      let count = 1 << 20
      var whole: Tensor? = Tensor.zeros([3 * count])
      let address = whole!.withUnsafeStrided { UInt(bitPattern: $0) }
      whole = nil
      let held = pool.usedBytes + pool.cachedBytes
      var parts: [Tensor?] = (0..<3).map { Tensor.full([count], Float($0)) }
      for (index, part) in parts.enumerated() {
        let found = part!.withUnsafeStrided { UInt(bitPattern: $0) }
        precondition(found == address + UInt(4 * (2 - index) * count), "part \(index) lies elsewhere")
        precondition(part!.sum().item() == Float(index * count))
      }
      for index in [1, 0, 2] { parts[index] = nil }
      whole = Tensor.zeros([3 * count])
      precondition(whole!.withUnsafeStrided { UInt(bitPattern: $0) } == address, "the parts were not joined")
      precondition(
        pool.usedBytes + pool.cachedBytes < held + 10_000, "more than small blocks came from the system")
      whole = nil
      pool.cacheLimit = 0
      precondition(pool.cachedBytes == 0)
      whole = Tensor.zeros([count])
      whole = nil
      precondition(pool.cachedBytes <= 16 << 20)
      pool.releaseUnused()
      precondition(pool.cachedBytes == 0)
    }
  }

  @Test func blocksOfAllSizesDoNotOverlap() {
    var tensors: [Tensor] = []
    for count in Array(0..<70) + [
      255, 256, 257, 511, 512, 513, 1000, 1024, 1025, 4096, 5000, 100_000, 300_000, 1_000_000,
    ] {
      tensors.append(Tensor.full([count], Float(count)))
    }
    for tensor in tensors { #expect(tensor.scalars.allSatisfy { $0 == Float(tensor.count) }) }
  }

  @Test func viewsKeepTheirMemory() {
    func part() -> Tensor { Tensor.arange(0, 1000)[500..<510] }
    let view = part()
    let other = Tensor.zeros([1000])
    #expect(view.scalars == (500..<510).map(Float.init))
    #expect(other.sum().item() == 0)
  }

  @Test func threadsShareThePool() async {
    await withTaskGroup(of: Bool.self) { group in
      for task in 0..<8 {
        group.addTask {
          (0..<200).allSatisfy { i in
            let x = Tensor.full([100 + i], Float(task))
            return (x + x).sum().item() == Float(2 * task * (100 + i))
          }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
