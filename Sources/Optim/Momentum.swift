import Kernels

/// AdaFactor's first moment of one parameter: in bfloat16, in single precision, or none.
struct Momentum {
  /// Of the state that it belongs to, which may be another than the parameter's.
  let shape: Shape
  private var short: [UInt16]?
  private var full: Tensor?

  /// Zeros, or nothing without a precision.
  init(_ precision: AdaFactor.MomentumPrecision?, shape: Shape) {
    self.shape = shape
    switch precision {
    case .bfloat16: short = Array(repeating: 0, count: shape.elementCount)
    case .float32: full = .zeros(shape)
    case nil: break
    }
  }

  /// The numbers; those that are set are rounded where there are bfloat16s.
  var tensor: Tensor? {
    get { full ?? short.map { Tensor($0.map(HalfPrecision.float(brain:)), shape: shape) } }
    set {
      if short != nil { short = newValue?.scalars.map(HalfPrecision.brain) } else { full = newValue }
    }
  }

  /// Where the numbers are: at most one of the two is not nil.
  struct Pointers {
    let short: UnsafeMutablePointer<UInt16>?
    let full: UnsafeMutablePointer<Float>?

    static func + (pointers: Pointers, offset: Int) -> Pointers {
      Pointers(short: pointers.short.map { $0 + offset }, full: pointers.full.map { $0 + offset })
    }
  }

  /// Passes the numbers, to be changed where they are.
  mutating func withPointers(_ body: (Pointers) -> Void) {
    guard short != nil else {
      return full.withUnsafeMutableScalars { body(Pointers(short: nil, full: $0)) }
    }
    short?.withUnsafeMutableBufferPointer { body(Pointers(short: $0.baseAddress, full: nil)) }
  }
}

extension Tensor? {
  /// Passes the numbers, to be changed in place, or nil.
  mutating func withUnsafeMutableScalars(_ body: (UnsafeMutablePointer<Float>?) -> Void) {
    if self == nil { return body(nil) }
    self?.withUnsafeMutableScalars { body($0.baseAddress) }
  }
}
