/// What tensors and variables both do, so that a function written for either is written for both.
///
/// Nothing but ``Tensor`` and `Variable` needs to conform: what is computed from these operations alone has a gradient of
/// every order.
public protocol TensorOperations {
  /// Sizes of the axes, outermost first.
  var shape: Shape { get }

  /// Axes in another order: axis `i` of the result is axis `axes[i]` of self.
  func permute(_ axes: [Int]) -> Self
  /// The same elements in another shape; one size may be -1.
  func reshape(_ shape: Shape) -> Self
  /// Axes of size 1 repeated, and new leading axes added, up to `shape`.
  func expand(to shape: Shape) -> Self
  /// Every `step`-th element of `range` along an axis.
  func slice(_ range: some AxisRange, axis: Int, step: Int) -> Self
  /// Elements picked along an axis, one position for each element of the result.
  func takeAlong(_ indices: IndexTensor, axis: Int) -> Self
  /// A part by indices in brackets; see ``TensorIndex``.
  subscript(indices: any TensorIndex...) -> Self { get }

  /// Matrix product with broadcasting of the leading axes.
  func matmul(_ other: Self) -> Self
  /// Sum, with broadcasting.
  static func + (a: Self, b: Self) -> Self
  /// Difference, with broadcasting.
  static func - (a: Self, b: Self) -> Self
  /// Product of elements, with broadcasting.
  static func * (a: Self, b: Self) -> Self
  /// Multiplies every element by a number.
  static func * (a: Self, b: Float) -> Self

  /// Sum over axes, all for nil.
  func sum(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Product over axes, all for nil.
  func product(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Arithmetic mean over axes, all for nil.
  func mean(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Mean squared distance from the mean over axes, all for nil.
  func variance(axes: [Int]?, keepDimensions: Bool, unbiased: Bool) -> Self
  /// Standard deviation over axes, all for nil.
  func std(axes: [Int]?, keepDimensions: Bool, unbiased: Bool) -> Self
  /// Largest element over axes, all for nil.
  func max(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Smallest element over axes, all for nil.
  func min(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Middle element over axes, all for nil.
  func median(axes: [Int]?, keepDimensions: Bool) -> Self
  /// The element below which a share of all lies, over axes, all for nil.
  func quantile(_ probability: Float, axes: [Int]?, keepDimensions: Bool) -> Self
  /// Sum of squares over axes, all for nil.
  func sumOfSquares(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Euclidean norm over axes, all for nil.
  func norm(axes: [Int]?, keepDimensions: Bool) -> Self
  /// log(Σ eˣ) over axes, all for nil.
  func logSumExp(axes: [Int]?, keepDimensions: Bool) -> Self
  /// Whether an element over axes, all for nil, is not 0: a mask.
  func any(axes: [Int]?, keepDimensions: Bool) -> Tensor
  /// Whether no element over axes, all for nil, is 0: a mask.
  func all(axes: [Int]?, keepDimensions: Bool) -> Tensor
}

extension Tensor: TensorOperations {}

/// Reductions over one axis; -1 is the last.
extension TensorOperations {
  /// Sum along an axis.
  public func sum(axis: Int, keepDimensions: Bool = false) -> Self {
    sum(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Product along an axis.
  public func product(axis: Int, keepDimensions: Bool = false) -> Self {
    product(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Arithmetic mean along an axis.
  public func mean(axis: Int, keepDimensions: Bool = false) -> Self {
    mean(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Mean squared distance from the mean along an axis; `unbiased` divides by one less than the count.
  public func variance(axis: Int, keepDimensions: Bool = false, unbiased: Bool = false) -> Self {
    variance(axes: [axis], keepDimensions: keepDimensions, unbiased: unbiased)
  }

  /// Standard deviation along an axis; `unbiased` divides by one less than the count.
  public func std(axis: Int, keepDimensions: Bool = false, unbiased: Bool = false) -> Self {
    std(axes: [axis], keepDimensions: keepDimensions, unbiased: unbiased)
  }

  /// Largest element along an axis; traps when there is none to choose.
  public func max(axis: Int, keepDimensions: Bool = false) -> Self {
    max(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Smallest element along an axis; traps when there is none to choose.
  public func min(axis: Int, keepDimensions: Bool = false) -> Self {
    min(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Middle element along an axis, the smaller one of two; traps when there is none to choose.
  public func median(axis: Int, keepDimensions: Bool = false) -> Self {
    median(axes: [axis], keepDimensions: keepDimensions)
  }

  /// The number below which a share of the elements along an axis lies; see ``quantile(_:axes:keepDimensions:)``.
  public func quantile(_ probability: Float, axis: Int, keepDimensions: Bool = false) -> Self {
    quantile(probability, axes: [axis], keepDimensions: keepDimensions)
  }

  /// Sum of squares along an axis.
  public func sumOfSquares(axis: Int, keepDimensions: Bool = false) -> Self {
    sumOfSquares(axes: [axis], keepDimensions: keepDimensions)
  }

  /// Euclidean norm along an axis.
  public func norm(axis: Int, keepDimensions: Bool = false) -> Self {
    norm(axes: [axis], keepDimensions: keepDimensions)
  }

  /// log(Σ eˣ) along an axis, without overflow.
  public func logSumExp(axis: Int, keepDimensions: Bool = false) -> Self {
    logSumExp(axes: [axis], keepDimensions: keepDimensions)
  }

  /// 1 where an element along an axis is not 0, else 0.
  public func any(axis: Int, keepDimensions: Bool = false) -> Tensor {
    any(axes: [axis], keepDimensions: keepDimensions)
  }

  /// 1 where no element along an axis is 0, else 0.
  public func all(axis: Int, keepDimensions: Bool = false) -> Tensor {
    all(axes: [axis], keepDimensions: keepDimensions)
  }
}

extension TensorOperations {
  /// The elements where `mask` is not 0, in row-major order, of both broadcast to one shape.
  public func maskedSelect(_ mask: Tensor) -> Self {
    guard let common = shape.broadcast(with: mask.shape) else {
      programmerError("maskedSelect: shapes \(shape) and \(mask.shape) do not broadcast")
    }
    if common.isEmpty { return reshape([1]).maskedSelect(mask) }
    return expand(to: common)[mask.expand(to: common)]
  }
}
