import KernelInterface

let convolutionKernels = ConvolutionKernels(
  rowSlack: TileVector.scalarCount,
  unfold: { window, plane, firstRow, rows, step, out in
    unfoldPlane(window.assumingMemoryBound(to: WindowShape.self), plane, firstRow, rows, step, out)
  },
  packPositions: { source, runs, runCount, offsets, steps, width, out in
    packRuns(source, runs, runCount, offsets, steps, width, out)
  },
  multiplyWindows: { multiplyWindows($0.assumingMemoryBound(to: WindowProducts.self)) },
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
  _ step: Int, _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  let columns = w.outputWidth
  let vector = TileVector.scalarCount
  forEachTapRow(w, firstRow, rows) { tap, row, start, inside in
    let to = out + tap * step + row * columns
    let from = plane + start
    for x in 0..<inside.first { to[x] = 0 }
    var x = inside.first
    if w.strideWidth == 1 {
      // Whole vectors, as long as they stay in the plane and in the tap's positions: what they write behind the row is
      // written again after them.
      let end = min(inside.end, w.inputArea - start - vector + 1, (rows - row) * columns - vector + 1)
      while x < end {
        storeVector(loadVector(from + x), to + x)
        x += vector
      }
      x = min(x, inside.end)
      while x < inside.end {
        to[x] = from[x]
        x += 1
      }
    } else {
      while x < inside.end {
        to[x] = from[x * w.strideWidth]
        x += 1
      }
    }
    for x in inside.end..<columns { to[x] = 0 }
  }
}

private func packRuns(
  _ source: UnsafePointer<Float>, _ runs: UnsafePointer<Int>, _ runCount: Int, _ offsets: UnsafePointer<Int>,
  _ steps: Int, _ width: Int, _ out: UnsafeMutablePointer<Float>
) {
  let end = runs + 3 * runCount
  let lanes = end[-2] + end[-1]
  // Whole vectors: what they write behind a run is written again by the next one, and behind the last by the next step.
  let vectorSteps = lanes == width ? steps - 1 : 0
  for step in 0..<vectorSteps {
    let (from, to) = (source + offsets[step], out + step * width)
    var run = runs
    while run < end {
      storeVector(loadVector(from + run[0]), to + run[1])
      run += 3
    }
  }
  for step in vectorSteps..<steps {
    let (from, to) = (source + offsets[step], out + step * width)
    var run = runs
    while run < end {
      for place in 0..<run[2] { to[run[1] + place] = from[run[0] + place] }
      run += 3
    }
    for lane in lanes..<width { to[lane] = 0 }
  }
}

private func foldPlane(
  _ window: UnsafePointer<WindowShape>, _ columns: UnsafePointer<Float>, _ firstRow: Int, _ rows: Int,
  _ plane: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  forEachTapRow(w, firstRow, rows) { tap, row, start, inside in
    let to = plane + start
    let from = columns + (tap * rows + row) * w.outputWidth
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
