import KernelInterface

/// Copies one panel: `out[p * tile + i] = x[i * laneStride + p * depthStride]`, zeros beyond `lanes`.
func packPanel(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  #if AVX512
    if depthStride == 1 && (lanes == tile || laneStride != 1) {
      return packTransposed(x, laneStride, lanes, tile, depth, out)
    }
  #endif
  if lanes < tile {
    packEdge(x, laneStride, depthStride, lanes, tile, depth, out)
  } else if laneStride == 1 && tile == tileColumns {
    packColumns(x, depthStride, depth, out)
  } else if laneStride == 1 && tile == tileRows {
    packRows(x, depthStride, depth, out)
  } else if depthStride == 1 {
    packTransposed(x, laneStride, tile, depth, out)
  } else {
    packEdge(x, laneStride, depthStride, lanes, tile, depth, out)
  }
}

private func packColumns(
  _ x: UnsafePointer<Float>, _ depthStride: Int, _ depth: Int, _ out: UnsafeMutablePointer<Float>
) {
  for p in 0..<depth {
    storeVector(loadVector(x + p * depthStride), out + p * tileColumns)
    storeVector(
      loadVector(x + p * depthStride + TileVector.scalarCount), out + p * tileColumns + TileVector.scalarCount
    )
  }
}

private func packRows(
  _ x: UnsafePointer<Float>, _ depthStride: Int, _ depth: Int, _ out: UnsafeMutablePointer<Float>
) {
  for p in 0..<depth {
    var from = UnsafeRawPointer(x + p * depthStride)
    var to = UnsafeMutableRawPointer(out + p * tileRows)
    if tileRows & 8 != 0 {
      to.storeBytes(of: from.loadUnaligned(as: SIMD8<Float>.self), as: SIMD8<Float>.self)
      (from, to) = (from + 32, to + 32)
    }
    if tileRows & 4 != 0 {
      to.storeBytes(of: from.loadUnaligned(as: SIMD4<Float>.self), as: SIMD4<Float>.self)
      (from, to) = (from + 16, to + 16)
    }
    if tileRows & 2 != 0 {
      to.storeBytes(of: from.loadUnaligned(as: SIMD2<Float>.self), as: SIMD2<Float>.self)
    }
  }
}

/// Transposes, four lanes by four numbers at a time within one cache line of each lane, because lanes are often a power
/// of two apart and would evict each other.
private func packTransposed(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ tile: Int, _ depth: Int, _ out: UnsafeMutablePointer<Float>
) {
  let line = 16
  let groupedLanes = tile / 4 * 4
  var p = 0
  while p < depth {
    let count = min(line, depth - p)
    let groupedCount = count / 4 * 4
    var lane = 0
    while lane < groupedLanes {
      var q = 0
      while q < groupedCount {
        transposeFour(x + lane * laneStride + p + q, laneStride, out + (p + q) * tile + lane, tile)
        q += 4
      }
      packLanes(x + p, laneStride, lane..<lane + 4, tile, groupedCount..<count, out + p * tile)
      lane += 4
    }
    packLanes(x + p, laneStride, groupedLanes..<tile, tile, 0..<count, out + p * tile)
    p += line
  }
}

@inline(__always)
private func packLanes(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Range<Int>, _ tile: Int, _ depth: Range<Int>,
  _ out: UnsafeMutablePointer<Float>
) {
  var lane = lanes.lowerBound
  while lane < lanes.upperBound {
    var q = depth.lowerBound
    while q < depth.upperBound {
      out[q * tile + lane] = x[lane * laneStride + q]
      q += 1
    }
    lane += 1
  }
}

@inline(__always)
private func transposeFour(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  let a = UnsafeRawPointer(x).loadUnaligned(as: SIMD4<Float>.self)
  let b = UnsafeRawPointer(x + xStride).loadUnaligned(as: SIMD4<Float>.self)
  let c = UnsafeRawPointer(x + 2 * xStride).loadUnaligned(as: SIMD4<Float>.self)
  let d = UnsafeRawPointer(x + 3 * xStride).loadUnaligned(as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(out).storeBytes(of: SIMD4(a.x, b.x, c.x, d.x), as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(out + outStride).storeBytes(of: SIMD4(a.y, b.y, c.y, d.y), as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(out + 2 * outStride).storeBytes(
    of: SIMD4(a.z, b.z, c.z, d.z), as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(out + 3 * outStride).storeBytes(
    of: SIMD4(a.w, b.w, c.w, d.w), as: SIMD4<Float>.self)
}

private func packEdge(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  for p in 0..<depth {
    for i in 0..<lanes { out[p * tile + i] = x[i * laneStride + p * depthStride] }
    for i in lanes..<tile { out[p * tile + i] = 0 }
  }
}
