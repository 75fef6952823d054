import KernelInterface

/// Copies one panel: `out[p * tile + i] = x[i * laneStride + p * depthStride]`, zeros beyond `lanes`.
func packPanel(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ out: UnsafeMutablePointer<Float>
) {
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
    var i = 0
    while i < tileRows {
      let pair = UnsafeRawPointer(x + p * depthStride + i).loadUnaligned(as: SIMD2<Float>.self)
      UnsafeMutableRawPointer(out + p * tileRows + i).storeBytes(of: pair, as: SIMD2<Float>.self)
      i += 2
    }
  }
}

/// Reads one cache line of each lane at a time, because lanes are often a power of two apart and would evict each other.
private func packTransposed(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ tile: Int, _ depth: Int, _ out: UnsafeMutablePointer<Float>
) {
  let line = 16
  var p = 0
  while p < depth {
    let count = min(line, depth - p)
    for i in 0..<tile {
      let from = x + i * laneStride + p
      let to = out + p * tile + i
      if count == line {
        for q in 0..<line { to[q * tile] = from[q] }
      } else {
        for q in 0..<count { to[q * tile] = from[q] }
      }
    }
    p += line
  }
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
