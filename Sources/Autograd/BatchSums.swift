/// Sums over all parts of a batch, for layers that normalise by the batch.
public struct BatchSums {
  /// Rows of the whole batch.
  public let rowCount: Int
  /// Whether the part is the first one of those that the same layers compute: it counts in running statistics.
  public let isFirst: Bool
  /// Waits for all other parts to come to the same place, and adds what they give.
  public let sum: (Tensor) -> Tensor

  /// The sums of a batch of so many rows.
  public init(rowCount: Int, isFirst: Bool, sum: @escaping (Tensor) -> Tensor) {
    (self.rowCount, self.isFirst, self.sum) = (rowCount, isFirst, sum)
  }

  /// Those of the part of a batch that is being computed; nil where it is computed by itself.
  public static var current: BatchSums? { BatchPart.current?.sums }

  /// The sum of what all parts give. Each part's gradient is the sum of all parts' gradients.
  public func callAsFunction(_ term: Variable) -> Variable {
    record("sumOfParts", [term], value: sum(term.value)) { context in [self(context.gradient)] }
  }
}
