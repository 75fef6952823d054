#if BFLOAT16
  import CPUFeatures

  // Panels of 16-bit numbers. A word holds two steps of depth.

  /// `out[w * tile + i]` is steps 2w and 2w + 1 of lane i; zeros beyond `lanes` and `depth`.
  func packPairs(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    var lane = 0
    while lane < tile {
      let from = x + lane * laneStride
      let to = out + lane
      let present = Swift.max(0, Swift.min(16, lanes - lane))
      // With the number of lanes a literal, none is asked for.
      if depthStride != 1 {
        if laneStride == 1 && present == 16 {
          packSideBySide(from, 1, depthStride, lanes: 16, tile, depth, to, width: 16)
        } else {
          packSideBySide(
            from, laneStride, depthStride, lanes: present, tile, depth, to, width: Swift.min(16, tile - lane))
        }
      } else if present == 16 {
        packTransposed(from, laneStride, lanes: 16, tile, depth, to, width: 16)
      } else if present == 14 && tile == 14 {
        packTransposed(from, laneStride, lanes: 14, tile, depth, to, width: 14)
      } else {
        packTransposed(from, laneStride, lanes: present, tile, depth, to, width: Swift.min(16, tile - lane))
      }
      lane += 16
    }
  }

  /// Up to 16 lanes that are contiguous in depth.
  @inline(__always)
  private func packTransposed(
    _ x: UnsafePointer<Float>, _ stride: Int, lanes: Int, _ tile: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>, width: Int
  ) {
    var step = 0
    while step + 32 <= depth {
      // All but the last word may be written beyond its lanes: what is spoiled there is written after it.
      transposeSixteen { lane in
        guard lane < lanes else { return Vector(repeating: 0) }
        let numbers = x + lane * stride + step
        return pairwise_round_to_bfloat16(load(numbers), load(numbers + 16))
      } body: { word, vector in
        let to = out + (step / 2 + word) * tile
        if word < 15 { store(vector, to) } else { pairwise_store_first(to, vector, width) }
      }
      step += 32
    }
    if step == depth { return }
    let (first, last) = (Swift.min(16, depth - step), Swift.max(0, depth - step - 16))
    transposeSixteen { lane in
      guard lane < lanes else { return Vector(repeating: 0) }
      let numbers = x + lane * stride + step
      return pairwise_round_to_bfloat16(
        pairwise_load_first(numbers, first), pairwise_load_first(numbers + 16, last))
    } body: { word, vector in
      if 2 * word < depth - step { pairwise_store_first(out + (step / 2 + word) * tile, vector, width) }
    }
  }

  /// Up to 16 lanes with any strides.
  @inline(__always)
  private func packSideBySide(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, lanes: Int, _ tile: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>, width: Int
  ) {
    var (from, to) = (x, out)
    // As above, what all but the last word spoil is written after it.
    for _ in 0..<(depth - 1) / 2 {
      let low = sideBySide(from, laneStride, lanes)
      let high = sideBySide(from + depthStride, laneStride, lanes)
      store(pairwise_interleave_bfloat16(low, high), to)
      from += 2 * depthStride
      to += tile
    }
    let high = depth & 1 == 0 ? sideBySide(from + depthStride, laneStride, lanes) : Vector(repeating: 0)
    pairwise_store_first(to, pairwise_interleave_bfloat16(sideBySide(from, laneStride, lanes), high), width)
  }

  /// One step of up to 16 lanes.
  @inline(__always)
  private func sideBySide(_ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Int) -> Vector {
    if laneStride != 1 { return load(x, stride: laneStride, lanes) }
    return lanes == 16 ? load(x) : pairwise_load_first(x, lanes)
  }

  /// The same for numbers in two parts, three words each: high, high, low of the first factor meet high, low, high of the
  /// second one.
  func packPairsOfParts(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
    _ isSecond: Bool, _ out: UnsafeMutablePointer<Float>
  ) {
    var lane = 0
    while lane < tile {
      let from = x + lane * laneStride
      let present = Swift.max(0, Swift.min(16, lanes - lane))
      let width = Swift.min(16, tile - lane)
      for word in 0..<(depth + 1) / 2 {
        let numbers = from + 2 * word * depthStride
        let a = sideBySide(numbers, laneStride, present)
        let b =
          2 * word + 1 < depth ? sideBySide(numbers + depthStride, laneStride, present) : Vector(repeating: 0)
        let high = pairwise_interleave_bfloat16(a, b)
        let low = pairwise_interleave_bfloat16(
          a - roundedToBFloat16(a), b - roundedToBFloat16(b))
        let to = out + 3 * word * tile + lane
        pairwise_store_first(to, high, width)
        pairwise_store_first(to + tile, isSecond ? low : high, width)
        pairwise_store_first(to + 2 * tile, isSecond ? high : low, width)
      }
      lane += 16
    }
  }
#endif
