/// Computes `body` without keeping what its operations would save, and computes it again in the backward sweep
/// (rematerialisation; Chen et al. 2016): memory for time.
///
/// Gradients also reach parameters and other variables that `body` refers to without taking them as inputs, be they made
/// by `body` itself when it first needed them. Random numbers drawn through ``RandomSource`` are the same both times.
/// `body` must otherwise compute the same both times: the sweep traps when it no longer uses what it used, whose
/// gradient would be lost.
public func checkpoint(_ inputs: [Variable], _ body: @escaping ([Variable]) -> Variable) -> Variable {
  guard Recording.isEnabled else { return body(inputs) }
  let draws = DrawLog()
  let part = BatchPart.current
  let precision = (Compute.matmulPrecision, gradients: Compute.gradientMatmulPrecision)
  let pass = ForwardPass(of: inputs.map { Variable($0.value, requiresGradient: $0.requiresGradient) }) {
    leaves in
    DrawLog.$current.withValue(draws) { body(leaves) }
  }
  let captured = pass.captured.map { Variable(value: Tensor(shapeOnly: $0.shape), node: $0) }
  let isUsed = pass.usesInput + captured.map { _ in true }
  // The graph must not hold the inputs a second time.
  let inputCount = inputs.count
  return record("checkpoint", inputs + captured, value: pass.value, saving: .inputs) { context in
    if context.inputs.contains(where: \.requiresGradient) {
      programmerError("checkpoint: derivatives of derivatives need the graph; do not checkpoint there")
    }
    let bound = Node.nextIDBound
    let leaves = (0..<inputCount).map {
      Variable(context.input($0).value, requiresGradient: context.needs($0))
    }
    draws.rewind()
    // The sweep may run where nothing else is recorded.
    let again = Recording.$isEnabled.withValue(true) {
      BatchPart.$current.withValue(part) {
        DrawLog.$current.withValue(draws) {
          Compute.withMatmulPrecision(precision.0, gradients: precision.gradients) { body(leaves) }
        }
      }
    }
    let targets = leaves + captured
    let wanted = targets.indices.filter { context.needs($0) }
    let found = reachedGradients(
      of: again, withRespectTo: wanted.map { targets[$0] }, seed: context.gradient, retainGraph: false,
      createGraph: false, olderNodesThan: bound)
    var result = [Variable?](repeating: nil, count: targets.count)
    for (position, gradient) in zip(wanted, found) {
      if gradient == nil && isUsed[position] {
        programmerError(
          "checkpoint: its body no longer used a variable of shape \(targets[position].shape) when it was computed "
            + "again; has it been frozen, or does the body make another one each time?")
      }
      result[position] = gradient ?? Variable(.zeros(targets[position].shape))
    }
    return result
  }
}

/// What a function computed, and from what, without the graph in between.
private struct ForwardPass {
  let value: Tensor
  /// Which of the inputs the result came from.
  let usesInput: [Bool]
  /// What else it came from: nodes that were there before, and leaves that the function made and something still
  /// refers to now that the graph is gone, such as the parameters of a layer.
  let captured: [Node]

  init(of leaves: [Variable], _ function: ([Variable]) -> Variable) {
    let bound = Node.nextIDBound
    func run() -> (value: Tensor, usesInput: [Bool], older: [Node], made: [WeakNode]) {
      let output = function(leaves)
      let origins = output.node.map { ForwardPass.origins(of: $0, after: bound) } ?? []
      let given = leaves.map { leaf in origins.contains { $0 === leaf.node } }
      let others = origins.filter { origin in !leaves.contains { $0.node === origin } }
      return (
        output.value, given, others.filter { $0.id < bound },
        others.filter { $0.id >= bound }.map(WeakNode.init)
      )
    }
    let (value, usesInput, older, made) = run()
    self.value = value
    self.usesInput = usesInput
    captured = older + made.compactMap(\.node)
  }

  private struct WeakNode {
    weak var node: Node?
    init(_ node: Node) { self.node = node }
  }

  /// The nodes that a computation which began at `bound` starts from: older ones, and leaves. In order of age.
  private static func origins(of root: Node, after bound: UInt64) -> [Node] {
    var seen: Set<UInt64> = [root.id]
    var stack = [root]
    var origins: [Node] = []
    while let node = stack.popLast() {
      if node.id < bound || node.isLeaf {
        origins.append(node)
        continue
      }
      for case let input? in node.inputs.lazy.map(\.node) where seen.insert(input.id).inserted {
        stack.append(input)
      }
    }
    return origins.sorted { $0.id < $1.id }
  }
}

/// The generators drawn inside a checkpoint, to be handed out again when it is computed again.
///
/// Used by one computation at a time: the forward pass fills it, the backward sweep reads it.
final class DrawLog: @unchecked Sendable {
  @TaskLocal static var current: DrawLog?

  /// Whether the body is computed again.
  private(set) var isReplay: Bool
  /// The checkpoint around this one, which computes this one's whole body again.
  private let outer: DrawLog?
  private var drawn: [Random] = []
  private var position = 0

  init() {
    outer = DrawLog.current
    isReplay = outer?.isReplay ?? false
  }

  func rewind() {
    position = 0
    isReplay = true
  }

  func draw(_ fresh: () -> Random) -> Random {
    if position == drawn.count { drawn.append(outer?.draw(fresh) ?? fresh()) }
    position += 1
    return drawn[position - 1]
  }
}

/// Whether a ``checkpoint(_:_:)`` is computing its body again: a layer that remembers something of its inputs has seen
/// these before.
public var isRecomputing: Bool { DrawLog.current?.isReplay ?? false }

/// A source of random numbers for layers such as dropout, which gives the same numbers again when a checkpoint computes
/// its body again. As a stored property of a module it is part of the module's state.
public final class RandomSource {
  /// What the next generator comes from.
  public var random: Random

  /// A source whose numbers depend on the generator alone.
  public init(_ random: Random) { self.random = random.withoutPlaceholders }

  /// A generator for one use.
  public func next() -> Random {
    func fresh() -> Random { BatchPart.current?.draw { random.split() } ?? random.split() }
    if let log = DrawLog.current { return log.draw(fresh) }
    return fresh()
  }

  /// Ones with the given probability and zeros, independent for each row of a batch: those of the rows at hand where
  /// ``microbatched(_:size:_:)`` computes a part.
  ///
  /// - Parameter shape: As many numbers for each row.
  public func bernoulli(rows shape: Shape, probability: Float) -> Tensor {
    rows(shape) { $0.bernoulli(shape, probability: probability, skipping: $1) }
  }

  /// Numbers in [0, 1), independent for each row of a batch in the same way.
  package func uniform(rows shape: Shape) -> Tensor {
    rows(shape) { $0.uniform(shape, skipping: $1) }
  }

  /// - Parameter draw: Draws numbers of the shape behind as many others as come before the rows at hand.
  private func rows(_ shape: Shape, _ draw: (inout Random, Int) -> Tensor) -> Tensor {
    var random = next()
    guard let part = BatchPart.current else { return draw(&random, 0) }
    if shape.elementCount % part.rows.count != 0 {
      programmerError("RandomSource: numbers of shape \(shape) for \(part.rows.count) rows of a batch")
    }
    return draw(&random, part.rows.lowerBound * (shape.elementCount / part.rows.count))
  }
}
