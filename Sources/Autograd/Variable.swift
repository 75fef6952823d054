@_exported import Tensor

/// A tensor whose origin is recorded, so that gradients can flow back through it.
///
/// Operations on variables compute at once and, where an input requires a gradient, add a node to the tape. A variable
/// without a node is a constant: working with constants costs no more than working with tensors.
public struct Variable {
  /// The numbers.
  public internal(set) var value: Tensor
  package internal(set) var node: Node?

  @inline(__always) package init(value: consuming Tensor, node: consuming Node?) {
    self.value = value
    self.node = node
  }

  /// A constant, or with `requiresGradient` a leaf for which ``backward(seed:retainGraph:)`` reports a gradient.
  public init(_ value: consuming Tensor, requiresGradient: Bool = false) {
    let node = requiresGradient ? Node(leaf: value.shape) : nil
    self.init(value: value, node: node)
  }

  /// A constant without axes.
  public init(_ value: Float) { self.init(Tensor(value)) }

  /// Whether gradients flow to or through this variable.
  public var requiresGradient: Bool { node != nil }

  /// Sizes of the axes.
  public var shape: Shape { value.shape }

  /// Number of axes.
  public var rank: Int { value.rank }

  /// Number of elements.
  public var count: Int { value.count }

  /// The same numbers as a constant.
  public func detach() -> Variable { Variable(value) }

  /// The only element; traps when there are more or none.
  public func item() -> Float { value.item() }
}

extension Variable: CustomStringConvertible {
  /// The value and whether it requires a gradient.
  public var description: String { requiresGradient ? "\(value) (requires gradient)" : "\(value)" }
}

package enum Recording {
  @TaskLocal package static var isEnabled = true
}

/// Runs `body` without adding to the tape: its results are constants.
public func withoutGradients<R>(_ body: () throws -> R) rethrows -> R {
  try Recording.$isEnabled.withValue(false, operation: body)
}

/// The same for a body that may be suspended: also what runs after it, on whatever thread, and in the child tasks that it
/// waits for adds nothing to the tape.
public func withoutGradients<R>(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
) async rethrows -> R {
  try await Recording.$isEnabled.withValue(false, operation: body, isolation: isolation)
}
