import Kernels

/// Order along an axis. NaN comes last whichever the direction; equal elements keep their order.
extension Tensor {
  /// Elements in order along an axis, and the positions they came from.
  public func sort(axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "sort")
    return ordered(axis: axis, count: shape[axis], descending: descending)
  }

  /// The `k` largest elements along an axis, largest first, and their positions.
  public func topK(_ k: Int, axis: Int = -1) -> (values: Tensor, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "topK")
    if k < 0 || k > shape[axis] { programmerError("topK: \(k) of axis \(axis) of shape \(shape)") }
    return ordered(axis: axis, count: k, descending: true)
  }

  private func ordered(axis: Int, count: Int, descending: Bool) -> (values: Tensor, indices: IndexTensor) {
    let source = transpose(axis, -1).contiguous()
    var shape = source.shape
    let size = shape[rank - 1]
    shape[rank - 1] = count
    let result = Tensor(uninitialized: shape)
    let (x, out) = (UnsafePointer(source.pointer), result.pointer)
    let positions = [Int32](unsafeUninitializedCapacity: result.count) { buffer, initialized in
      initialized = result.count
      let lines = result.count / Swift.max(count, 1)
      ThreadPool.parallelRanges(count: lines, grain: Swift.max(1, 2048 / Swift.max(size, 1))) { range in
        for line in range {
          let keys = OrderedKeys(x + line * size, count: size, descending: descending).first(count)
          for (i, position) in keys.enumerated() {
            out[line * count + i] = x[line * size + position]
            buffer[line * count + i] = Int32(position)
          }
        }
      }
    }
    withExtendedLifetime(source.storage) {}
    return (
      result.transpose(axis, -1), IndexTensor(positions, shape: shape).transpose(axis, -1)
    )
  }
}

/// Numbers with their positions, as integers that are in order when the numbers are and, among equals, the positions.
private struct OrderedKeys {
  private let x: UnsafePointer<Float>
  private let count: Int
  private let descending: Bool

  init(_ x: UnsafePointer<Float>, count: Int, descending: Bool) {
    self.x = x
    self.count = count
    self.descending = descending
  }

  private func key(_ position: Int) -> UInt64 {
    let value = x[position] + 0  // -0 becomes 0: the two are equal
    var bits = UInt32.max
    if !value.isNaN {
      let magnitude = value.bitPattern
      bits = magnitude >> 31 == 1 ? ~magnitude : magnitude | 1 << 31
      if descending { bits = ~bits }
    }
    return UInt64(bits) << 32 | UInt64(position)
  }

  /// Positions of the first `wanted` numbers in order.
  func first(_ wanted: Int) -> [Int] {
    var keys: [UInt64] = []
    // A few of many are found without sorting the rest.
    if wanted <= 64 && wanted * 4 < count {
      keys.reserveCapacity(wanted + 1)
      for position in 0..<count where wanted > 0 {
        let key = key(position)
        if keys.count == wanted {
          if key >= keys[wanted - 1] { continue }
          keys.removeLast()
        }
        var place = keys.count
        while place > 0 && keys[place - 1] > key { place -= 1 }
        keys.insert(key, at: place)
      }
    } else {
      keys = (0..<count).map { key($0) }
      keys.sort()
    }
    return keys.prefix(wanted).map { Int(UInt32(truncatingIfNeeded: $0)) }
  }
}
