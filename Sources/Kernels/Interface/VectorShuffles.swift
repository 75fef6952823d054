// Vectors put together from the numbers of two, as single operations of the compiler: written lane by lane, several in a row
// are taken apart and put together again number by number. Where those operations are not to be had, lanes take their place.
// Together they transpose (see GemmTranspose.swift).

#if hasFeature(BuiltinModule)
  import Builtin

  extension SIMD16 where Scalar == Float {
    /// Numbers 0, 1, 4, 5, ... of both in turn.
    @_transparent
    public func unpackLow(_ other: Self) -> Self {
      let indices = shuffleIndices(0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }

    /// Numbers 2, 3, 6, 7, ... of both in turn.
    @_transparent
    public func unpackHigh(_ other: Self) -> Self {
      let indices = shuffleIndices(2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }

    /// Pairs 0, 2, 4, 6 of both in turn.
    @_transparent
    public func unpackLowPairs(_ other: Self) -> Self {
      let indices = shuffleIndices(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }

    /// Pairs 1, 3, 5, 7 of both in turn.
    @_transparent
    public func unpackHighPairs(_ other: Self) -> Self {
      let indices = shuffleIndices(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }

    /// Quarters 0 and 2 of this vector, then of the other.
    @_transparent
    public func evenQuarters(_ other: Self) -> Self {
      let indices = shuffleIndices(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }

    /// Quarters 1 and 3 of this vector, then of the other.
    @_transparent
    public func oddQuarters(_ other: Self) -> Self {
      let indices = shuffleIndices(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
      return Self(Builtin.shufflevector_Vec16xFPIEEE32_Vec16xInt32(bits, other.bits, indices))
    }
  }

  /// The indices of a shuffle. They must be literals, and each step a constant of its own: a variable would not be one.
  @_transparent
  @usableFromInline
  func shuffleIndices(
    _ i0: Int32, _ i1: Int32, _ i2: Int32, _ i3: Int32, _ i4: Int32, _ i5: Int32, _ i6: Int32, _ i7: Int32,
    _ i8: Int32, _ i9: Int32, _ i10: Int32, _ i11: Int32, _ i12: Int32, _ i13: Int32, _ i14: Int32,
    _ i15: Int32
  ) -> Builtin.Vec16xInt32 {
    let v0 = Builtin.insertelement_Vec16xInt32_Int32_Int32(
      Builtin.zeroInitializer(), i0._value, (0 as Int32)._value)
    let v1 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v0, i1._value, (1 as Int32)._value)
    let v2 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v1, i2._value, (2 as Int32)._value)
    let v3 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v2, i3._value, (3 as Int32)._value)
    let v4 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v3, i4._value, (4 as Int32)._value)
    let v5 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v4, i5._value, (5 as Int32)._value)
    let v6 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v5, i6._value, (6 as Int32)._value)
    let v7 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v6, i7._value, (7 as Int32)._value)
    let v8 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v7, i8._value, (8 as Int32)._value)
    let v9 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v8, i9._value, (9 as Int32)._value)
    let v10 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v9, i10._value, (10 as Int32)._value)
    let v11 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v10, i11._value, (11 as Int32)._value)
    let v12 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v11, i12._value, (12 as Int32)._value)
    let v13 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v12, i13._value, (13 as Int32)._value)
    let v14 = Builtin.insertelement_Vec16xInt32_Int32_Int32(v13, i14._value, (14 as Int32)._value)
    return Builtin.insertelement_Vec16xInt32_Int32_Int32(v14, i15._value, (15 as Int32)._value)
  }
#else
  extension SIMD16 where Scalar == Float {
    /// Numbers 0, 1, 4, 5, ... of both in turn.
    @_transparent
    public func unpackLow(_ other: Self) -> Self {
      Self(
        self[0], other[0], self[1], other[1], self[4], other[4], self[5], other[5], self[8], other[8],
        self[9], other[9], self[12], other[12], self[13], other[13])
    }

    /// Numbers 2, 3, 6, 7, ... of both in turn.
    @_transparent
    public func unpackHigh(_ other: Self) -> Self {
      Self(
        self[2], other[2], self[3], other[3], self[6], other[6], self[7], other[7], self[10], other[10],
        self[11], other[11], self[14], other[14], self[15], other[15])
    }

    /// Pairs 0, 2, 4, 6 of both in turn.
    @_transparent
    public func unpackLowPairs(_ other: Self) -> Self {
      Self(
        self[0], self[1], other[0], other[1], self[4], self[5], other[4], other[5], self[8], self[9],
        other[8], other[9], self[12], self[13], other[12], other[13])
    }

    /// Pairs 1, 3, 5, 7 of both in turn.
    @_transparent
    public func unpackHighPairs(_ other: Self) -> Self {
      Self(
        self[2], self[3], other[2], other[3], self[6], self[7], other[6], other[7], self[10], self[11],
        other[10], other[11], self[14], self[15], other[14], other[15])
    }

    /// Quarters 0 and 2 of this vector, then of the other.
    @_transparent
    public func evenQuarters(_ other: Self) -> Self {
      Self(
        self[0], self[1], self[2], self[3], self[8], self[9], self[10], self[11], other[0], other[1],
        other[2], other[3], other[8], other[9], other[10], other[11])
    }

    /// Quarters 1 and 3 of this vector, then of the other.
    @_transparent
    public func oddQuarters(_ other: Self) -> Self {
      Self(
        self[4], self[5], self[6], self[7], self[12], self[13], self[14], self[15], other[4], other[5],
        other[6], other[7], other[12], other[13], other[14], other[15])
    }
  }
#endif
