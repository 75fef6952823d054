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

private func averagePlane(
  _ window: UnsafePointer<WindowShape>, _ countsPadding: Bool, _ x: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  forEachPosition(w) { position, taps in
    var sum: Float = 0
    forEachTap(w, taps) { sum += x[$0] }
    out[position] = sum / Float(countsPadding ? w.kernelArea : max(tapCount(taps), 1))
  }
}

private func spreadAverage(
  _ window: UnsafePointer<WindowShape>, _ countsPadding: Bool, _ g: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  let w = window.pointee
  forEachPosition(w) { position, taps in
    let share = g[position] / Float(countsPadding ? w.kernelArea : max(tapCount(taps), 1))
    forEachTap(w, taps) { out[$0] += share }
  }
}

private func maximumOfPlane(
  _ window: UnsafePointer<WindowShape>, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ indices: UnsafeMutablePointer<Int32>
) {
  let w = window.pointee
  forEachPosition(w) { position, taps in
    var best = -Float.infinity
    var bestIndex = -1
    forEachTap(w, taps) { index in
      let value = x[index]
      if value > best || value != value || bestIndex < 0 {
        best = value
        bestIndex = index
      }
    }
    out[position] = best
    indices[position] = Int32(truncatingIfNeeded: bestIndex)
  }
}
