import KernelInterface

let convolutionKernels = ConvolutionKernels(
  rowSlack: TileVector.scalarCount,
  unfold: { window, plane, firstRow, rows, out in
    unfoldPlane(window.assumingMemoryBound(to: WindowShape.self), plane, firstRow, rows, out)
  },
  fold: { window, columns, firstRow, rows, plane in
    foldPlane(window.assumingMemoryBound(to: WindowShape.self), columns, firstRow, rows, plane)
  },
  depthwiseInputDerivative: { g, gRowStride, rows, columns, taps, offsets, weight, rowStep, split in
    spreadGradient(g, gRowStride, rows, columns, taps, offsets, weight, rowStep, split)
  },
  depthwiseWeightDerivative: { split, rowStep, taps, offsets, g, gRowStride, rows, columns, weightGradient in
    correlateGradient(split, rowStep, taps, offsets, g, gRowStride, rows, columns, weightGradient)
  }
)

private func unfoldPlane(
  _ window: UnsafePointer<WindowShape>, _ plane: UnsafePointer<Float>, _ firstRow: Int, _ rows: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  let columns = w.outputWidth
  forEachTapRow(w, firstRow, rows) { line, start, inside in
    let to = out + line * columns
    let from = plane + start
    for x in 0..<inside.first { to[x] = 0 }
    if w.strideWidth == 1 {
      for x in inside.first..<inside.end { to[x] = from[x] }
    } else {
      for x in inside.first..<inside.end { to[x] = from[x * w.strideWidth] }
    }
    for x in inside.end..<columns { to[x] = 0 }
  }
}

private func foldPlane(
  _ window: UnsafePointer<WindowShape>, _ columns: UnsafePointer<Float>, _ firstRow: Int, _ rows: Int,
  _ plane: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  forEachTapRow(w, firstRow, rows) { line, start, inside in
    let to = plane + start
    let from = columns + line * w.outputWidth
    if w.strideWidth == 1 {
      for x in inside.first..<inside.end { to[x] += from[x] }
    } else {
      for x in inside.first..<inside.end { to[x * w.strideWidth] += from[x] }
    }
  }
}

private func spreadGradient(
  _ g: UnsafePointer<Float>, _ gRowStride: Int, _ rows: Int, _ columns: Int, _ taps: Int,
  _ offsets: UnsafePointer<Int>, _ weight: UnsafePointer<Float>, _ rowStep: Int,
  _ split: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    var column = 0
    while column < columns {
      let gradient = loadVector(g + row * gRowStride + column)
      for tap in 0..<taps {
        let to = split + row * rowStep + offsets[tap] + column
        storeVector(multiplyAdd(TileVector(repeating: weight[tap]), gradient, loadVector(to)), to)
      }
      column += TileVector.scalarCount
    }
  }
}

private func correlateGradient(
  _ split: UnsafePointer<Float>, _ rowStep: Int, _ taps: Int, _ offsets: UnsafePointer<Int>,
  _ g: UnsafePointer<Float>, _ gRowStride: Int, _ rows: Int, _ columns: Int,
  _ weightGradient: UnsafeMutablePointer<Float>
) {
  for tap in 0..<taps {
    var sum = TileVector.zero
    for row in 0..<rows {
      var column = 0
      while column < columns {
        sum = multiplyAdd(
          loadVector(g + row * gRowStride + column),
          loadVector(split + row * rowStep + offsets[tap] + column), sum)
        column += TileVector.scalarCount
      }
    }
    weightGradient[tap] += sumOfLanes(sum)
  }
}
