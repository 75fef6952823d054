/// Largest elements of windows of `[batch, channels, height, width]`.
public final class MaxPool2d: Layer {
  /// Height and width of a window.
  public let window: (Int, Int)
  /// Distance between windows, down and across.
  public let stride: (Int, Int)
  /// Elements around the image that never are the largest.
  public let padding: Padding2D

  /// A layer whose stride is the window's size if not given.
  public init(window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
  }

  /// The same with square windows.
  public convenience init(window: Int, stride: Int? = nil, padding: Int = 0) {
    self.init(
      window: (window, window), stride: stride.map { ($0, $0) }, padding: Padding2D(padding))
  }

  /// Maps `[batch, channels, height, width]` to `[batch, channels, height', width']`.
  public func callAsFunction(_ x: Variable) -> Variable {
    x.maxPool2d(window: window, stride: stride, padding: padding)
  }
}

/// Means of windows of `[batch, channels, height, width]`.
public final class AveragePool2d: Layer {
  /// Height and width of a window.
  public let window: (Int, Int)
  /// Distance between windows, down and across.
  public let stride: (Int, Int)
  /// Zeros around the image.
  public let padding: Padding2D
  /// Whether padding counts as elements of the mean.
  public let countsPadding: Bool

  /// A layer whose stride is the window's size if not given.
  public init(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero, countsPadding: Bool = true
  ) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
    self.countsPadding = countsPadding
  }

  /// The same with square windows.
  public convenience init(window: Int, stride: Int? = nil, padding: Int = 0, countsPadding: Bool = true) {
    self.init(
      window: (window, window), stride: stride.map { ($0, $0) }, padding: Padding2D(padding),
      countsPadding: countsPadding)
  }

  /// Maps `[batch, channels, height, width]` to `[batch, channels, height', width']`.
  public func callAsFunction(_ x: Variable) -> Variable {
    x.averagePool2d(window: window, stride: stride, padding: padding, countsPadding: countsPadding)
  }
}

/// Means over height and width.
public final class GlobalAveragePool2d: Layer {
  /// A layer for images of any size.
  public init() {}

  /// Maps `[batch, channels, height, width]` to `[batch, channels]`.
  public func callAsFunction(_ x: Variable) -> Variable { x.globalAveragePool2d() }
}

/// All axes but the first as one.
public final class Flatten: Layer {
  /// A layer for any shape.
  public init() {}

  /// Maps `[batch, ...]` to `[batch, features]`.
  public func callAsFunction(_ x: Variable) -> Variable { x.flatten(from: 1) }
}
