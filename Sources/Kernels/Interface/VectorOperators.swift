// The arithmetic of vectors as single operations of the compiler.
//
// The standard library writes it lane by lane: an addition of 16 numbers is 64 instructions until LLVM finds the vector
// again, and most of the time that the kernels took to compile was spent on those. Where the compiler's own operations are
// not to be had, the standard library's take their place.
//
// Those operations have another name for each type, so nothing here can be written for several types at once.
//
// They stand in a module apart from the kernels: of another file in the same module, a debug build would call them.

// What they do is what the standard library's do.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

#if hasFeature(BuiltinModule)
  import Builtin

  extension SIMD16 where Scalar == Float {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec16xFPIEEE32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec16xFPIEEE32 { _storage._value }

    @_transparent
    public static func + (a: Self, b: Self) -> Self { Self(Builtin.fadd_Vec16xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func - (a: Self, b: Self) -> Self { Self(Builtin.fsub_Vec16xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func * (a: Self, b: Self) -> Self { Self(Builtin.fmul_Vec16xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func / (a: Self, b: Self) -> Self { Self(Builtin.fdiv_Vec16xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    public static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    public func squareRoot() -> Self { Self(Builtin.int_sqrt_Vec16xFPIEEE32(bits)) }

    @_transparent
    public func addingProduct(_ a: Self, _ b: Self) -> Self {
      Self(Builtin.int_fma_Vec16xFPIEEE32(a.bits, b.bits, bits))
    }

    @_transparent
    public func replacing(with other: Self, where mask: SIMDMask<SIMD16<Int32>>) -> Self {
      let isChosen = Builtin.cmp_slt_Vec16xInt32(mask._storage._storage._value, Builtin.zeroInitializer())
      return Self(Builtin.select_Vec16xInt1_Vec16xFPIEEE32(isChosen, other.bits, bits))
    }
  }

  extension SIMD8 where Scalar == Float {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec8xFPIEEE32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec8xFPIEEE32 { _storage._value }

    @_transparent
    public static func + (a: Self, b: Self) -> Self { Self(Builtin.fadd_Vec8xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func - (a: Self, b: Self) -> Self { Self(Builtin.fsub_Vec8xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func * (a: Self, b: Self) -> Self { Self(Builtin.fmul_Vec8xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func / (a: Self, b: Self) -> Self { Self(Builtin.fdiv_Vec8xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    public static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    public func squareRoot() -> Self { Self(Builtin.int_sqrt_Vec8xFPIEEE32(bits)) }

    @_transparent
    public func addingProduct(_ a: Self, _ b: Self) -> Self {
      Self(Builtin.int_fma_Vec8xFPIEEE32(a.bits, b.bits, bits))
    }

    @_transparent
    public func replacing(with other: Self, where mask: SIMDMask<SIMD8<Int32>>) -> Self {
      let isChosen = Builtin.cmp_slt_Vec8xInt32(mask._storage._storage._value, Builtin.zeroInitializer())
      return Self(Builtin.select_Vec8xInt1_Vec8xFPIEEE32(isChosen, other.bits, bits))
    }
  }

  extension SIMD4 where Scalar == Float {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec4xFPIEEE32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec4xFPIEEE32 { _storage._value }

    @_transparent
    public static func + (a: Self, b: Self) -> Self { Self(Builtin.fadd_Vec4xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func - (a: Self, b: Self) -> Self { Self(Builtin.fsub_Vec4xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func * (a: Self, b: Self) -> Self { Self(Builtin.fmul_Vec4xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func / (a: Self, b: Self) -> Self { Self(Builtin.fdiv_Vec4xFPIEEE32(a.bits, b.bits)) }

    @_transparent
    public static func += (a: inout Self, b: Self) { a = a + b }

    @_transparent
    public static func * (a: Self, b: Float) -> Self { a * Self(repeating: b) }

    @_transparent
    public func squareRoot() -> Self { Self(Builtin.int_sqrt_Vec4xFPIEEE32(bits)) }

    @_transparent
    public func addingProduct(_ a: Self, _ b: Self) -> Self {
      Self(Builtin.int_fma_Vec4xFPIEEE32(a.bits, b.bits, bits))
    }

    @_transparent
    public func replacing(with other: Self, where mask: SIMDMask<SIMD4<Int32>>) -> Self {
      let isChosen = Builtin.cmp_slt_Vec4xInt32(mask._storage._storage._value, Builtin.zeroInitializer())
      return Self(Builtin.select_Vec4xInt1_Vec4xFPIEEE32(isChosen, other.bits, bits))
    }
  }

  extension SIMD16 where Scalar == Int32 {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec16xInt32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec16xInt32 { _storage._value }

    @_transparent
    public static func & (a: Self, b: Self) -> Self { Self(Builtin.and_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func | (a: Self, b: Self) -> Self { Self(Builtin.or_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func ^ (a: Self, b: Self) -> Self { Self(Builtin.xor_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &+ (a: Self, b: Self) -> Self { Self(Builtin.add_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &- (a: Self, b: Self) -> Self { Self(Builtin.sub_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &<< (a: Self, b: Self) -> Self {
      Self(Builtin.shl_Vec16xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func &>> (a: Self, b: Self) -> Self {
      Self(Builtin.ashr_Vec16xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func & (a: Self, b: Int32) -> Self { a & Self(repeating: b) }

    @_transparent
    public static func | (a: Self, b: Int32) -> Self { a | Self(repeating: b) }

    @_transparent
    public static func ^ (a: Self, b: Int32) -> Self { a ^ Self(repeating: b) }

    @_transparent
    public static func &+ (a: Self, b: Int32) -> Self { a &+ Self(repeating: b) }

    @_transparent
    public static func &- (a: Self, b: Int32) -> Self { a &- Self(repeating: b) }

    @_transparent
    public static func &<< (a: Self, b: Int32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    public static func &>> (a: Self, b: Int32) -> Self { a &>> Self(repeating: b) }
  }

  extension SIMD16 where Scalar == UInt32 {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec16xInt32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec16xInt32 { _storage._value }

    @_transparent
    public static func & (a: Self, b: Self) -> Self { Self(Builtin.and_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func | (a: Self, b: Self) -> Self { Self(Builtin.or_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &+ (a: Self, b: Self) -> Self { Self(Builtin.add_Vec16xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &<< (a: Self, b: Self) -> Self {
      Self(Builtin.shl_Vec16xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func &>> (a: Self, b: Self) -> Self {
      Self(Builtin.lshr_Vec16xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func & (a: Self, b: UInt32) -> Self { a & Self(repeating: b) }

    @_transparent
    public static func | (a: Self, b: UInt32) -> Self { a | Self(repeating: b) }

    @_transparent
    public static func &+ (a: Self, b: UInt32) -> Self { a &+ Self(repeating: b) }

    @_transparent
    public static func &<< (a: Self, b: UInt32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    public static func &>> (a: Self, b: UInt32) -> Self { a &>> Self(repeating: b) }

    @_transparent
    public func replacing(with other: Self, where mask: SIMDMask<SIMD16<Int32>>) -> Self {
      let isChosen = Builtin.cmp_slt_Vec16xInt32(mask._storage._storage._value, Builtin.zeroInitializer())
      return Self(Builtin.select_Vec16xInt1_Vec16xInt32(isChosen, other.bits, bits))
    }
  }

  extension SIMD8 where Scalar == UInt32 {
    @_transparent
    @usableFromInline
    init(_ bits: Builtin.Vec8xInt32) {
      self.init()
      _storage._value = bits
    }

    @_transparent
    @usableFromInline
    var bits: Builtin.Vec8xInt32 { _storage._value }

    @_transparent
    public static func & (a: Self, b: Self) -> Self { Self(Builtin.and_Vec8xInt32(a.bits, b.bits)) }

    @_transparent
    public static func | (a: Self, b: Self) -> Self { Self(Builtin.or_Vec8xInt32(a.bits, b.bits)) }

    @_transparent
    public static func &<< (a: Self, b: Self) -> Self {
      Self(Builtin.shl_Vec8xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func &>> (a: Self, b: Self) -> Self {
      Self(Builtin.lshr_Vec8xInt32(a.bits, (b & Self(repeating: 31)).bits))
    }

    @_transparent
    public static func & (a: Self, b: UInt32) -> Self { a & Self(repeating: b) }

    @_transparent
    public static func &<< (a: Self, b: UInt32) -> Self { a &<< Self(repeating: b) }

    @_transparent
    public static func &>> (a: Self, b: UInt32) -> Self { a &>> Self(repeating: b) }
  }
#endif
