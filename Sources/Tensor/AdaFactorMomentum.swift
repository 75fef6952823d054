import Kernels

/// AdaFactor's first moment of one parameter: in bfloat16, in single precision, or none.
package struct AdaFactorMomentum: Sendable {
  private let shape: Shape
  private var short: [UInt16]?
  private var full: Tensor?

  private init(_ shape: Shape, short: [UInt16]? = nil, full: Tensor? = nil) {
    (self.shape, self.short, self.full) = (shape, short, full)
  }

  /// Zeros, two bytes for each number.
  package static func bfloat16(_ shape: Shape) -> AdaFactorMomentum {
    AdaFactorMomentum(shape, short: Array(repeating: 0, count: shape.elementCount))
  }

  /// Zeros, four bytes for each number.
  package static func float32(_ shape: Shape) -> AdaFactorMomentum {
    AdaFactorMomentum(shape, full: .zeros(shape))
  }

  /// Nothing is remembered.
  package static let none = AdaFactorMomentum([])

  /// The numbers; those that are set are rounded where there are bfloat16s.
  package var tensor: Tensor? {
    get {
      full
        ?? short.map { short in
          let result = Tensor(uninitialized: shape)
          Kernels.table.conversion.fromBFloat16(short, result.pointer, short.count)
          return result
        }
    }
    set {
      if short == nil { return full = newValue }
      short = newValue?.withUnsafeScalars { scalars in
        Array(unsafeUninitializedCapacity: scalars.count) { short, count in
          guard let target = short.baseAddress, let source = scalars.baseAddress else { return }
          Kernels.table.conversion.toBFloat16(source, target, scalars.count)
          count = scalars.count
        }
      }
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
      full?.makeUnique()
      return body(Pointers(short: nil, full: full?.pointer))
    }
    short?.withUnsafeMutableBufferPointer { body(Pointers(short: $0.baseAddress, full: nil)) }
  }
}
