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

  @_transparent
  private func lane(_ x: UnsafePointer<Float>, _ stride: Int, _ index: Int, _ lanes: Int) -> Vector {
    index < lanes ? load(x + index * stride) : Vector(repeating: 0)
  }

  // Every other step of a transposition sees numbers as pairs: steps of one type in a row would be taken apart by the
  // compiler and put together again number by number, in eight times as many instructions.

  private typealias Pairs = SIMD8<UInt64>

  @_transparent
  private func pairs(_ x: Vector) -> Pairs { unsafeBitCast(x, to: Pairs.self) }

  @_transparent
  private func numbers(_ x: Pairs) -> Vector { unsafeBitCast(x, to: Vector.self) }

  /// Numbers 0, 1, 4, 5, ... of each operand in turn: `vunpcklps`.
  @_transparent
  private func low(_ a: Vector, _ b: Vector) -> Vector {
    Vector(
      a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5], a[8], b[8], a[9], b[9], a[12], b[12], a[13], b[13])
  }

  /// Numbers 2, 3, 6, 7, ... of each operand in turn: `vunpckhps`.
  @_transparent
  private func high(_ a: Vector, _ b: Vector) -> Vector {
    Vector(
      a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7], a[10], b[10], a[11], b[11], a[14], b[14], a[15], b[15])
  }

  /// Pairs 0, 2, 4, 6 of each operand in turn: `vunpcklpd`.
  @_transparent
  private func lowPairs(_ a: Vector, _ b: Vector) -> Pairs {
    let (a, b) = (pairs(a), pairs(b))
    return Pairs(a[0], b[0], a[2], b[2], a[4], b[4], a[6], b[6])
  }

  /// Pairs 1, 3, 5, 7 of each operand in turn: `vunpckhpd`.
  @_transparent
  private func highPairs(_ a: Vector, _ b: Vector) -> Pairs {
    let (a, b) = (pairs(a), pairs(b))
    return Pairs(a[1], b[1], a[3], b[3], a[5], b[5], a[7], b[7])
  }

  /// Quarters 0 and 2 of `a`, then of `b`.
  @_transparent
  private func evenQuarters(_ a: Pairs, _ b: Pairs) -> Vector {
    let (a, b) = (numbers(a), numbers(b))
    return Vector(
      a[0], a[1], a[2], a[3], a[8], a[9], a[10], a[11], b[0], b[1], b[2], b[3], b[8], b[9], b[10], b[11])
  }

  /// Quarters 1 and 3 of `a`, then of `b`.
  @_transparent
  private func oddQuarters(_ a: Pairs, _ b: Pairs) -> Vector {
    let (a, b) = (numbers(a), numbers(b))
    return Vector(
      a[4], a[5], a[6], a[7], a[12], a[13], a[14], a[15], b[4], b[5], b[6], b[7], b[12], b[13], b[14], b[15])
  }

  /// As above, of numbers.
  @_transparent
  private func evenQuarters(_ a: Vector, _ b: Vector) -> Vector {
    let (a, b) = (pairs(a), pairs(b))
    return numbers(Pairs(a[0], a[1], a[4], a[5], b[0], b[1], b[4], b[5]))
  }

  /// As above, of numbers.
  @_transparent
  private func oddQuarters(_ a: Vector, _ b: Vector) -> Vector {
    let (a, b) = (pairs(a), pairs(b))
    return numbers(Pairs(a[2], a[3], a[6], a[7], b[2], b[3], b[6], b[7]))
  }

  /// Four columns of four lanes: lanes 4i to 4i + 3 of columns j, j + 4, j + 8 and j + 12.
  private typealias Columns = (Pairs, Pairs, Pairs, Pairs)

  @_transparent
  private func fourLanes(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> Columns {
    let (ab, cd) = (low(a, b), low(c, d))
    let (abHigh, cdHigh) = (high(a, b), high(c, d))
    return (lowPairs(ab, cd), highPairs(ab, cd), lowPairs(abHigh, cdHigh), highPairs(abHigh, cdHigh))
  }

  /// Columns j, j + 4, j + 8 and j + 12 of 16 lanes.
  @_transparent
  private func sixteenLanes(_ a: Pairs, _ b: Pairs, _ c: Pairs, _ d: Pairs) -> (
    Vector, Vector, Vector, Vector
  ) {
    let (abEven, cdEven) = (evenQuarters(a, b), evenQuarters(c, d))
    let (abOdd, cdOdd) = (oddQuarters(a, b), oddQuarters(c, d))
    return (
      evenQuarters(abEven, cdEven), evenQuarters(abOdd, cdOdd), oddQuarters(abEven, cdEven),
      oddQuarters(abOdd, cdOdd)
    )
  }

  /// Writes 16 numbers of up to 16 lanes, the lanes side by side; absent lanes are zero.
  @inline(__always)
  func transposeSixteen(
    _ x: UnsafePointer<Float>, _ stride: Int, _ lanes: Int, _ out: UnsafeMutablePointer<Float>,
    _ outStride: Int, lastWidth: Int
  ) {
    let a = fourLanes(
      lane(x, stride, 0, lanes), lane(x, stride, 1, lanes), lane(x, stride, 2, lanes),
      lane(x, stride, 3, lanes))
    let b = fourLanes(
      lane(x, stride, 4, lanes), lane(x, stride, 5, lanes), lane(x, stride, 6, lanes),
      lane(x, stride, 7, lanes))
    let c = fourLanes(
      lane(x, stride, 8, lanes), lane(x, stride, 9, lanes), lane(x, stride, 10, lanes),
      lane(x, stride, 11, lanes))
    let d = fourLanes(
      lane(x, stride, 12, lanes), lane(x, stride, 13, lanes), lane(x, stride, 14, lanes),
      lane(x, stride, 15, lanes))
    let e = sixteenLanes(a.0, b.0, c.0, d.0)
    let f = sixteenLanes(a.1, b.1, c.1, d.1)
    let g = sixteenLanes(a.2, b.2, c.2, d.2)
    let h = sixteenLanes(a.3, b.3, c.3, d.3)
    store(e.0, out)
    store(f.0, out + outStride)
    store(g.0, out + 2 * outStride)
    store(h.0, out + 3 * outStride)
    store(e.1, out + 4 * outStride)
    store(f.1, out + 5 * outStride)
    store(g.1, out + 6 * outStride)
    store(h.1, out + 7 * outStride)
    store(e.2, out + 8 * outStride)
    store(f.2, out + 9 * outStride)
    store(g.2, out + 10 * outStride)
    store(h.2, out + 11 * outStride)
    store(e.3, out + 12 * outStride)
    store(f.3, out + 13 * outStride)
    store(g.3, out + 14 * outStride)
    store(h.3, out + 15 * outStride, lastWidth)
  }

#endif
