/// Gradients of one scalar with respect to leaves.
public struct Gradients {
  private var tensors: [UInt64: Tensor]

  init(_ tensors: [UInt64: Tensor]) { self.tensors = tensors }

  /// No gradients.
  public init() { tensors = [:] }

  /// The gradient with respect to a leaf, of its shape; nil when none reached it.
  public subscript(leaf: Variable) -> Tensor? {
    get { leaf.node.flatMap { tensors[$0.id] } }
    set {
      guard let node = leaf.node else { programmerError("gradients: the variable is a constant") }
      if let newValue, newValue.shape != node.shape {
        programmerError("gradients: shape \(newValue.shape) for a variable of shape \(node.shape)")
      }
      tensors[node.id] = newValue
    }
  }

  /// Adds other gradients, leaf by leaf.
  public mutating func add(_ other: Gradients) {
    for (id, tensor) in other.tensors { tensors[id] = tensors[id].map { $0 + tensor } ?? tensor }
  }

  /// Multiplies every gradient.
  public mutating func scale(by factor: Float) {
    for id in tensors.keys { tensors[id]! *= factor }
  }

  /// Number of leaves that a gradient reached.
  public var count: Int { tensors.count }
}

extension Variable {
  /// Gradients of this variable with respect to every leaf it came from.
  ///
  /// - Parameters:
  ///   - seed: Gradient with respect to this variable; 1 for a scalar if not given.
  ///   - retainGraph: Keeps what operations saved, so that the sweep can be repeated; else it is freed as the sweep
  ///     passes.
  public func backward(seed: Tensor? = nil, retainGraph: Bool = false) -> Gradients {
    guard let root = node else {
      programmerError("backward: the variable is a constant, nothing requires a gradient")
    }
    var sweep = Sweep(root: root, olderNodesThan: 0, targets: nil)
    sweep.run(seed: Variable(initialSeed(seed)), retainGraph: retainGraph, createGraph: false)
    return Gradients(
      Dictionary(uniqueKeysWithValues: sweep.leafGradients.map { ($0.key, $0.value.value) }))
  }

  fileprivate func initialSeed(_ seed: Tensor?) -> Tensor {
    if let seed {
      if seed.shape != shape { programmerError("backward: a seed of shape \(seed.shape) for shape \(shape)") }
      return seed
    }
    if count != 1 { programmerError("backward: shape \(shape) is not a scalar; give a seed") }
    return .ones(shape)
  }
}

/// Gradients of `output` with respect to the given variables, leaves or not; zeros where none reaches.
///
/// - Parameters:
///   - seed: Gradient with respect to `output`; 1 for a scalar if not given.
///   - retainGraph: Keeps the graph of `output` for another sweep.
///   - createGraph: Records the sweep itself, so that the gradients have gradients; implies `retainGraph`.
public func gradients(
  of output: Variable, withRespectTo inputs: [Variable], seed: Variable? = nil, retainGraph: Bool = false,
  createGraph: Bool = false
) -> [Variable] {
  gradients(
    of: output, withRespectTo: inputs, seed: seed, retainGraph: retainGraph, createGraph: createGraph,
    olderNodesThan: 0)
}

func gradients(
  of output: Variable, withRespectTo inputs: [Variable], seed: Variable?, retainGraph: Bool,
  createGraph: Bool,
  olderNodesThan bound: UInt64
) -> [Variable] {
  let nodes = inputs.map { input -> Node in
    guard let node = input.node else {
      programmerError("gradients: an input of shape \(input.shape) is a constant and has no gradient")
    }
    return node
  }
  let seedValue = output.initialSeed(seed?.value)
  guard let root = output.node else { return inputs.map { Variable(.zeros(like: $0.value)) } }
  var sweep = Sweep(root: root, olderNodesThan: bound, targets: Set(nodes.map(\.id)))
  sweep.run(
    seed: seed ?? Variable(seedValue), retainGraph: retainGraph || createGraph, createGraph: createGraph)
  return zip(nodes, inputs).map { sweep.targetGradients[$0.id] ?? Variable(.zeros(like: $1.value)) }
}

/// One pass over the tape, newest node first, without recursion.
private struct Sweep {
  private var order: [Node] = []
  private var needed: Set<UInt64> = []
  private var pending: [UInt64: Variable] = [:]
  private let targets: Set<UInt64>?
  private let bound: UInt64
  /// Gradients with respect to the leaves.
  private(set) var leafGradients: [UInt64: Variable] = [:]
  /// Gradients with respect to the wanted nodes.
  private(set) var targetGradients: [UInt64: Variable] = [:]

  /// Finds the nodes to visit: those through which `root` depends on a target, or on any leaf if there are none.
  /// Nodes older than `bound` are ends.
  init(root: Node, olderNodesThan bound: UInt64, targets: Set<UInt64>?) {
    self.targets = targets
    self.bound = bound
    var seen: Set<UInt64> = [root.id]
    var stack = [root]
    while let node = stack.popLast() {
      order.append(node)
      if node.id < bound { continue }
      for case let input? in node.inputs where seen.insert(input.id).inserted { stack.append(input) }
    }
    order.sort { $0.id > $1.id }
    for node in order.reversed() {
      if targets?.contains(node.id) ?? node.isLeaf
        || node.inputs.contains(where: { $0.map { needed.contains($0.id) } ?? false })
      {
        needed.insert(node.id)
      }
    }
  }

  mutating func run(seed: Variable, retainGraph: Bool, createGraph: Bool) {
    guard let root = order.first else { return }
    pending[root.id] = seed
    for index in order.indices {
      let node = order[index]
      guard let gradient = pending.removeValue(forKey: node.id) else { continue }
      if targets?.contains(node.id) ?? false { targetGradients[node.id] = gradient }
      if node.isLeaf {
        leafGradients[node.id] = gradient
        continue
      }
      if node.id < bound { continue }
      propagate(gradient, through: node, createGraph: createGraph)
      if !retainGraph { node.release() }
    }
  }

  private mutating func propagate(_ gradient: Variable, through node: Node, createGraph: Bool) {
    func needs(_ input: Node?) -> Bool { input.map { needed.contains($0.id) } ?? false }
    guard node.inputs.contains(where: needs) else { return }
    guard let saved = node.saved else {
      programmerError(
        "backward: the graph of \(node.name) was freed by an earlier sweep; pass retainGraph: true there")
    }
    let context = DerivativeContext(
      gradient: gradient, node: node, saved: saved, needed: needed, keepsGraph: createGraph)
    let results: [Variable?]
    if !createGraph, let fused = saved.fused {
      results = fused(context).map { $0.map { Variable($0) } }
    } else {
      results = saved.derivative(context)
    }
    for (position, input) in node.inputs.enumerated() where needs(input) {
      guard let input, let result = results[position] else {
        programmerError("\(node.name): its derivative gave no gradient for input \(position)")
      }
      accumulate(
        result.summed(to: node.inputShapes[position], of: node.name), into: input, createGraph: createGraph)
    }
  }

  private mutating func accumulate(_ gradient: Variable, into node: Node, createGraph: Bool) {
    guard let present = pending.removeValue(forKey: node.id) else {
      pending[node.id] = gradient
      return
    }
    if createGraph {
      pending[node.id] = present + gradient
    } else {
      pending[node.id] = Variable(present.consumingSum(gradient.value))
    }
  }
}

extension Variable {
  /// The sum over the axes that broadcasting added or stretched.
  fileprivate func summed(to target: Shape, of name: StaticString) -> Variable {
    if shape == target { return self }
    guard target.broadcast(with: shape) == shape else {
      programmerError("\(name): its derivative has shape \(shape) for an input of shape \(target)")
    }
    let lead = rank - target.count
    let axes = (0..<rank).filter { $0 < lead || (target[$0 - lead] == 1 && shape[$0] != 1) }
    return sum(axes: axes, keepDimensions: true).reshape(target)
  }

  /// The sum, in the memory of self where nobody else refers to it.
  fileprivate consuming func consumingSum(_ other: Tensor) -> Tensor {
    var sum = value
    self = Variable(other)
    sum += other
    return sum
  }
}
