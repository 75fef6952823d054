/// Gradients of one scalar with respect to leaves.
public struct Gradients {
  /// Newest leaf first.
  private var entries: [Entry]

  struct Entry {
    let id: UInt64
    var tensor: Tensor
  }

  /// Gradients in order of descending numbers of the leaves.
  init(_ entries: [Entry]) { self.entries = entries }

  /// No gradients.
  public init() { entries = [] }

  /// The gradient with respect to a leaf, of its shape; nil for a constant and when none reached it. Traps for the result of
  /// an operation, whose gradient is not kept: ``gradients(of:withRespectTo:seed:retainGraph:createGraph:)`` gives it.
  public subscript(leaf: Variable) -> Tensor? {
    get {
      guard let node = leaf.node else { return nil }
      return self[checked(node)]
    }
    set {
      guard let node = leaf.node else { programmerError("gradients: the variable is a constant") }
      self[checked(node)] = newValue
    }
  }

  private func checked(_ node: Node) -> Node {
    if !node.isLeaf {
      programmerError("gradients: the variable is the result of \(node.name); backward keeps those of leaves")
    }
    return node
  }

  /// The gradient with respect to a leaf by its node.
  package subscript(leaf: Node) -> Tensor? {
    get {
      let place = place(of: leaf.id)
      guard holds(leaf.id, at: place) else { return nil }
      return entries[place].tensor
    }
    set {
      if let newValue, newValue.shape != leaf.shape {
        programmerError("gradients: shape \(newValue.shape) for a variable of shape \(leaf.shape)")
      }
      let place = place(of: leaf.id)
      if holds(leaf.id, at: place) { entries.remove(at: place) }
      if let newValue { entries.insert(Entry(id: leaf.id, tensor: newValue), at: place) }
    }
  }

  /// Adds other gradients, leaf by leaf.
  public mutating func add(_ other: Gradients) {
    for entry in other.entries {
      let place = place(of: entry.id)
      if holds(entry.id, at: place) {
        entries[place].tensor += entry.tensor
      } else {
        entries.insert(entry, at: place)
      }
    }
  }

  /// Multiplies every gradient.
  public mutating func scale(by factor: Float) {
    for place in entries.indices { entries[place].tensor *= factor }
  }

  /// Multiplies the gradient with respect to a leaf, if there is one, where it is.
  package mutating func scale(_ leaf: Node, by factor: Float) {
    let place = place(of: leaf.id)
    if holds(leaf.id, at: place) { entries[place].tensor *= factor }
  }

  /// Number of leaves that a gradient reached.
  public var count: Int { entries.count }

  /// Where a leaf is or belongs, by bisection.
  private func place(of id: UInt64) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].id > id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func holds(_ id: UInt64, at place: Int) -> Bool { place < entries.count && entries[place].id == id }
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
    let sweep = Sweep(root: root, olderNodesThan: 0, targets: nil, createsGraph: false)
    sweep.run(seed: Variable(initialSeed(seed)), retainGraph: retainGraph)
    return sweep.takeLeafGradients()
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
/// Traps when `output` is a constant: nothing was recorded that a gradient could pass through.
///
/// - Parameters:
///   - seed: Gradient with respect to `output`; 1 for a scalar if not given.
///   - retainGraph: Keeps the graph of `output` for another sweep.
///   - createGraph: Records the sweep itself, so that the gradients have gradients; implies `retainGraph`.
public func gradients(
  of output: Variable, withRespectTo inputs: [Variable], seed: Variable? = nil, retainGraph: Bool = false,
  createGraph: Bool = false
) -> [Variable] {
  if output.node == nil {
    programmerError(
      "gradients: the output of shape \(output.shape) is a constant, nothing it came from was recorded")
  }
  let found = reachedGradients(
    of: output, withRespectTo: inputs, seed: seed, retainGraph: retainGraph, createGraph: createGraph,
    olderNodesThan: 0)
  return zip(found, inputs).map { $0 ?? Variable(.zeros(like: $1.value)) }
}

/// Gradients of `output` with respect to the given variables; nil where none reaches.
///
/// - Parameter bound: Nodes older than this are ends.
func reachedGradients(
  of output: Variable, withRespectTo inputs: [Variable], seed: Variable?, retainGraph: Bool,
  createGraph: Bool, olderNodesThan bound: UInt64
) -> [Variable?] {
  let nodes = inputs.map { input -> Node in
    guard let node = input.node else {
      programmerError("gradients: an input of shape \(input.shape) is a constant and has no gradient")
    }
    return node
  }
  let seedValue = output.initialSeed(seed?.value)
  guard let root = output.node else { return inputs.map { _ in nil } }
  let sweep = Sweep(root: root, olderNodesThan: bound, targets: nodes, createsGraph: createGraph)
  sweep.run(seed: seed ?? Variable(seedValue), retainGraph: retainGraph || createGraph)
  return nodes.map { sweep.gradient(of: $0) }
}

/// One pass over the tape, newest node first, without recursion.
final class Sweep {
  /// Whether the pass is recorded itself.
  let createsGraph: Bool
  private let bound: UInt64
  private var table = NodeTable()
  /// The nodes on the way, newest first.
  private var visits: [Visit] = []
  /// What has arrived at each of them so far.
  private var gradients: [Tensor?]
  /// Where that came from, if the pass is recorded.
  private var origins: [Node?]

  private struct Visit {
    let id: UInt64
    /// The root, which the caller holds, keeps all nodes alive.
    unowned(unsafe) let node: Node
    /// Whether a gradient is wanted at all.
    var isNeeded = true
    /// Whether one is wanted for an input.
    var leadsOn = true
    /// Whether the gradient is what the sweep was asked for.
    var isTarget = false

    init(_ node: Node) {
      id = node.id
      self.node = node
    }
  }

  /// Finds the nodes to visit: those through which `root` depends on a target, or on any leaf if there are none.
  /// Nodes older than `bound` are ends.
  init(root: Node, olderNodesThan bound: UInt64, targets: [Node]?, createsGraph: Bool) {
    self.createsGraph = createsGraph
    self.bound = bound
    visits.reserveCapacity(32)
    table.insert(root.id, at: 0)
    visits.append(Visit(root))
    var next = 0
    while next < visits.count {
      let node = visits[next].node
      next += 1
      if node.id < bound { continue }
      for position in node.inputs.indices {
        guard let input = node.inputs[position].node else { continue }
        if table.insert(input.id, at: visits.count) { visits.append(Visit(input)) }
      }
    }
    visits.sort { $0.id > $1.id }
    for position in visits.indices { table.move(visits[position].id, to: position) }
    gradients = Array(repeating: nil, count: visits.count)
    origins = Array(repeating: nil, count: createsGraph ? visits.count : 0)
    if let targets { mark(targets) }
  }

  /// Without targets everything leads to a leaf, or it would not be on the tape.
  private func mark(_ targets: [Node]) {
    for target in targets { if let position = table[target] { visits[position].isTarget = true } }
    for position in visits.indices.reversed() {
      let node = visits[position].node
      visits[position].leadsOn = node.id >= bound && node.inputs.indices.contains { needs(node, $0) }
      visits[position].isNeeded = visits[position].isTarget || visits[position].leadsOn
    }
  }

  /// Whether a gradient is wanted for an input.
  func needs(_ node: Node, _ position: Int) -> Bool { visit(of: node, position) != nil }

  /// Where an input of a node is visited, if a gradient is wanted for it.
  private func visit(of node: Node, _ position: Int) -> Int? {
    guard let input = node.inputs[position].node, let visit = table[input], visits[visit].isNeeded else {
      return nil
    }
    return visit
  }

  /// Passes gradients from the root to leaves or targets.
  func run(seed: consuming Variable, retainGraph: Bool) {
    set(seed, at: 0)
    for position in visits.indices { pass(position, retainGraph: retainGraph) }
  }

  /// Passes gradients from the root to leaves, and hands out each leaf's when nothing will add to it any more.
  func run(seed: Tensor, handingOut body: (_ leaf: UInt64, _ gradient: Tensor) throws -> Void) rethrows {
    // How many of a leaf's gradients are still to come.
    var expected = [Int](repeating: 0, count: visits.count)
    func forEachLeaf(of position: Int, _ body: (Int) throws -> Void) rethrows {
      for input in visits[position].node.inputs {
        if let node = input.node, node.isLeaf, let leaf = table[node] { try body(leaf) }
      }
    }
    for position in visits.indices { forEachLeaf(of: position) { expected[$0] += 1 } }
    set(Variable(seed), at: 0)
    for position in visits.indices {
      pass(position, retainGraph: false)
      try forEachLeaf(of: position) { leaf in
        expected[leaf] -= 1
        if expected[leaf] == 0, let gradient = gradients[leaf].take() { try body(visits[leaf].id, gradient) }
      }
    }
  }

  private func pass(_ position: Int, retainGraph: Bool) {
    let node = visits[position].node
    if node.isLeaf || node.id < bound || gradients[position] == nil { return }
    if visits[position].leadsOn {
      if node.matmulPrecision == .float32 && !Compute.roundsProducts {
        propagate(from: position)
      } else {
        Compute.withMatmulPrecision(node.matmulPrecision) { propagate(from: position) }
      }
    }
    if !visits[position].isTarget { gradients[position] = nil }
    if !retainGraph { node.release() }
  }

  /// What has arrived at a visit.
  func gradient(at position: Int) -> Variable? {
    guard let value = gradients[position] else { return nil }
    return Variable(value: value, node: createsGraph ? origins[position] : nil)
  }

  private func set(_ gradient: consuming Variable, at position: Int) {
    if createsGraph { origins[position] = gradient.node }
    gradients[position] = gradient.value
  }

  /// What was found for a target.
  func gradient(of node: Node) -> Variable? { table[node].flatMap(gradient(at:)) }

  /// What was found for the leaves.
  func takeLeafGradients() -> Gradients {
    var found: [Gradients.Entry] = []
    found.reserveCapacity(visits.count)
    for position in visits.indices where visits[position].node.isLeaf {
      if let gradient = gradients[position].take() {
        found.append(Gradients.Entry(id: visits[position].id, tensor: gradient))
      }
    }
    return Gradients(found)
  }

  private func propagate(from position: Int) {
    let node = visits[position].node
    guard let derivatives = node.derivatives else {
      programmerError(
        "backward: the graph of \(node.name) was freed by an earlier sweep; pass retainGraph: true there")
    }
    let context = DerivativeContext(node: node, sweep: self, position: position)
    if !createsGraph, let fused = derivatives.fused {
      var results = fused(context)
      if results.count != node.inputs.count { wrongCount(results.count, of: node) }
      for input in node.inputs.indices {
        if let visit = visit(of: node, input) { deliver(&results[input], to: visit, from: node, input) }
      }
    } else {
      let results = derivatives.general(context)
      if results.count != node.inputs.count { wrongCount(results.count, of: node) }
      for input in node.inputs.indices {
        if let visit = visit(of: node, input) { deliver(results[input], to: visit, from: node, input) }
      }
    }
  }

  /// Adds the gradient with respect to an input of `node` to what has arrived there.
  private func deliver(_ gradient: Variable?, to visit: Int, from node: Node, _ input: Int) {
    if !createsGraph {
      var value = gradient?.value
      return deliver(&value, to: visit, from: node, input)
    }
    guard var gradient else { missingGradient(of: node, input) }
    gradient = gradient.summed(to: visits[visit].node.shape, of: node.name)
    set(self.gradient(at: visit).map { $0 + gradient } ?? gradient, at: visit)
  }

  /// Adds the gradient with respect to an input of `node` to what has arrived there; takes it away.
  private func deliver(_ gradient: inout Tensor?, to visit: Int, from node: Node, _ input: Int) {
    if gradient == nil { missingGradient(of: node, input) }
    let target = visits[visit].node.shape
    if gradient!.shape != target {
      gradient = Variable(gradient!).summed(to: target, of: node.name).value
    }
    if gradients[visit] == nil {
      swap(&gradients[visit], &gradient)
    } else {
      // In the memory of the sum so far, where nobody else refers to it.
      gradients[visit]! += gradient!
    }
  }

  private func wrongCount(_ count: Int, of node: Node) -> Never {
    programmerError("\(node.name): its derivative gave \(count) gradients for \(node.inputs.count) inputs")
  }

  private func missingGradient(of node: Node, _ input: Int) -> Never {
    programmerError("\(node.name): its derivative gave no gradient for input \(input)")
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
}
