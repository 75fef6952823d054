import KernelInterface

let poolingKernels = PoolingKernels(
  average: { window, countsPadding, x, out in
    averagePlane(window.assumingMemoryBound(to: WindowShape.self), countsPadding != 0, x, out)
  },
  averageDerivative: { window, countsPadding, g, out in
    spreadAverage(window.assumingMemoryBound(to: WindowShape.self), countsPadding != 0, g, out)
  },
  maximum: { window, x, out, indices in
    maximumOfPlane(window.assumingMemoryBound(to: WindowShape.self), x, out, indices)
  },
  maximumDerivative: { window, g, indices, out in
    let count = window.assumingMemoryBound(to: WindowShape.self).pointee.outputArea
    for i in 0..<count where indices[i] >= 0 { out[Int(indices[i])] += g[i] }
  }
)

/// The taps of one axis that lie inside the plane, for the position that starts at `start`.
@inline(__always)
private func validTaps(_ start: Int, _ dilation: Int, _ extent: Int, _ count: Int) -> (first: Int, end: Int) {
  let first = start >= 0 ? 0 : min(count, (-start + dilation - 1) / dilation)
  let end = start >= extent ? first : max(first, min(count, (extent - start + dilation - 1) / dilation))
  return (first, end)
}

private func averagePlane(
  _ window: UnsafePointer<WindowShape>, _ countsPadding: Bool, _ x: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  let (rows, columns) = (w.outputHeight, w.outputWidth)
  for row in 0..<rows {
    let top = row * w.strideHeight - w.paddingTop
    let vertical = validTaps(top, w.dilationHeight, w.inputHeight, w.kernelHeight)
    for column in 0..<columns {
      let left = column * w.strideWidth - w.paddingLeft
      let horizontal = validTaps(left, w.dilationWidth, w.inputWidth, w.kernelWidth)
      var sum: Float = 0
      for ky in vertical.first..<vertical.end {
        let line = x + (top + ky * w.dilationHeight) * w.inputWidth + left
        for kx in horizontal.first..<horizontal.end { sum += line[kx * w.dilationWidth] }
      }
      let inside = (vertical.end - vertical.first) * (horizontal.end - horizontal.first)
      out[row * columns + column] = sum / Float(countsPadding ? w.kernelArea : max(inside, 1))
    }
  }
}

private func spreadAverage(
  _ window: UnsafePointer<WindowShape>, _ countsPadding: Bool, _ g: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  let (rows, columns) = (w.outputHeight, w.outputWidth)
  for row in 0..<rows {
    let top = row * w.strideHeight - w.paddingTop
    let vertical = validTaps(top, w.dilationHeight, w.inputHeight, w.kernelHeight)
    for column in 0..<columns {
      let left = column * w.strideWidth - w.paddingLeft
      let horizontal = validTaps(left, w.dilationWidth, w.inputWidth, w.kernelWidth)
      let inside = (vertical.end - vertical.first) * (horizontal.end - horizontal.first)
      let share = g[row * columns + column] / Float(countsPadding ? w.kernelArea : max(inside, 1))
      for ky in vertical.first..<vertical.end {
        let line = out + (top + ky * w.dilationHeight) * w.inputWidth + left
        for kx in horizontal.first..<horizontal.end { line[kx * w.dilationWidth] += share }
      }
    }
  }
}

private func maximumOfPlane(
  _ window: UnsafePointer<WindowShape>, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ indices: UnsafeMutablePointer<Int32>
) {
  let w = window.pointee
  let (rows, columns) = (w.outputHeight, w.outputWidth)
  for row in 0..<rows {
    let top = row * w.strideHeight - w.paddingTop
    let vertical = validTaps(top, w.dilationHeight, w.inputHeight, w.kernelHeight)
    for column in 0..<columns {
      let left = column * w.strideWidth - w.paddingLeft
      let horizontal = validTaps(left, w.dilationWidth, w.inputWidth, w.kernelWidth)
      var best = -Float.infinity
      var bestIndex = -1
      for ky in vertical.first..<vertical.end {
        let start = (top + ky * w.dilationHeight) * w.inputWidth + left
        for kx in horizontal.first..<horizontal.end {
          let value = x[start + kx * w.dilationWidth]
          if value > best || value != value || bestIndex < 0 {
            best = value
            bestIndex = start + kx * w.dilationWidth
          }
        }
      }
      out[row * columns + column] = best
      indices[row * columns + column] = Int32(truncatingIfNeeded: bestIndex)
    }
  }
}
