import Tensor

extension Tensor {
  /// Whether it holds neither NaN nor an infinity.
  public var isFinite: Bool { withUnsafeScalars { $0.allSatisfy(\.isFinite) } }
}
