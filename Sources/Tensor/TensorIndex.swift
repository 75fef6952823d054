/// What stands in the brackets of a tensor: `x[0, 1..<3]`, `x[.ellipsis, -1]`, `x[x .> 0]`.
///
/// - A position takes one entry and drops its axis; negative ones count from the end.
/// - A range keeps its axis; see ``AxisRange``. `0...` is all of it.
/// - ``stride(from:to:by:)`` takes every so many entries, also backwards.
/// - ``newAxis`` adds an axis of size 1.
/// - ``ellipsis`` stands for all axes that nothing else names. Without it they come last.
/// - An ``IndexTensor`` picks entries in any order; negative positions count from the end. Several broadcast with one
///   another and pick element by element. Their axes take the place of the axes they pick from where these are
///   neighbours, once positions have dropped and ``newAxis`` has added axes, and come first where they are not (as in
///   PyTorch).
/// - A ``Tensor`` is a mask of the shape of the axes in its place: it picks where it is not 0, in row-major order.
///
/// Positions and ranges give views, which cost nothing; index tensors and masks copy.
public protocol TensorIndex {
  /// The index as one of the above.
  var indexTerm: IndexTerm { get }
}

/// Any ``TensorIndex``, before it is held against a shape.
public struct IndexTerm: TensorIndex, Sendable {
  enum Kind {
    case position(Int)
    case range(AxisBounds)
    case stride(from: Int?, to: Int?, by: Int)
    case newAxis
    case ellipsis
    case picks(IndexTensor)
    case mask(Tensor)
  }

  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }

  /// Self.
  public var indexTerm: IndexTerm { self }

  /// How many axes of the whole it names; nil for as many as are left.
  var axisCount: Int? {
    switch kind {
    case .position, .range, .stride, .picks: 1
    case .newAxis: 0
    case .ellipsis: nil
    case .mask(let mask): mask.rank
    }
  }
}

extension TensorIndex where Self == IndexTerm {
  /// All axes that no other index names.
  public static var ellipsis: IndexTerm { IndexTerm(.ellipsis) }

  /// An axis of size 1.
  public static var newAxis: IndexTerm { IndexTerm(.newAxis) }

  /// Every `step`-th position from `start` on, before `end` is reached: `.stride(by: 2)`, `.stride(from: 5, to: 1, by: -1)`,
  /// `.stride(by: -1)` for an axis reversed. Negative positions count from the end; those not given are the ends of the
  /// axis, in the direction of the step.
  public static func stride(from start: Int? = nil, to end: Int? = nil, by step: Int) -> IndexTerm {
    IndexTerm(.stride(from: start, to: end, by: step))
  }
}

extension Int: TensorIndex {
  /// One entry.
  public var indexTerm: IndexTerm { IndexTerm(.position(self)) }
}

extension AxisRange {
  /// The entries of the range.
  public var indexTerm: IndexTerm { IndexTerm(.range(axisBounds)) }
}

extension IndexTensor: TensorIndex {
  /// The entries at these positions.
  public var indexTerm: IndexTerm { IndexTerm(.picks(self)) }
}

extension Tensor: TensorIndex {
  /// The elements where the tensor is not 0.
  public var indexTerm: IndexTerm { IndexTerm(.mask(self)) }
}
