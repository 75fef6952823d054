/// How far a product goes at a time, so that what is read again stays in the caches.
///
/// The sizes suit first-level caches from 32 KiB and second-level caches from 512 KiB. They are constants, not read from
/// the machine, because the depth decides how sums are split: one level gives the same numbers on every machine.
///
/// Every way to compute a product adds up an element in one order: a sum for each block of `depth` steps, one multiplication
/// and addition after another from zero; `alpha` times the first block's sum plus `beta` times the old value; then
/// `alpha` times every other block's sum added. So ways may be chosen by speed alone: an element does not depend on how
/// many rows and columns are computed beside it, where its operands lie, or on threads. Zeros behind the last step of an
/// operand change nothing either.
enum GemmBlocking {
  /// Panels of A or B that one task packs for itself (at most 115 KiB and 128 KiB).
  static let taskPanels = (a: 8, b: 4)
  /// Panels of A that meet a panel of B before the next one comes.
  static let rowPanels = 8
  /// Numbers of the operand that all tasks share.
  static let sharedCount = 4 << 20
  /// Most blocks of depth that are packed at a time.
  static let groupBlocks = 16

  /// Panels in a task, so that threads finish together: at least eight tasks if there are as many panels, and no thread
  /// with a task more than it need be.
  static func taskPanels(of panels: Int, atMost most: Int) -> Int {
    let threads = ThreadPool.threadCount
    func longest(_ size: Int) -> Int { ((panels + size - 1) / size + threads - 1) / threads * size }
    return (1...max(1, min(most, panels / 8))).reversed().min { longest($0) < longest($1) }!
  }
}

extension GemmProduct {
  /// The loops around the register tile.
  ///
  /// The smaller operand is packed whole and shared by all threads. Each task takes some panels of the other one,
  /// packs them for itself just before it multiplies, and finishes its part of C. The sum over depth is never split
  /// among threads, so that results do not depend on them.
  func runPacked() {
    let kernels = Kernels.table.gemm
    let groupDepth = min(k, GemmBlocking.groupBlocks * kernels.stepsInBlock)
    let groupWords = kernels.words(groupDepth)
    let sharesA = m <= n
    let tile = sharesA ? kernels.tileRows : kernels.tileColumns
    let (shared, divided) = sharesA ? (m, n) : (n, m)
    let step = min(shared, max(8, GemmBlocking.sharedCount / groupWords / tile) * tile)
    let packed = ThreadState.current.packing.floats((step + tile - 1) / tile * tile * groupWords)

    for depth in stride(from: 0, to: k, by: groupDepth) {
      let group = DepthGroup(range: depth..<min(depth + groupDepth, k), step: kernels.stepsInBlock)
      for first in stride(from: 0, to: shared, by: step) {
        let range = first..<min(first + step, shared)
        let part = PackedPart(
          rows: sharesA ? range : 0..<divided, columns: sharesA ? 0..<divided : range, depth: group,
          sharesA: sharesA, memory: packed)
        if sharesA || !hasPanels { packShared(part) }
        multiply(part)
      }
    }
  }

  /// Some blocks of depth.
  private struct DepthGroup {
    let range: Range<Int>
    /// Steps in a block.
    let step: Int

    var count: Int { (range.count + step - 1) / step }

    subscript(index: Int) -> Range<Int> {
      let first = range.lowerBound + index * step
      return first..<min(first + step, range.upperBound)
    }
  }

  /// A part of the product for which one operand is packed.
  private struct PackedPart {
    let rows, columns: Range<Int>
    let depth: DepthGroup
    let sharesA: Bool
    let memory: UnsafeMutablePointer<Float>

    /// Where the shared panels of a block of depth begin.
    func shared(_ depth: Range<Int>) -> UnsafeMutablePointer<Float> {
      let kernels = Kernels.table.gemm
      let tile = sharesA ? kernels.tileRows : kernels.tileColumns
      let padded = ((sharesA ? rows.count : columns.count) + tile - 1) / tile * tile
      return memory + padded * kernels.words(depth.lowerBound - self.depth.range.lowerBound)
    }
  }

  private func packShared(_ part: PackedPart) {
    let kernels = Kernels.table.gemm
    let (tile, range) =
      part.sharesA ? (kernels.tileRows, part.rows) : (kernels.tileColumns, part.columns)
    let panels = (range.count + tile - 1) / tile
    forEachTask(panels * part.depth.count, grain: 4) { task in
      let depth = part.depth[task / panels]
      let offset = task % panels * tile
      packPanel(
        ofA: part.sharesA,
        range.lowerBound + offset..<min(range.lowerBound + offset + tile, range.upperBound),
        depth, part.shared(depth) + offset * kernels.words(depth.count))
    }
  }

  /// Multiplies by the shared operand, some panels of the other one for each task.
  private func multiply(_ part: PackedPart) {
    let kernels = Kernels.table.gemm
    let (tile, range, most) =
      part.sharesA
      ? (kernels.tileColumns, part.columns, GemmBlocking.taskPanels.b)
      : (kernels.tileRows, part.rows, GemmBlocking.taskPanels.a)
    let panels = (range.count + tile - 1) / tile
    let taskPanels = isShared ? GemmBlocking.taskPanels(of: panels, atMost: most) : most
    let size = taskPanels * tile
    forEachTask((panels + taskPanels - 1) / taskPanels, grain: 1) { task in
      let first = range.lowerBound + task * size
      let own = first..<min(first + size, range.upperBound)
      let memory = ThreadState.current.panels.floats(size * kernels.words(part.depth[0].count))
      for index in 0..<part.depth.count {
        let depth = part.depth[index]
        let ready = part.sharesA ? readyPanels(own, depth) : nil
        if ready == nil {
          for start in stride(from: own.lowerBound, to: own.upperBound, by: tile) {
            packPanel(
              ofA: !part.sharesA, start..<min(start + tile, own.upperBound), depth,
              memory + (start - own.lowerBound) * kernels.words(depth.count))
          }
        }
        let isLast = index + 1 == part.depth.count
        // What this thread packs next, or another one does: the next depth, or the first one a task per thread later.
        let later = isLast ? first + size * ThreadPool.threadCount : first
        let ahead = memoryAhead(
          ofA: !part.sharesA, min(later, range.upperBound)..<min(later + size, range.upperBound),
          part.depth[isLast ? 0 : index + 1])
        let shared = UnsafePointer(part.shared(depth))
        if part.sharesA {
          multiply(rows: part.rows, columns: own, depth: depth, shared, ready ?? UnsafePointer(memory), ahead)
        } else {
          multiply(
            rows: own, columns: part.columns, depth: depth, memory,
            readyPanels(part.columns, depth) ?? shared, ahead)
        }
      }
    }
  }

  /// Multiplies packed rows and columns, as many rows at a time as stay in the second-level cache.
  private func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Range<Int>, _ packedA: UnsafePointer<Float>,
    _ packedB: UnsafePointer<Float>, _ ahead: MemoryAhead
  ) {
    let kernels = Kernels.table.gemm
    let beta = depth.lowerBound == 0 ? beta : 1
    let words = kernels.words(depth.count)
    let step = GemmBlocking.rowPanels * kernels.tileRows
    let aheadRuns = (ahead.runs * step + rows.count - 1) / rows.count
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let block = first..<min(first + step, rows.upperBound)
      let run = min((first - rows.lowerBound) / step * aheadRuns, ahead.runs)
      kernels.multiplyBlock(
        block.count, columns.count, words, alpha, packedA + (first - rows.lowerBound) * words, packedB, beta,
        c + first * cRowStride + columns.lowerBound * cColumnStride, cRowStride, cColumnStride,
        ThreadState.current.tile.floats(kernels.tileRows * kernels.tileColumns),
        ahead.pointer + run * ahead.stride, ahead.stride, min(aheadRuns, ahead.runs - run), ahead.count)
      if depth.upperBound == k { applyEpilogue(rows: block, columns: columns) }
    }
  }

  /// Memory that will be packed soon: runs of contiguous numbers.
  private struct MemoryAhead {
    let pointer: UnsafePointer<Float>
    let stride, runs, count: Int
  }

  /// Rows of A or columns of B as runs of contiguous memory; nothing if there are none.
  private func memoryAhead(ofA: Bool, _ lanes: Range<Int>, _ depth: Range<Int>) -> MemoryAhead {
    if !ofA, let panels = readyPanels(lanes, depth) {
      let words = Kernels.table.gemm.words(depth.count)
      return MemoryAhead(pointer: panels, stride: words, runs: lanes.count, count: words)
    }
    let matrix = ofA ? a : b.transposed
    let start = matrix.pointer + lanes.lowerBound * matrix.rowStride + depth.lowerBound * matrix.columnStride
    if matrix.columnStride == 1 {
      return MemoryAhead(pointer: start, stride: matrix.rowStride, runs: lanes.count, count: depth.count)
    }
    let runs = matrix.rowStride == 1 && !lanes.isEmpty ? depth.count : 0
    return MemoryAhead(pointer: start, stride: matrix.columnStride, runs: runs, count: lanes.count)
  }

  /// Packs rows of A or columns of B, at most one panel.
  private func packPanel(
    ofA: Bool, _ lanes: Range<Int>, _ depth: Range<Int>, _ out: UnsafeMutablePointer<Float>
  ) {
    let kernels = Kernels.table.gemm
    let matrix = ofA ? a : b.transposed
    kernels.pack(
      matrix.pointer + lanes.lowerBound * matrix.rowStride + depth.lowerBound * matrix.columnStride,
      matrix.rowStride, matrix.columnStride, lanes.count, ofA ? kernels.tileRows : kernels.tileColumns,
      depth.count, ofA, ofA == isTransposed, out)
  }

  /// On all threads, unless the product is too small for that.
  private func forEachTask(_ count: Int, grain: Int, _ body: (Int) -> Void) {
    if isShared {
      ThreadPool.parallelRanges(count: count, grain: grain) { for task in $0 { body(task) } }
    } else {
      for task in 0..<count { body(task) }
    }
  }
}
