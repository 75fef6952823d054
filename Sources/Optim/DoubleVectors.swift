// Vectors in double precision, for what single precision would spoil: minimisers and linear systems.

/// The sum of products of two vectors, in an order that depends on their length alone.
package func dot(_ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int) -> Double {
  var (first, second) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
  var place = 0
  while place + 8 <= count {
    first += four(x + place) * four(y + place)
    second += four(x + place + 4) * four(y + place + 4)
    place += 8
  }
  var sum = (first + second).sum()
  while place < count {
    sum += x[place] * y[place]
    place += 1
  }
  return sum
}

/// Adds a multiple of one vector to another.
package func addMultiple(
  _ factor: Double, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int
) {
  let factors = SIMD4(repeating: factor)
  var place = 0
  while place + 4 <= count {
    UnsafeMutableRawPointer(y + place).storeBytes(
      of: four(y + place) + factors * four(x + place), as: SIMD4<Double>.self)
    place += 4
  }
  while place < count {
    y[place] += factor * x[place]
    place += 1
  }
}

private func four(_ x: UnsafePointer<Double>) -> SIMD4<Double> {
  UnsafeRawPointer(x).loadUnaligned(as: SIMD4<Double>.self)
}
