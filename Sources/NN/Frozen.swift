import Synchronization

/// A model as it is at one moment, for inference by several tasks at once:
///
///     let frozen = try Frozen(model) { random in Classifier(random: &random) }
///     let answers = await withTaskGroup(of: Tensor.self) { group in
///       for x in batches {
///         group.addTask { frozen { model in model(Variable(x)).value } }
///       }
///       return await group.reduce(into: []) { $0.append($1) }
///     }
///
/// It computes without tape, dropout does nothing, batch normalisation goes by the running statistics. What becomes of the
/// original later changes nothing here: training it makes copies of the weights that it moves.
///
/// Modules are objects, which no two threads may use at once. So each task has one to itself while its body runs: as many
/// are made as were ever in use at once, and kept. Their parameters and buffers share memory with each other and with the
/// original. Whatever a body does to its module's parameters, buffers and modes, the next one finds them as they were.
public struct Frozen<Model: Module & SendableMetatype>: Sendable {
  private let replicas: Replicas

  /// A view of a model.
  ///
  /// - Parameter outline: Makes a model of the same structure, from a generator whose tensors take neither time nor memory.
  ///   Its parameters and buffers are then those of `model`; everything else, such as numbers of heads, is up to it.
  /// - Throws: ``StateError`` when the outline's parameters are not those of the model; what `outline` throws.
  public init(_ model: Model, outline: @escaping @Sendable (inout Random) throws -> sending Model) throws {
    replicas = try Replicas(model.stateDictionary(), outline)
  }

  /// Runs `body` with a model that nobody else uses meanwhile.
  public func callAsFunction<Result: Sendable>(
    _ body: @Sendable (Model) throws -> Result
  ) rethrows -> Result {
    let replica = replicas.take()
    defer { replicas.give(back: replica) }
    return try withoutGradients { try body(replica.model) }
  }

  /// A model and what it is reset to. Sound to send: the pool holds it, or one call does.
  private struct Replica: @unchecked Sendable {
    let model: Model
    private let parameters: [(parameter: Parameter, value: Tensor)]
    private let buffers: [(buffer: Buffer, value: Tensor)]
    private let modes: [any TrainingDependent]

    init(_ model: sending Model, _ state: [String: Tensor]) throws {
      try model.load(state)
      model.freeze()
      let walk = ModuleWalk(model)
      parameters = walk.parameters.map { ($0.parameter, $0.parameter.value) }
      buffers = walk.buffers.map { ($0.buffer, $0.buffer.value) }
      modes = walk.modules.compactMap { $0.module as? any TrainingDependent }
      self.model = model
      reset()
    }

    func reset() {
      for (parameter, value) in parameters {
        parameter.value = value
        parameter.isFrozen = true
      }
      for (buffer, value) in buffers { buffer.value = value }
      for mode in modes { mode.isTraining = false }
    }
  }

  private final class Replicas: Sendable {
    private let state: [String: Tensor]
    private let outline: @Sendable (inout Random) throws -> sending Model
    private let idle: Mutex<[Replica]>

    init(_ state: [String: Tensor], _ outline: @escaping @Sendable (inout Random) throws -> sending Model)
      throws
    {
      self.state = state
      self.outline = outline
      idle = Mutex([try Replicas.make(state, outline)])
    }

    private static func make(
      _ state: [String: Tensor], _ outline: (inout Random) throws -> sending Model
    ) throws -> Replica {
      var random = Random.placeholders
      return try Replica(outline(&random), state)
    }

    func take() -> Replica {
      if let replica = idle.withLock({ $0.popLast() }) { return replica }
      do {
        return try Replicas.make(state, outline)
      } catch {
        programmerError("Frozen: its outline made another \(Model.self) than the first time: \(error)")
      }
    }

    func give(back replica: Replica) {
      replica.reset()
      idle.withLock { $0.append(replica) }
    }
  }
}
