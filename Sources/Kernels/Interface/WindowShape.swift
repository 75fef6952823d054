/// How a window of `kernelHeight` x `kernelWidth` taps slides over a plane, in convolutions and pooling.
public struct WindowShape: Sendable, Equatable {
  /// Height of the plane.
  public var inputHeight: Int
  /// Width of the plane.
  public var inputWidth: Int
  /// Taps from top to bottom.
  public var kernelHeight: Int
  /// Taps from left to right.
  public var kernelWidth: Int
  /// Rows from one position to the next.
  public var strideHeight: Int
  /// Columns from one position to the next.
  public var strideWidth: Int
  /// Rows added above the plane.
  public var paddingTop: Int
  /// Rows added below the plane.
  public var paddingBottom: Int
  /// Columns added to the left.
  public var paddingLeft: Int
  /// Columns added to the right.
  public var paddingRight: Int
  /// Rows from one tap to the next.
  public var dilationHeight: Int
  /// Columns from one tap to the next.
  public var dilationWidth: Int

  /// Rows of positions; not positive if the window does not fit.
  public var outputHeight: Int {
    let slack = inputHeight + paddingTop + paddingBottom - (kernelHeight - 1) * dilationHeight - 1
    return slack < 0 ? 0 : slack / strideHeight + 1
  }

  /// Columns of positions; not positive if the window does not fit.
  public var outputWidth: Int {
    let slack = inputWidth + paddingLeft + paddingRight - (kernelWidth - 1) * dilationWidth - 1
    return slack < 0 ? 0 : slack / strideWidth + 1
  }

  /// Number of taps.
  public var kernelArea: Int { kernelHeight * kernelWidth }
  /// Numbers in the plane.
  public var inputArea: Int { inputHeight * inputWidth }
  /// Number of positions.
  public var outputArea: Int { outputHeight * outputWidth }

  /// Describes a window; by default it moves by one, without padding and without gaps between its taps.
  public init(
    inputHeight: Int, inputWidth: Int, kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1,
    strideWidth: Int = 1, paddingTop: Int = 0, paddingBottom: Int = 0, paddingLeft: Int = 0,
    paddingRight: Int = 0,
    dilationHeight: Int = 1, dilationWidth: Int = 1
  ) {
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.paddingTop = paddingTop
    self.paddingBottom = paddingBottom
    self.paddingLeft = paddingLeft
    self.paddingRight = paddingRight
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
  }
}
