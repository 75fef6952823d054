import KernelInterface
import KernelsBaseline

private let kernels = kernelTable.gemm

func gemmOutputs() {
  packOutputs()
  // Every height of a tile's rest, and products of several tiles.
  for m in [1, 3, 5, 8, 11, 12, 37] {
    for n in [1, 7, 8, 29] {
      for k in [1, 7, 53] {
        multiplyBlockOutputs(m, n, k)
        multiplyUnpackedOutputs(m, n, k)
      }
    }
  }
}

/// Panels as wide as the tiles of any machine.
private func packOutputs() {
  let x = numbers(40 * 40, seed: 1)
  for tile in [6, 8, 12] {
    for lanes in [1, 5, tile] {
      for (laneStride, depthStride) in [(1, 40), (40, 1), (2, 40), (1, 1)] {
        for depth in [1, 16, 37] {
          for precision in ProductPrecision.allCases {
            let kernels = kernelTable.products[precision]
            let out = Floats(tile * kernels.words(depth))
            kernels.pack(
              x.start, laneStride, depthStride, lanes, tile, depth, false, lanes == tile, out.start)
            report("gemm.pack", [Int(precision.rawValue), tile, lanes, laneStride, depthStride, depth], out)
          }
        }
      }
    }
  }
}

/// All panels of one operand.
private func panels(_ x: Floats, lanes: Int, depth: Int, tile: Int, _ laneStride: Int, _ depthStride: Int)
  -> Floats
{
  let out = Floats((lanes + tile - 1) / tile * tile * depth)
  for first in stride(from: 0, to: lanes, by: tile) {
    kernels.pack(
      x.start + first * laneStride, laneStride, depthStride, min(tile, lanes - first), tile, depth, false,
      false,
      out.start + first * depth)
  }
  return out
}

private func multiplyBlockOutputs(_ m: Int, _ n: Int, _ k: Int) {
  let (a, b) = (numbers(m * k, seed: 2), numbers(k * n, seed: 3))
  let packedA = panels(a, lanes: m, depth: k, tile: kernels.tileRows, k, 1)
  let packedB = panels(b, lanes: n, depth: k, tile: kernels.tileColumns, 1, n)
  let buffer = Floats(kernels.tileRows * kernels.tileColumns)
  for (alpha, beta) in [(1, 0), (0.5, -2)] as [(Float, Float)] {
    for (cRowStride, cColumnStride) in [(n, 1), (1, m)] {
      // Without a factor the old content must not be read.
      let c = beta == 0 ? Floats(m * n) { _ in .nan } : numbers(m * n, seed: 4)
      kernels.multiplyBlock(
        m, n, k, alpha, packedA.start, packedB.start, beta, c.start, cRowStride, cColumnStride, buffer.start,
        b.start, n,
        k, n)
      report("gemm.multiplyBlock", [m, n, k, cColumnStride], within: 8, c)
    }
  }
}

private func multiplyUnpackedOutputs(_ m: Int, _ n: Int, _ k: Int) {
  let width = kernels.tileColumns
  let bRowStride = (n + width - 1) / width * width
  let (a, b) = (numbers(m * k, seed: 5), numbers(k * bRowStride, seed: 6))
  let buffer = Floats(4 * width)
  for (alpha, beta) in [(1, 0), (0.5, -2)] as [(Float, Float)] {
    for (aRowStride, aColumnStride) in [(k, 1), (1, m)] {
      let c = beta == 0 ? Floats(m * n) { _ in .nan } : numbers(m * n, seed: 7)
      for first in stride(from: 0, to: n, by: width) {
        kernels.multiplyUnpacked!(
          m, min(width, n - first), k, alpha, a.start, aRowStride, aColumnStride, b.start + first, bRowStride,
          beta,
          c.start + first, n, buffer.start)
      }
      report("gemm.multiplyUnpacked", [m, n, k, aColumnStride], within: 8, c)
    }
  }
}
