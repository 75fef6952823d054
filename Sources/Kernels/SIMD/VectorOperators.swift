// The arithmetic of vectors as single operations of the compiler.
//
// The standard library's is written lane by lane. The machine code comes out the same, but a vector operation is 64
// instructions on the way there, and compiling the kernels takes twice as long. Where the compiler's own operations
// are not to be had, the standard library's take their place.

#if hasFeature(BuiltinModule)
  import Builtin

  extension SIMD16 where Scalar == Float {
    @_transparent
    static func + (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fadd_Vec16xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func - (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fsub_Vec16xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func * (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fmul_Vec16xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func / (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fdiv_Vec16xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    func squareRoot() -> Self {
      var result = self
      result._storage._value = Builtin.int_sqrt_Vec16xFPIEEE32(_storage._value)
      return result
    }

    @_transparent
    func addingProduct(_ a: Self, _ b: Self) -> Self {
      var result = self
      result._storage._value = Builtin.int_fma_Vec16xFPIEEE32(
        a._storage._value, b._storage._value, _storage._value)
      return result
    }

    @_transparent
    func replacing(with other: Self, where mask: SIMDMask<SIMD16<Int32>>) -> Self {
      var result = self
      let isChosen = Builtin.cmp_slt_Vec16xInt32(
        mask._storage._storage._value, Builtin.zeroInitializer())
      result._storage._value = Builtin.select_Vec16xInt1_Vec16xFPIEEE32(
        isChosen, other._storage._value, _storage._value)
      return result
    }
  }

  extension SIMD8 where Scalar == Float {
    @_transparent
    static func + (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fadd_Vec8xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func - (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fsub_Vec8xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func * (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fmul_Vec8xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func / (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fdiv_Vec8xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    func squareRoot() -> Self {
      var result = self
      result._storage._value = Builtin.int_sqrt_Vec8xFPIEEE32(_storage._value)
      return result
    }

    @_transparent
    func addingProduct(_ a: Self, _ b: Self) -> Self {
      var result = self
      result._storage._value = Builtin.int_fma_Vec8xFPIEEE32(
        a._storage._value, b._storage._value, _storage._value)
      return result
    }

    @_transparent
    func replacing(with other: Self, where mask: SIMDMask<SIMD8<Int32>>) -> Self {
      var result = self
      let isChosen = Builtin.cmp_slt_Vec8xInt32(
        mask._storage._storage._value, Builtin.zeroInitializer())
      result._storage._value = Builtin.select_Vec8xInt1_Vec8xFPIEEE32(
        isChosen, other._storage._value, _storage._value)
      return result
    }
  }

  extension SIMD4 where Scalar == Float {
    @_transparent
    static func + (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fadd_Vec4xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func - (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fsub_Vec4xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func * (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fmul_Vec4xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func / (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.fdiv_Vec4xFPIEEE32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    func squareRoot() -> Self {
      var result = self
      result._storage._value = Builtin.int_sqrt_Vec4xFPIEEE32(_storage._value)
      return result
    }

    @_transparent
    func addingProduct(_ a: Self, _ b: Self) -> Self {
      var result = self
      result._storage._value = Builtin.int_fma_Vec4xFPIEEE32(
        a._storage._value, b._storage._value, _storage._value)
      return result
    }

    @_transparent
    func replacing(with other: Self, where mask: SIMDMask<SIMD4<Int32>>) -> Self {
      var result = self
      let isChosen = Builtin.cmp_slt_Vec4xInt32(
        mask._storage._storage._value, Builtin.zeroInitializer())
      result._storage._value = Builtin.select_Vec4xInt1_Vec4xFPIEEE32(
        isChosen, other._storage._value, _storage._value)
      return result
    }
  }

  extension SIMD16 where Scalar == Int32 {
    @_transparent
    static func & (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.and_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func | (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.or_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func ^ (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.xor_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &+ (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.add_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &- (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.sub_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &<< (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.shl_Vec16xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func &>> (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.ashr_Vec16xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func & (a: Self, b: Int32) -> Self { a & Self(repeating: b) }

    @_transparent
    static func | (a: Self, b: Int32) -> Self { a | Self(repeating: b) }

    @_transparent
    static func ^ (a: Self, b: Int32) -> Self { a ^ Self(repeating: b) }

    @_transparent
    static func &+ (a: Self, b: Int32) -> Self { a &+ Self(repeating: b) }

    @_transparent
    static func &- (a: Self, b: Int32) -> Self { a &- Self(repeating: b) }

    @_transparent
    static func &<< (a: Self, b: Int32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    static func &>> (a: Self, b: Int32) -> Self { a &>> Self(repeating: b) }

  }

  extension SIMD16 where Scalar == UInt32 {
    @_transparent
    static func & (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.and_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func | (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.or_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &+ (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.add_Vec16xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &<< (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.shl_Vec16xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func &>> (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.lshr_Vec16xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func & (a: Self, b: UInt32) -> Self { a & Self(repeating: b) }

    @_transparent
    static func | (a: Self, b: UInt32) -> Self { a | Self(repeating: b) }

    @_transparent
    static func &+ (a: Self, b: UInt32) -> Self { a &+ Self(repeating: b) }

    @_transparent
    static func &<< (a: Self, b: UInt32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    static func &>> (a: Self, b: UInt32) -> Self { a &>> Self(repeating: b) }

    @_transparent
    func replacing(with other: Self, where mask: SIMDMask<SIMD16<Int32>>) -> Self {
      var result = self
      let isChosen = Builtin.cmp_slt_Vec16xInt32(
        mask._storage._storage._value, Builtin.zeroInitializer())
      result._storage._value = Builtin.select_Vec16xInt1_Vec16xInt32(
        isChosen, other._storage._value, _storage._value)
      return result
    }

  }

  extension SIMD8 where Scalar == UInt32 {
    @_transparent
    static func & (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.and_Vec8xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func | (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.or_Vec8xInt32(a._storage._value, b._storage._value)
      return result
    }

    @_transparent
    static func &<< (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.shl_Vec8xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func &>> (a: Self, b: Self) -> Self {
      var result = a
      result._storage._value = Builtin.lshr_Vec8xInt32(
        a._storage._value, (b & Self(repeating: 31))._storage._value)
      return result
    }

    @_transparent
    static func & (a: Self, b: UInt32) -> Self { a & Self(repeating: b) }

    @_transparent
    static func &<< (a: Self, b: UInt32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    static func &>> (a: Self, b: UInt32) -> Self { a &>> Self(repeating: b) }

  }

#endif
