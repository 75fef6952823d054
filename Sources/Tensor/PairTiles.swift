import Kernels

/// The pairs of images and texts, a tile at a time: what a pairwise loss has in memory at once.
struct PairTiles {
  let images, texts: Tensor
  private let tile: (rows: Int, columns: Int)
  private let precision: MatmulPrecision

  /// Numbers in the largest tile: 8 MiB. Products take as much again for what they pack.
  static let count = 1 << 21

  init(
    images: Tensor, texts: Tensor, tile: (rows: Int, columns: Int), precision: MatmulPrecision
  ) {
    (self.images, self.texts, self.precision) = (images, texts, precision)
    self.tile = (Swift.min(tile.rows, images.shape[0]), Swift.min(tile.columns, texts.shape[0]))
  }

  /// Bands of an eighth of the rows, which stay in a cache, of 128 to 1,024 rows as far as a tile reaches.
  static func banded(images: Int, texts: Int) -> (rows: Int, columns: Int) {
    let rows = Swift.min(Swift.max(128, (images + 7) / 8), 1024)
    return (rows, Swift.min(texts, count / rows))
  }

  /// One tile if all pairs fit into it.
  static func whole(images: Int, texts: Int) -> (rows: Int, columns: Int) {
    images * texts <= count ? (images, texts) : (1024, count / 1024)
  }

  /// Whether one tile is all.
  var isOne: Bool { tile.rows >= images.shape[0] && tile.columns >= texts.shape[0] }
  var rows: [Range<Int>] { PairTiles.parts(of: images.shape[0], size: tile.rows) }
  var columns: [Range<Int>] { PairTiles.parts(of: texts.shape[0], size: tile.columns) }

  private static func parts(of count: Int, size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<Swift.min($0 + size, count) }
  }

  /// Calls `body` with memory for one tile.
  func withMemory(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    withScratch(count: tile.rows * tile.columns, body)
    withExtendedLifetime((images, texts)) {}
  }

  /// `factor` times the dot products of a tile, row by row.
  func multiply(
    _ rows: Range<Int>, _ columns: Range<Int>, by factor: Float = 1, to products: UnsafeMutablePointer<Float>
  ) {
    Compute.withMatmulPrecision(precision) {
      gemm(
        m: rows.count, n: columns.count, k: images.shape[1], alpha: factor,
        a: view(images, from: rows.lowerBound),
        b: view(texts, from: columns.lowerBound).transposed, c: products, cRowStride: columns.count,
        cColumnStride: 1)
    }
  }

  /// Adds `factor` times what a tile of gradients of the products gives to the embeddings' own. The first tile of a row of
  /// tiles sets the images', the first of a column the texts'.
  func addGradients(
    _ rows: Range<Int>, _ columns: Range<Int>, _ tile: UnsafeMutablePointer<Float>, factor: Float,
    images ofImages: Tensor?, texts ofTexts: Tensor?
  ) {
    Compute.withMatmulPrecision(precision) {
      let d = images.shape[1]
      let gradients = MatrixView(tile, rowStride: columns.count, columnStride: 1)
      if let ofImages {
        gemm(
          m: rows.count, n: d, k: columns.count, alpha: factor, a: gradients,
          b: view(texts, from: columns.lowerBound), beta: columns.lowerBound == 0 ? 0 : 1,
          c: ofImages.pointer + rows.lowerBound * d, cRowStride: d, cColumnStride: 1)
      }
      if let ofTexts {
        gemm(
          m: columns.count, n: d, k: rows.count, alpha: factor, a: gradients.transposed,
          b: view(images, from: rows.lowerBound), beta: rows.lowerBound == 0 ? 0 : 1,
          c: ofTexts.pointer + columns.lowerBound * d, cRowStride: d, cColumnStride: 1)
      }
    }
  }

  /// A matrix where it lies, from a row on.
  private func view(_ matrix: Tensor, from row: Int) -> MatrixView {
    MatrixView(
      matrix.readPointer + row * matrix.strides[0], rowStride: matrix.strides[0],
      columnStride: matrix.strides[1])
  }
}
