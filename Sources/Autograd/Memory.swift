import Kernels

extension Tensor {
  /// Up to three new contiguous tensors, nil where no shape is given, all filled by one call of `body`.
  static func make(
    _ shapes: [Shape?],
    _ body: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  ) -> [Tensor?] {
    var tensors: [Tensor?] = []
    func fill(_ addresses: [UnsafeMutablePointer<Float>?]) {
      let position = addresses.count
      guard position < shapes.count else {
        let all = addresses + [nil, nil, nil]
        return body(all[0], all[1], all[2])
      }
      guard let shape = shapes[position] else {
        fill(addresses + [nil])
        return tensors.append(nil)
      }
      tensors.append(Tensor(uninitialized: shape) { fill(addresses + [$0.baseAddress]) })
    }
    fill([])
    return tensors.reversed()
  }
}

extension Tensor {
  /// The product with a number. A loss that nothing scales, the usual case, gives its gradients away without copying them.
  func scaled(by factor: Float) -> Tensor { factor == 1 ? self : self * factor }
}

extension Optional<Tensor> {
  /// Calls `body` with the address of the first element, or with nil.
  func withAddress(_ body: (UnsafePointer<Float>?) -> Void) {
    guard let self else { return body(nil) }
    self.withUnsafeStrided { body($0) }
  }
}

/// Calls `body` with room for `count` numbers from the pool.
func withScratch(count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  _ = Tensor(uninitialized: [count]) { body($0.baseAddress!) }
}

extension MatrixView {
  /// The same matrix with rows and columns exchanged.
  var transposed: MatrixView { MatrixView(pointer, rowStride: columnStride, columnStride: rowStride) }
}
