extension Variable {
  /// The same elements in another shape; one size may be -1.
  public func reshape(_ shape: Shape) -> Variable {
    let before = self.shape
    return record("reshape", [self], value: value.reshape(shape)) { [$0.gradient.reshape(before)] }
  }

  /// Axes of size 1 repeated, and new leading axes added, up to `shape`.
  public func expand(to shape: Shape) -> Variable {
    // The sweep sums the gradient over the stretched axes.
    record("expand", [self], value: value.expand(to: shape)) { [$0.gradient] }
  }
}
