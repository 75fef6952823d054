/// How far a packed product goes at a time, so that what is read again stays in the caches.
///
/// The sizes suit first-level caches from 32 KiB and second-level caches from 512 KiB. They are constants, not read from
/// the machine, because the depth decides how sums are split: one level gives the same numbers on every machine.
struct GemmBlocking {
  /// Depth of packed panels: those of A (18 KiB) stay in the first-level cache and those of B stream through it.
  static let depth = 384
  /// Most rows of A that are packed at a time.
  static let rows = 1536
  /// Most columns of B that are packed at a time.
  static let columns = 3072
  /// Rows of C for one task of one thread.
  static let taskRows = 96
  /// Columns of C for one task of one thread.
  static let taskColumns = 256
}

extension GemmProduct {
  /// The five loops around the register tile: columns, depth and rows in blocks here, tiles inside the kernel.
  ///
  /// Packed operands are shared by all threads. The sum over depth is never split among threads, so that results do
  /// not depend on them.
  func runPacked() {
    let kernels = Kernels.table.gemm
    let depthBlocks = (k + GemmBlocking.depth - 1) / GemmBlocking.depth
    let blockDepth = (k + depthBlocks - 1) / depthBlocks
    let blockRows = min(m, GemmBlocking.rows)
    let blockColumns = min(n, GemmBlocking.columns)
    let packedACount = (blockRows + kernels.tileRows) * blockDepth
    let packedA = ThreadState.current.packing.floats(
      packedACount + 64 + (blockColumns + kernels.tileColumns) * blockDepth)
    let packedB = packedA + (packedACount + 15) / 16 * 16

    for column in stride(from: 0, to: n, by: blockColumns) {
      let columns = column..<min(column + blockColumns, n)
      for p in stride(from: 0, to: k, by: blockDepth) {
        let depth = p..<min(p + blockDepth, k)
        for row in stride(from: 0, to: m, by: blockRows) {
          let rows = row..<min(row + blockRows, m)
          pack(rows: rows, columns: row == 0 ? columns : 0..<0, depth: depth, packedA, packedB)
          multiply(rows: rows, columns: columns, depth: depth, packedA, packedB)
        }
      }
    }
  }

  /// Packs a block of A and a block of B, some panels for each task.
  private func pack(
    rows: Range<Int>, columns: Range<Int>, depth: Range<Int>, _ packedA: UnsafeMutablePointer<Float>,
    _ packedB: UnsafeMutablePointer<Float>
  ) {
    let kernels = Kernels.table.gemm
    let panelsA = (rows.count + kernels.tileRows - 1) / kernels.tileRows
    let panelsB = (columns.count + kernels.tileColumns - 1) / kernels.tileColumns
    let grain = isShared ? 4 : panelsA + panelsB
    ThreadPool.parallelRanges(count: panelsA + panelsB, grain: grain) { panels in
      for panel in panels {
        if panel < panelsB {
          let first = columns.lowerBound + panel * kernels.tileColumns
          kernels.pack(
            b.pointer + first * b.columnStride + depth.lowerBound * b.rowStride, b.columnStride, b.rowStride,
            min(kernels.tileColumns, columns.upperBound - first), kernels.tileColumns, depth.count,
            packedB + panel * kernels.tileColumns * depth.count)
        } else {
          let first = rows.lowerBound + (panel - panelsB) * kernels.tileRows
          kernels.pack(
            a.pointer + first * a.rowStride + depth.lowerBound * a.columnStride, a.rowStride, a.columnStride,
            min(kernels.tileRows, rows.upperBound - first), kernels.tileRows, depth.count,
            packedA + (panel - panelsB) * kernels.tileRows * depth.count)
        }
      }
    }
  }

  /// Multiplies packed blocks, one rectangle of C for each task.
  private func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Range<Int>, _ packedA: UnsafePointer<Float>,
    _ packedB: UnsafePointer<Float>
  ) {
    let kernels = Kernels.table.gemm
    let taskRows = isShared ? GemmBlocking.taskRows : rows.count
    let taskColumns = isShared ? GemmBlocking.taskColumns : columns.count
    let tasksDown = (rows.count + taskRows - 1) / taskRows
    let tasksAcross = (columns.count + taskColumns - 1) / taskColumns
    let beta = depth.lowerBound == 0 ? beta : 1
    ThreadPool.parallelFor(count: tasksDown * tasksAcross) { task in
      let row = task / tasksAcross * taskRows
      let column = task % tasksAcross * taskColumns
      let height = min(taskRows, rows.count - row)
      let width = min(taskColumns, columns.count - column)
      let target = c + (rows.lowerBound + row) * cRowStride + (columns.lowerBound + column) * cColumnStride
      kernels.multiplyBlock(
        height, width, depth.count, alpha, packedA + row * depth.count, packedB + column * depth.count, beta,
        target,
        cRowStride, cColumnStride, ThreadState.current.tile.floats(kernels.tileRows * kernels.tileColumns))
      if depth.upperBound == k {
        let firstRow = rows.lowerBound + row
        let firstColumn = columns.lowerBound + column
        applyEpilogue(rows: firstRow..<firstRow + height, columns: firstColumn..<firstColumn + width)
      }
    }
  }
}
