/// Each other's derivatives.
extension Variable {
  /// What each tap of a window meets at each of its positions over `[N, C, H, W]` (im2col; PyTorch's `unfold`):
  /// `[N, C · taps, positions]`, zeros in the padding.
  public func unfold(
    window: (Int, Int), stride: (Int, Int) = (1, 1), padding: Padding2D = .zero, dilation: (Int, Int) = (1, 1)
  ) -> Variable {
    let value = value.unfold(window: window, stride: stride, padding: padding, dilation: dilation)
    let size = (height: shape[2], width: shape[3])
    return record("unfold", [self], value: value) {
      [$0.gradient.fold(size: size, window: window, stride: stride, padding: padding, dilation: dilation)]
    }
  }

  /// Adds what ``unfold(window:stride:padding:dilation:)`` read back to where it came from (col2im; PyTorch's `fold`):
  /// `[N, C · taps, positions]` as images `[N, C, height, width]`.
  public func fold(
    size: (height: Int, width: Int), window: (Int, Int), stride: (Int, Int) = (1, 1),
    padding: Padding2D = .zero,
    dilation: (Int, Int) = (1, 1)
  ) -> Variable {
    let value = value.fold(size: size, window: window, stride: stride, padding: padding, dilation: dilation)
    return record("fold", [self], value: value) {
      [$0.gradient.unfold(window: window, stride: stride, padding: padding, dilation: dilation)]
    }
  }
}
