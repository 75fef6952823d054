/// Small and thin products, for which packing both operands would cost more than it saves: A is read where it lies, and
/// B too if its rows are contiguous.
extension GemmProduct {
  /// Most rows of a product that counts as thin: a number of B is read for few of them.
  private static let thinRows = 64
  /// Most rows for which a number of B is read once.
  private static let rowsAtOnce = 4
  /// Depth at which a large product is no work for packed panels.
  private static let thinDepth = 32

  /// Multiplies without packing A if that pays.
  mutating func runUnpacked() -> Bool {
    guard Kernels.table.gemm.multiplyUnpacked != nil else { return false }
    if cColumnStride != 1 || (n == 1 && cRowStride == 1) {
      guard cRowStride == 1 else { return false }
      transpose()
    }
    let isThin = m <= Self.thinRows
    if b.columnStride == 1 {
      // Rows a multiple of 1 KiB apart would evict each other before they are read again.
      let isReadable = m <= Self.rowsAtOnce || b.rowStride % 256 != 0
      guard !isShared || ((isThin || k <= Self.thinDepth) && isReadable) else { return false }
      runPanels()
    } else if isThin && beta == 0 && (isBetterTransposed || (m >= 16 && n >= 4 * m)) {
      runTransposed()
    } else if !isShared {
      runPanels()
    } else {
      return false
    }
    return true
  }

  private var panelCount: Int { (n + Kernels.table.gemm.tileColumns - 1) / Kernels.table.gemm.tileColumns }
  private var panelSize: Int { k * Kernels.table.gemm.tileColumns }

  /// `C' = B' A'`, with the smaller operand packed and C transposed on its way to memory.
  private func runTransposed() {
    var product = self
    product.transpose()
    let (rows, columns) = (product.m, product.n)
    let packed = ThreadState.current.packing.floats(product.panelCount * product.panelSize + rows * columns)
    let result = packed + product.panelCount * product.panelSize
    product.packPanels(to: packed)
    product.forEachTask { rows, panels in
      let target = result + rows.lowerBound * columns
      product.multiply(rows: rows, panels: panels, packed: packed, result, rowStride: columns)
      Kernels.table.elementwise.copyMatrix(
        target, columns, 1, product.c + rows.lowerBound * product.cRowStride, product.cRowStride,
        product.cColumnStride, rows.count, columns)
    }
    product.applyEpilogue(rows: 0..<rows, columns: 0..<columns)
  }

  private func runPanels() {
    let width = Kernels.table.gemm.tileColumns
    forEachTask { rows, panels in
      multiply(rows: rows, panels: panels, packed: nil, c, rowStride: cRowStride)
      applyEpilogue(rows: rows, columns: panels.lowerBound * width..<min(panels.upperBound * width, n))
    }
  }

  /// Splits the product among threads: its rows, or the panels of B if it is wider than tall.
  private func forEachTask(_ body: (_ rows: Range<Int>, _ panels: Range<Int>) -> Void) {
    let panels = panelCount
    if !isShared {
      body(0..<m, 0..<panels)
    } else if b.columnStride == 1 && n > m {
      ThreadPool.parallelRanges(count: panels, grain: (panels + 7) / 8) { body(0..<m, $0) }
    } else {
      ThreadPool.parallelRanges(count: m, grain: (m + 31) / 32 * 4) { body($0, 0..<panels) }
    }
  }

  /// Copies all of B into panels of a tile's width.
  private func packPanels(to packed: UnsafeMutablePointer<Float>) {
    let kernels = Kernels.table.gemm
    for panel in 0..<panelCount {
      let first = panel * kernels.tileColumns
      kernels.pack(
        b.pointer + first * b.columnStride, b.columnStride, b.rowStride, min(kernels.tileColumns, n - first),
        kernels.tileColumns, k, false, true, packed + panel * panelSize)
    }
  }

  private func multiply(
    rows: Range<Int>, panels: Range<Int>, packed: UnsafePointer<Float>?,
    _ target: UnsafeMutablePointer<Float>,
    rowStride: Int
  ) {
    let kernels = Kernels.table.gemm
    let width = kernels.tileColumns
    let buffer = ThreadState.current.tile.floats(4 * width)
    for panel in panels {
      let first = panel * width
      let columns = min(width, n - first)
      var depth = 0
      while depth < k {
        let steps = min(kernels.stepsInBlock, k - depth)
        var (start, stride) = (b.pointer + depth * b.rowStride + first * b.columnStride, b.rowStride)
        if let packed {
          (start, stride) = (packed + panel * panelSize + depth * width, width)
        } else if b.columnStride != 1 || columns < width {
          // The kernel reads whole vectors, which would reach beyond the last columns.
          let panel = ThreadState.current.panels.floats(steps * width)
          kernels.pack(start, b.columnStride, stride, columns, width, steps, false, true, panel)
          (start, stride) = (UnsafePointer(panel), width)
        }
        kernels.multiplyUnpacked!(
          rows.count, columns, steps, alpha,
          a.pointer + rows.lowerBound * a.rowStride + depth * a.columnStride, a.rowStride, a.columnStride,
          start, stride, depth == 0 ? beta : 1, target + rows.lowerBound * rowStride + first, rowStride,
          buffer)
        depth += steps
      }
    }
  }
}
