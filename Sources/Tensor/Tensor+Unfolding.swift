import Kernels

extension Tensor {
  /// What each tap of a window meets at each of its positions over `[N, C, H, W]` (im2col; PyTorch's `unfold`):
  /// `[N, C · taps, positions]`, zeros in the padding.
  public func unfold(
    window: (Int, Int), stride: (Int, Int) = (1, 1), padding: Padding2D = .zero, dilation: (Int, Int) = (1, 1)
  ) -> Tensor {
    if rank != 4 { programmerError("unfold: images \(shape) need four axes") }
    let sizes = WindowShape(shape, window, stride: stride, padding: padding, dilation: dilation, of: "unfold")
    let source = contiguous()
    let result = Tensor(uninitialized: [shape[0], shape[1] * sizes.kernelArea, sizes.outputArea])
    let (x, out, unfold) = (source.readPointer, result.pointer, Kernels.table.convolution.unfold)
    ThreadPool.parallelFor(count: shape[0] * shape[1]) { plane in
      withUnsafePointer(to: sizes) {
        unfold(
          $0, x + plane * sizes.inputArea, 0, sizes.outputHeight, sizes.outputArea,
          out + plane * sizes.kernelArea * sizes.outputArea)
      }
    }
    withExtendedLifetime(source.storage) {}
    return result
  }

  /// Adds what ``unfold(window:stride:padding:dilation:)`` read back to where it came from (col2im; PyTorch's `fold`):
  /// `[N, C · taps, positions]` as images `[N, C, height, width]`.
  public func fold(
    size: (height: Int, width: Int), window: (Int, Int), stride: (Int, Int) = (1, 1),
    padding: Padding2D = .zero,
    dilation: (Int, Int) = (1, 1)
  ) -> Tensor {
    guard rank == 3, window.0 > 0, window.1 > 0, shape[1] % (window.0 * window.1) == 0 else {
      programmerError("fold: shape \(shape) is not [N, C · taps, positions] of a window of \(window)")
    }
    let images: Shape = [shape[0], shape[1] / (window.0 * window.1), size.height, size.width]
    let sizes = WindowShape(images, window, stride: stride, padding: padding, dilation: dilation, of: "fold")
    if shape[2] != sizes.outputArea {
      programmerError("fold: shape \(shape), expected \(sizes.outputArea) positions over images \(images)")
    }
    let source = contiguous()
    let result = Tensor.zeros(images)
    let (x, out, fold) = (source.readPointer, result.pointer, Kernels.table.convolution.fold)
    ThreadPool.parallelFor(count: images[0] * images[1]) { plane in
      withUnsafePointer(to: sizes) {
        fold(
          $0, x + plane * sizes.kernelArea * sizes.outputArea, 0, sizes.outputHeight,
          out + plane * sizes.inputArea)
      }
    }
    withExtendedLifetime(source.storage) {}
    return result
  }
}
