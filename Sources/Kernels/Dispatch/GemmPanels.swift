// The second operand of many products, such as the weight of a layer, can be packed once: the products then read it in
// the order in which it lies in memory.

/// How many words a packed operand takes in the precision in use, and how they lie.
public func packedSize(rows: Int, columns: Int) -> (count: Int, layout: PanelLayout) {
  let kernels = Kernels.table.gemm
  let width = kernels.tileColumns
  return ((columns + width - 1) / width * width * kernels.words(rows), kernels.layout)
}

/// Packs the second operand of products, all blocks of depth one after another; see ``MatrixView/panels``.
public func packMatrix(
  _ matrix: MatrixView, rows: Int, columns: Int, to out: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table.gemm
  let width = kernels.tileColumns
  let padded = (columns + width - 1) / width * width
  let step = kernels.stepsInBlock
  ThreadPool.parallelRanges(count: (columns + width - 1) / width, grain: 1) { panels in
    for first in stride(from: panels.lowerBound * width, to: panels.upperBound * width, by: width) {
      for depth in stride(from: 0, to: rows, by: step) {
        let steps = min(step, rows - depth)
        kernels.pack(
          matrix.pointer + first * matrix.columnStride + depth * matrix.rowStride, matrix.columnStride,
          matrix.rowStride, min(width, columns - first), width, steps, false, true,
          out + padded * kernels.words(depth) + first * kernels.words(steps))
      }
    }
  }
}

/// The numbers that panels of ``packMatrix(_:rows:columns:to:)`` hold: rounded, and in columns that are not finite no numbers.
///
/// - Parameters:
///   - layout: Of a level that this CPU runs.
///   - out: Where element (i, j) goes to `out[i * rowStride + j * columnStride]`.
public func unpackMatrix(
  _ panels: UnsafePointer<Float>, _ layout: PanelLayout, rows: Int, columns: Int,
  to out: UnsafeMutablePointer<Float>, rowStride: Int, columnStride: Int
) {
  guard
    let table = ([Kernels.table] + Kernels.tables).first(where: {
      $0.products[layout.precision].layout == layout
    })
  else { preconditionFailure("panels of another CPU") }
  let kernels = table.products[layout.precision]
  let padded = (columns + layout.width - 1) / layout.width * layout.width
  Kernels.withTable(table.with(layout.precision, forGradients: layout.precision)) {
    for first in stride(from: 0, to: rows, by: kernels.stepsInBlock) {
      // The product with the identity, whose rows are parts of one line of numbers.
      let steps = min(kernels.stepsInBlock, rows - first)
      let line = [Float](repeating: 0, count: steps - 1) + [1] + [Float](repeating: 0, count: steps - 1)
      line.withUnsafeBufferPointer { line in
        gemm(
          m: steps, n: columns, k: steps,
          a: MatrixView(line.baseAddress! + steps - 1, rowStride: -1, columnStride: 1),
          b: MatrixView(panels: panels + padded * kernels.words(first), layout: layout),
          c: out + first * rowStride, cRowStride: rowStride, cColumnStride: columnStride)
      }
    }
  }
}

extension MatrixView {
  /// The same matrix with panels in some memory, of ``packedSize(rows:columns:)``.
  public func packed(rows: Int, columns: Int, to memory: UnsafeMutablePointer<Float>) -> MatrixView {
    packMatrix(self, rows: rows, columns: columns, to: memory)
    var view = self
    view.panels = (UnsafePointer(memory), packedSize(rows: rows, columns: columns).layout)
    return view
  }
}

extension GemmProduct {
  /// Whether the second operand is packed already.
  var hasPanels: Bool { b.panels?.layout == Kernels.table.gemm.layout }

  /// Where the panels of columns begin that were packed before.
  func readyPanels(_ columns: Range<Int>, _ depth: Range<Int>) -> UnsafePointer<Float>? {
    guard let panels = b.panels, hasPanels else { return nil }
    let kernels = Kernels.table.gemm
    let padded = (n + kernels.tileColumns - 1) / kernels.tileColumns * kernels.tileColumns
    return panels.pointer + padded * kernels.words(depth.lowerBound)
      + columns.lowerBound * kernels.words(depth.count)
  }
}

/// `C = epilogue(A B)` for a B that is there in panels alone.
func multiplyPanels(
  m: Int, n: Int, k: Int, a: MatrixView, panels: UnsafePointer<Float>, c: UnsafeMutablePointer<Float>,
  cRowStride: Int, epilogue: GemmEpilogue
) {
  let product = GemmProduct(
    m: m, n: n, k: k, alpha: 1, a: a, b: MatrixView(panels: panels, layout: Kernels.table.gemm.layout),
    beta: 0, c: c, cRowStride: cRowStride, cColumnStride: 1, epilogue: epilogue)
  product.runPacked()
}
