import KernelInterface

// Between planes and blocks. Where pixels fill no whole number of vectors, the last one begins earlier and brings some of
// them a second time.

func blockPlanes(
  _ x: UnsafePointer<Float>, _ stride: Int, _ lanes: Int, _ pixels: Int, _ places: UnsafePointer<Int>,
  _ out: UnsafeMutablePointer<Float>
) {
  let step = pixels >= vectorWidth ? vectorWidth : pixels >= 4 ? 4 : 1
  forEachWholeVector(pixels, step) { first in
    #if AVX512
      if step == vectorWidth {
        // With the number of lanes a literal, none is asked for.
        if lanes == vectorWidth {
          transposeSixteen(x + first, stride, vectorWidth) { store($1, out + places[first + $0]) }
        } else {
          transposeSixteen(x + first, stride, lanes) { store($1, out + places[first + $0]) }
        }
        return
      }
    #endif
    var lane = 0
    while step >= 4 && lane + 4 <= lanes {
      let (from, to) = (x + lane * stride, out + lane)
      var pixel = first
      while pixel < first + step {
        transposeFour(from + pixel, stride) { storeFour($1, to + places[pixel + $0]) }
        pixel += 4
      }
      lane += 4
    }
    while lane < lanes {
      for pixel in first..<first + step { out[places[pixel] + lane] = x[lane * stride + pixel] }
      lane += 1
    }
  }
}

func unblockPlanes(
  _ x: UnsafePointer<Float>, _ pixels: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int, _ lanes: Int
) {
  #if AVX512
    if pixels >= vectorWidth {
      forEachWholeVector(pixels, vectorWidth) { pixel in
        let (from, to) = (x + pixel * vectorWidth, out + pixel)
        if lanes == vectorWidth {
          transposeSixteen(from, vectorWidth, vectorWidth) { store($1, to + $0 * stride) }
        } else {
          transposeSixteen(from, vectorWidth, vectorWidth) { if $0 < lanes { store($1, to + $0 * stride) } }
        }
      }
      return
    }
  #endif
  transpose(x, BlockedKernels.width, out, stride, pixels, lanes)
}

/// Calls `body` with the start of each vector; there are numbers for at least one.
@inline(__always)
private func forEachWholeVector(_ count: Int, _ width: Int, _ body: (_ start: Int) -> Void) {
  var start = 0
  while start < count {
    body(min(start, count - width))
    start += width
  }
}
