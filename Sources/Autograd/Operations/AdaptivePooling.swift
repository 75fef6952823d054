/// Pooling of images `[N, C, H, W]` to a given size, whatever theirs is: window i of n over a length l goes from ⌊i l / n⌋ to
/// ⌈(i + 1) l / n⌉, as in PyTorch.
extension Variable {
  /// Means of windows: `[N, C, height, width]`.
  public func adaptiveAveragePool2d(_ size: (height: Int, width: Int)) -> Variable {
    checkAdaptivePool(size, of: "adaptiveAveragePool2d")
    func map(_ inputs: Int, _ outputs: Int) -> AxisMap {
      AxisMap(
        inputs: inputs,
        rows: (0..<outputs).map { row in
          let window = Tensor.adaptiveWindow(row, of: outputs, over: inputs)
          return window.map { ($0, 1 / Float(window.count)) }
        })
    }
    return mapped(axis: 2, by: map(shape[2], size.height)).mapped(axis: 3, by: map(shape[3], size.width))
  }

  /// Largest elements of windows: `[N, C, height, width]`; the first of equal ones receives the gradient.
  public func adaptiveMaxPool2d(_ size: (height: Int, width: Int)) -> Variable {
    checkAdaptivePool(size, of: "adaptiveMaxPool2d")
    let positions = value.adaptiveMaxima(size)
    return flatten(from: 2).takeAlong(positions, axis: 2).reshape(
      [shape[0], shape[1], size.height, size.width])
  }

  private func checkAdaptivePool(_ size: (height: Int, width: Int), of operation: StaticString) {
    if rank != 4 || shape[2] == 0 || shape[3] == 0 || size.height < 1 || size.width < 1 {
      programmerError("\(operation): shape \(shape) to \(size), expected [N, C, H, W] to sizes above 0")
    }
  }
}
