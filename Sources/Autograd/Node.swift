import Synchronization

/// One operation on the tape: where its inputs came from, what it kept, and how a gradient passes back.
///
/// Immutable but for ``release()``, which the sweep calls when it has passed.
package final class Node {
  private static let created = Atomic<UInt64>(0)

  /// Number of nodes made before this one. Inputs are older than outputs, so descending order is a valid order of
  /// the backward sweep.
  package let id: UInt64
  package let name: StaticString
  package let shape: Shape
  /// Of products in the derivatives.
  let matmulPrecision: MatmulPrecision
  /// Where the value came from: none for a leaf.
  private(set) var inputs: [Input]
  private(set) var output: Tensor?
  /// Nil for a leaf and once the sweep has passed.
  private(set) var derivatives: Derivatives?

  /// What an operation was applied to.
  struct Input {
    /// Nil for a constant.
    fileprivate(set) var node: Node?
    let shape: Shape
    /// The numbers, where a derivative reads them.
    fileprivate(set) var value: Tensor?
  }

  /// How a gradient passes back.
  struct Derivatives {
    let fused: FusedDerivative?
    let general: Derivative
  }

  /// A leaf: something that gradients are wanted for.
  package init(leaf shape: Shape) {
    id = Node.nextID()
    name = "leaf"
    self.shape = shape
    matmulPrecision = .float32
    inputs = []
  }

  init(
    name: StaticString, inputs: [Variable], value: borrowing Tensor, saving saved: SavedValues,
    derivatives: Derivatives
  ) {
    id = Node.nextID()
    self.name = name
    shape = value.shape
    matmulPrecision = Compute.roundsProducts ? Compute.gradientMatmulPrecision : .float32
    output = saved.contains(.output) ? copy value : nil
    self.derivatives = derivatives
    self.inputs = []
    self.inputs.reserveCapacity(inputs.count)
    for position in inputs.indices {
      self.inputs.append(
        Input(
          node: inputs[position].node, shape: inputs[position].shape,
          value: saved.contains(.input(position)) ? inputs[position].value : nil))
    }
  }

  /// The number that the next node will exceed or have.
  static var nextIDBound: UInt64 { created.load(ordering: .relaxed) }

  private static func nextID() -> UInt64 { created.wrappingAdd(1, ordering: .relaxed).oldValue }

  var isLeaf: Bool { inputs.isEmpty }

  /// Lets go of everything kept for the derivative.
  func release() {
    derivatives = nil
    output = nil
    for position in inputs.indices { inputs[position].value = nil }
  }

  // A chain of nodes would otherwise be freed recursively and, if long, overflow the stack.
  deinit {
    var pending: [Node] = []
    moveSoleInputs(to: &pending)
    while let node = pending.popLast() { node.moveSoleInputs(to: &pending) }
  }

  /// Takes out the inputs that nobody else refers to.
  private func moveSoleInputs(to pending: inout [Node]) {
    for position in inputs.indices where inputs[position].isSoleReference {
      if let node = inputs[position].takeNode() { pending.append(node) }
    }
  }
}

extension Node.Input {
  fileprivate var isSoleReference: Bool { mutating get { isKnownUniquelyReferenced(&node) } }

  fileprivate mutating func takeNode() -> Node? {
    defer { node = nil }
    return node
  }
}

/// What an operation keeps for its derivative.
public struct SavedValues: OptionSet, Sendable {
  /// Bit i for input i, the highest for the result.
  public let rawValue: UInt32
  /// The set of the given bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The result.
  public static let output = SavedValues(rawValue: 1 << 31)
  /// All inputs.
  public static let inputs = SavedValues(rawValue: (1 << 31) - 1)
  /// One input, by position.
  public static func input(_ position: Int) -> SavedValues {
    if position < 0 { programmerError("record: saving input \(position)") }
    // Beyond the 31 bits inputs are saved all or none.
    return position < 31 ? SavedValues(rawValue: 1 << UInt32(position)) : .inputs
  }
}

/// What a derivative has to work with.
public struct DerivativeContext {
  private let node: Node
  private let sweep: Sweep
  private let position: Int

  /// - Parameter position: Where the sweep has the gradient with respect to the node's result.
  init(node: Node, sweep: Sweep, position: Int) {
    self.node = node
    self.sweep = sweep
    self.position = position
  }

  /// Gradient with respect to the result, of the result's shape; traps when the sweep has passed.
  public var gradient: Variable {
    guard let gradient = sweep.gradient(at: position) else {
      programmerError("\(node.name): its derivative's context was used after the derivative returned")
    }
    return gradient
  }

  /// Number of inputs.
  public var inputCount: Int { node.inputs.count }

  /// Whether input `position` needs a gradient: work for others is wasted.
  public func needs(_ position: Int) -> Bool { sweep.needs(node, checked(position)) }

  /// A saved input; traps when the operation did not save it.
  public func input(_ position: Int) -> Variable {
    guard let value = node.inputs[checked(position)].value else {
      programmerError("\(node.name): its derivative reads input \(position), which was not saved")
    }
    return Variable(value: value, node: sweep.createsGraph ? node.inputs[position].node : nil)
  }

  /// All saved inputs; traps when one was not saved.
  public var inputs: [Variable] { node.inputs.indices.map(input) }

  /// The saved result; traps when the operation did not save it.
  public var output: Variable {
    guard let output = node.output else {
      programmerError("\(node.name): its derivative reads the result, which was not saved")
    }
    return Variable(value: output, node: sweep.createsGraph ? node : nil)
  }

  /// Shape of an input, saved or not.
  public func shape(ofInput position: Int) -> Shape { node.inputs[checked(position)].shape }

  /// The position of an input; traps when there is none.
  private func checked(_ position: Int) -> Int {
    if position < 0 || position >= node.inputs.count {
      programmerError("\(node.name): its derivative asks for input \(position) of \(node.inputs.count)")
    }
    return position
  }
}

/// Gradients with respect to the inputs, nil for those that are not needed.
///
/// Written in terms of variables, so that gradients have gradients. A result may have the broadcast shape: the sweep
/// sums it to the input's shape.
public typealias Derivative = (DerivativeContext) -> [Variable?]

/// The same on plain tensors, by a fused kernel; the sweep prefers it when no higher derivatives are asked for.
public typealias FusedDerivative = (DerivativeContext) -> [Tensor?]

/// Puts an operation on the tape, where one of its inputs requires a gradient: the way in for custom operations.
///
/// - Parameters:
///   - name: Stands in error messages.
///   - inputs: Variables that the value was computed from.
///   - value: The result.
///   - saving: What the derivatives read.
///   - fused: First derivatives on tensors, if there is a faster way than `derivative`.
///   - derivative: Gradients with respect to the inputs, one for each; the sweep traps on fewer or more.
/// - Returns: The value as a variable: a constant if no input requires a gradient.
public func record(
  _ name: StaticString, _ inputs: [Variable], value: consuming Tensor, saving: SavedValues = [],
  fused: FusedDerivative? = nil, derivative: @escaping Derivative
) -> Variable {
  guard requiresRecording(inputs) else { return Variable(value) }
  let node = Node(
    name: name, inputs: inputs, value: value, saving: saving,
    derivatives: .init(fused: fused, general: derivative))
  return Variable(value: value, node: node)
}

/// Whether an operation on these inputs goes on the tape: one requires a gradient, outside of ``withoutGradients(_:)``.
package func requiresRecording(_ inputs: [Variable]) -> Bool {
  for position in inputs.indices where inputs[position].node != nil { return Recording.isEnabled }
  return false
}

/// Puts a fused operation on the tape that also has a composition from other operations, used for derivatives of
/// derivatives.
public func record(
  _ name: StaticString, _ inputs: [Variable], value: Tensor, saving: SavedValues = .inputs,
  fused: @escaping FusedDerivative, composition: @escaping ([Variable]) -> Variable
) -> Variable {
  record(name, inputs, value: value, saving: saving.union(.inputs), fused: fused) { context in
    // Each input by another name: the same variable may come twice, or one input may have been computed from another,
    // and each position must get its own part alone.
    let inputs = context.inputs.map { $0.aliased() }
    let bound = Node.nextIDBound
    let wanted = inputs.indices.filter { context.needs($0) }
    let found = reachedGradients(
      of: composition(inputs), withRespectTo: wanted.map { inputs[$0] }, seed: context.gradient,
      retainGraph: true, createGraph: true, olderNodesThan: bound)
    var result = [Variable?](repeating: nil, count: inputs.count)
    for (position, gradient) in zip(wanted, found) {
      result[position] = gradient ?? Variable(.zeros(context.shape(ofInput: position)))
    }
    return result
  }
}

extension Variable {
  /// The same variable as a node of its own.
  package func aliased() -> Variable { record("alias", [self], value: value) { [$0.gradient] } }

  /// The same variable, whose gradient a function sees when the backward sweep passes it; a constant has none. What was
  /// computed from this variable before passes by unseen.
  public func observingGradient(_ body: @escaping (_ gradient: Tensor) -> Void) -> Variable {
    guard requiresRecording([self]) else { return self }
    return record("observingGradient", [self], value: value) { context in
      body(context.gradient.value)
      return [context.gradient]
    }
  }
}

/// Puts an operation without a derivative on the tape: a gradient that would have to pass stops the program with its
/// name.
public func recordNonDifferentiable(_ name: StaticString, _ inputs: [Variable], value: Tensor) -> Variable {
  record(name, inputs, value: value) { _ in
    programmerError("\(name): has no derivative; detach its input if the gradient should stop here")
  }
}
