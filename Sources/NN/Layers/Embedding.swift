/// A table of vectors, looked up by index.
public final class Embedding: Module, Hookable {
  /// `[count, width]`. Not called a weight, so that name patterns for weight decay pass it by, as big_vision's do.
  public let table: Parameter
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A table of `count` normally distributed vectors of variance 1 / width, as Flax's `Embed`.
  public convenience init(count: Int, width: Int, random: inout Random) {
    let deviation = 1 / Float(width).squareRoot()
    self.init(table: random.normal([count, width], standardDeviation: deviation))
  }

  /// A table of the given vectors, `[count, width]`.
  public init(table: Tensor) {
    if table.rank != 2 { programmerError("Embedding: a table of shape \(table.shape), expected two axes") }
    self.table = Parameter(table)
  }

  /// Vectors of the given indices: a shape of `[...]` becomes `[..., width]`.
  public func callAsFunction(_ indices: IndexTensor) -> Variable {
    withForwardHooks([]) { table.variable.take(indices, axis: 0) }
  }
}
