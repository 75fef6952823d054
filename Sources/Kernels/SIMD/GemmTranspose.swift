import KernelInterface

#if AVX512

  /// Packs lanes that are contiguous in depth, 16 lanes by 16 numbers at a time: each cache line is read once, whole.
  func packTransposed(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    var lane = 0
    while lane < tile {
      let from = x + lane * laneStride
      let to = out + lane
      let present = Swift.max(0, Swift.min(16, lanes - lane))
      let whole = depth & ~15
      // With the number of lanes a literal, none is asked for.
      if present == 16 {
        packSixteen(from, laneStride, lanes: 16, to, tile, whole)
      } else if present == 14 && tile == 14 {
        packSixteen(from, laneStride, lanes: 14, to, tile, whole)
      } else {
        packSixteen(from, laneStride, lanes: present, to, tile, whole)
      }
      let width = Swift.min(16, tile - lane)
      for p in whole..<depth {
        for i in 0..<present { to[p * tile + i] = from[i * laneStride + p] }
        for i in present..<width { to[p * tile + i] = 0 }
      }
      lane += 16
    }
  }

  /// The first `depth` numbers, a multiple of 16, of up to 16 lanes.
  @inline(__always)
  private func packSixteen(
    _ x: UnsafePointer<Float>, _ stride: Int, lanes: Int, _ out: UnsafeMutablePointer<Float>, _ tile: Int,
    _ depth: Int
  ) {
    var p = 0
    while p < depth {
      // All but the last whole step may write beyond their lanes: what they spoil is written after them.
      transposeSixteen(x + p, stride, lanes, out + p * tile, tile, lastWidth: Swift.min(16, tile))
      p += 16
    }
  }

  /// Four columns of four lanes: lanes 4i to 4i + 3 of columns j, j + 4, j + 8 and j + 12.
  private typealias Columns = (Vector, Vector, Vector, Vector)

  @_transparent
  private func fourLanes(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> Columns {
    let (abLow, cdLow) = (a.unpackLow(b), c.unpackLow(d))
    let (abHigh, cdHigh) = (a.unpackHigh(b), c.unpackHigh(d))
    return (
      abLow.unpackLowPairs(cdLow), abLow.unpackHighPairs(cdLow), abHigh.unpackLowPairs(cdHigh),
      abHigh.unpackHighPairs(cdHigh)
    )
  }

  /// Columns j, j + 4, j + 8 and j + 12 of 16 lanes.
  @_transparent
  private func sixteenLanes(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> Columns {
    let (abEven, cdEven) = (a.evenQuarters(b), c.evenQuarters(d))
    let (abOdd, cdOdd) = (a.oddQuarters(b), c.oddQuarters(d))
    return (
      abEven.evenQuarters(cdEven), abOdd.evenQuarters(cdOdd), abEven.oddQuarters(cdEven),
      abOdd.oddQuarters(cdOdd)
    )
  }

  /// Writes 16 numbers of up to 16 lanes, the lanes side by side; absent lanes are zero.
  @inline(__always)
  func transposeSixteen(
    _ x: UnsafePointer<Float>, _ stride: Int, _ lanes: Int, _ out: UnsafeMutablePointer<Float>,
    _ outStride: Int, lastWidth: Int
  ) {
    transposeSixteen(x, stride, lanes) { number, vector in
      store(vector, out + number * outStride, number < 15 ? vectorWidth : lastWidth)
    }
  }

  /// Calls `body` with each of 16 numbers of up to 16 lanes, the lanes side by side, in order.
  @inline(__always)
  func transposeSixteen(
    _ x: UnsafePointer<Float>, _ stride: Int, _ lanes: Int, _ body: (_ number: Int, _ lanes: Vector) -> Void
  ) {
    transposeSixteen({ $0 < lanes ? load(x + $0 * stride) : Vector(repeating: 0) }, body: body)
  }

  /// The same for 16 numbers of each lane that the caller knows.
  @inline(__always)
  func transposeSixteen(_ lane: (Int) -> Vector, body: (_ number: Int, _ lanes: Vector) -> Void) {
    let a = fourLanes(
      lane(0), lane(1), lane(2),
      lane(3))
    let b = fourLanes(
      lane(4), lane(5), lane(6),
      lane(7))
    let c = fourLanes(
      lane(8), lane(9), lane(10),
      lane(11))
    let d = fourLanes(
      lane(12), lane(13), lane(14),
      lane(15))
    let e = sixteenLanes(a.0, b.0, c.0, d.0)
    let f = sixteenLanes(a.1, b.1, c.1, d.1)
    let g = sixteenLanes(a.2, b.2, c.2, d.2)
    let h = sixteenLanes(a.3, b.3, c.3, d.3)
    body(0, e.0)
    body(1, f.0)
    body(2, g.0)
    body(3, h.0)
    body(4, e.1)
    body(5, f.1)
    body(6, g.1)
    body(7, h.1)
    body(8, e.2)
    body(9, f.2)
    body(10, g.2)
    body(11, h.2)
    body(12, e.3)
    body(13, f.3)
    body(14, g.3)
    body(15, h.3)
  }

#endif
