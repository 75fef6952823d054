@_exported import Distributed
import Foundation
import Optim

/// Trains a model: draws batches, makes steps, watches over the numbers, writes metrics and checkpoints, and goes on where an
/// earlier run has stopped, by the same steps to the last bit.
///
///     let run = try RunFolder(URL(filePath: "runs/shapes"), start: .resumingIfAny)
///     let trainer = Trainer(model, optimizer, run: run, settings: .init(gradientNorm: 1))
///     try trainer.train(loader, until: 1_000) { batch in
///       crossEntropy(logits: model(batch.images), labels: batch.labels)
///     }
///
/// A step depends on weights, buffers, random numbers of layers, optimizers, the average, the place in the data and what is
/// ``keep(_:get:set:)``-ed: all of it is in a checkpoint. How many threads compute and how many workers load is of no matter.
public final class Trainer {
  /// How steps are made, logged and saved. The first two decide the course, and are compared when a run goes on.
  public struct Settings: Sendable, Hashable, Codable {
    /// The largest length of all gradients together; longer ones are scaled. nil for any length.
    public var gradientNorm: Float?
    /// What becomes of a step whose loss or gradient is not finite.
    public var nonFinite: NonFinitePolicy
    /// Steps from one line of metrics to the next.
    public var logEvery: Int
    /// Steps from one checkpoint to the next; the last step makes one too.
    public var saveEvery: Int

    /// Steps without clipping, a line each, and a checkpoint every hundred.
    public init(
      gradientNorm: Float? = nil, nonFinite: NonFinitePolicy = .stop, logEvery: Int = 1, saveEvery: Int = 100
    ) {
      if logEvery < 1 || saveEvery < 1 {
        programmerError("Trainer: to log every \(logEvery) and save every \(saveEvery) steps")
      }
      (self.gradientNorm, self.nonFinite) = (gradientNorm, nonFinite)
      (self.logEvery, self.saveEvery) = (logEvery, saveEvery)
    }
  }

  /// What is trained.
  public let model: any Module
  /// What moves its weights.
  public let optimizers: [any Optimizer]
  /// The average of its weights, if there is one; it follows each step.
  public let average: WeightAverage?
  /// How steps are made.
  public let settings: Settings
  /// Steps made, those that were left out because of their numbers too.
  public private(set) var step = 0
  /// Where the next batch begins.
  public private(set) var position = DataPosition()
  /// Where metrics go beside the files of the run's folder.
  public var writers: [any MetricsWriter] = []
  /// Whether the console shows how far training has come, with the loss; see ``ProgressWriter``.
  public var showsProgress = false
  /// More numbers of the course by name, taken after each logged step: `trainer.metrics["bias"] = { ... }`.
  public var metrics: [String: () -> Double] = [:]
  /// Done after each step of the optimizers, before the average follows, such as keeping a temperature within bounds.
  public var afterUpdate: () -> Void = {}

  /// Who trains the same model on other processes. All of them make the same steps; the leader alone writes files,
  /// validates and shows progress.
  public let communicator: any Communicator

  /// Whether ranks share the states of optimizers: each keeps those of some parameters, updates these and tells the others,
  /// with the same bits; see ``ShardedOptimizerState``. Set it before training.
  public var shardsOptimizerState = false

  private let run: RunFolder?
  private var stateShards: ShardedOptimizerState?
  private var finite: FiniteSteps
  private var validation: (every: Int, body: () throws -> [String: Double])?
  private var norms: (every: Int, metrics: NormMetrics)?
  private var probe: (every: Int, probe: ModuleProbe)?
  private var kept: [(name: String, get: () throws -> Data, set: (Data) throws -> Void)] = []
  private var hasBegun = false
  /// The order that ``position`` is in; nil before it is known.
  private var order: BatchOrder?
  /// Steps of the last line of metrics, and of the last checkpoint.
  private var (loggedStep, savedStep) = (0, 0)
  private var speed = SpeedMeasurement()
  private var communication: CommunicationMeasurement
  private var progress: ProgressWriter?

  /// A trainer of a model by an optimizer.
  ///
  /// - Parameter run: Where files are; without one nothing is written.
  public convenience init(
    _ model: some Module, _ optimizer: some Optimizer, average: WeightAverage? = nil, run: RunFolder? = nil,
    settings: Settings = Settings(), communicator: any Communicator = SingleProcess()
  ) {
    self.init(
      model, [optimizer], average: average, run: run, settings: settings, communicator: communicator)
  }

  /// A trainer of a model by several optimizers, each with parameters of its own.
  public init(
    _ model: some Module, _ optimizers: [any Optimizer], average: WeightAverage? = nil, run: RunFolder? = nil,
    settings: Settings = Settings(), communicator: any Communicator = SingleProcess()
  ) {
    if optimizers.isEmpty { programmerError("Trainer: there is no optimizer") }
    (self.model, self.optimizers, self.average) = (model, optimizers, average)
    (self.run, self.settings, self.communicator) = (run, settings, communicator)
    finite = FiniteSteps(settings.nonFinite)
    communication = CommunicationMeasurement(communicator)
  }

  /// Saves something else that steps depend on, such as a generator of random numbers of your own, with each checkpoint.
  /// Call it before training.
  public func keep<Value: Codable>(_ name: String, get: @escaping () -> Value, set: @escaping (Value) -> Void)
  {
    if kept.contains(where: { $0.name == name }) { programmerError("Trainer: \(name) is kept already") }
    kept.append(
      (
        name, { try Note.encoder.encode([get()]) },
        { set(try JSONDecoder().decode([Value].self, from: $0)[0]) }
      ))
  }

  /// Has the model evaluated every so many steps and after the last one: in evaluation mode and without gradients. The
  /// numbers stand among the metrics as `validation/name`, and a checkpoint of that step has them for
  /// ``CheckpointStore/Retention/Best``.
  public func validate(every steps: Int, _ body: @escaping () throws -> [String: Double]) {
    if steps < 1 { programmerError("Trainer: validation every \(steps) steps") }
    validation = (steps, body)
  }

  /// Has lengths of parameters, gradients and updates by group among the metrics, every so many steps. Such a step reads the
  /// weights three times more, and needs the memory of the largest parameter.
  public func measureNorms(every steps: Int, _ norms: NormMetrics = NormMetrics()) {
    if steps < 1 { programmerError("Trainer: norms every \(steps) steps") }
    self.norms = (steps, norms)
  }

  /// Has what a probe sees of outputs and their gradients among the metrics, every so many steps.
  public func observe(_ probe: ModuleProbe, every steps: Int) {
    if steps < 1 { programmerError("Trainer: a probe every \(steps) steps") }
    self.probe = (steps, probe)
  }

  /// Makes steps until there are `lastStep`, going on from the run's checkpoint if it has one.
  ///
  /// Training in phases, such as with a tower that is unfrozen later, is called once for each, with the steps that there are
  /// after it; a run that goes on calls all of them again. A phase with data of its own begins at their beginning.
  ///
  /// Ctrl-C or SIGTERM, once ``Interruption/watch()`` was called, ends it after a step, with a checkpoint.
  ///
  /// - Parameters:
  ///   - source: Where batches come from.
  ///   - lastStep: Steps in all, those of earlier runs too.
  ///   - loss: One number, of a batch.
  /// - Throws: ``NonFiniteError`` before a number that is none gets into weights or a checkpoint; ``Interrupted``;
  ///   ``FileError``; ``ConfigurationMismatch`` when the data are not those of the checkpoint; what source, loss and
  ///   validation throw. The last checkpoint stays whole.
  public func train<Source: BatchSource>(
    _ source: Source, until lastStep: Int, loss: (Source.Batch) throws -> Variable
  ) throws {
    try train(source, until: lastStep, gradients: { StepGradients(of: try loss($0)) })
  }

  /// The same with gradients that were computed in a way of their own, such as by several processes.
  ///
  /// - Parameter gradients: Loss and gradients of a batch; equal on all ranks.
  public func train<Source: BatchSource>(
    _ source: Source, until lastStep: Int, gradients: (Source.Batch) throws -> StepGradients
  ) throws {
    try begin()
    try follow(source.order, isOver: step >= lastStep)
    if step >= lastStep { return }
    if showsProgress && communicator.isLeader { progress = ProgressWriter(from: step, to: lastStep) }
    model.train()
    speed.start()
    communication.start()
    while step < lastStep {
      if try isStopRequested() { try stop(before: lastStep, order: source.order) }
      let drawn = try speed.waiting { try source.batch(at: position) }
      var entry = StepMetrics(step: step + 1)
      let before = statistics
      let probe = isDue(probe?.every) ? probe?.probe : nil
      probe?.start()
      if try !update(gradients(drawn.batch), &entry, probe) { restore(before) }
      step += 1
      position = drawn.end
      entry.numbers["epoch"] =
        Double(position.epoch) + Double(position.sample) / Double(source.order.sampleCount)
      speed.add(examples: drawn.sampleCount)
      let isLast = step == lastStep
      let validated = try validateIfDue(isLast: isLast)
      progress?.write(entry)
      // All ranks tell of themselves at the same steps, whoever validates.
      if isLast || isLogged(step) { entry.measurements = try communication.measurements() }
      if isLast || isLogged(step) || !validated.isEmpty { try log(&entry, validated) }
      if isLast || step % settings.saveEvery == 0 { try save(order: source.order, metrics: validated) }
    }
  }

  /// Whether a signal has come to any of the processes.
  private func isStopRequested() throws -> Bool {
    if communicator.size == 1 { return Interruption.isRequested }
    let signal = try communicator.allGather(Double(Interruption.signal ?? 0)).max() ?? 0
    if signal > 0 { Interruption.take(Int32(signal)) }
    return signal > 0
  }

  // MARK: Steps

  /// Running statistics and their like, where a step may be left out: its batch must leave no trace in them.
  private var statistics: [(buffer: Buffer, value: Tensor)] {
    if case .stop = settings.nonFinite { return [] }
    return model.namedBuffers().map { ($0.buffer, $0.buffer.value) }
  }

  private func restore(_ statistics: [(buffer: Buffer, value: Tensor)]) {
    for (buffer, value) in statistics { buffer.value = value }
  }

  /// - Returns: Whether a step was made; it may be left out.
  private func update(
    _ made: consuming StepGradients, _ entry: inout StepMetrics, _ probe: ModuleProbe?
  ) throws -> Bool {
    if let probe { entry.numbers.merge(probe.finish()) { own, _ in own } }
    let clipping = clipGlobalNorm(
      &made.gradients, of: optimizers, to: settings.gradientNorm ?? .infinity)
    entry.numbers["loss"] = Double(made.loss)
    entry.numbers["gradient norm"] = clipping.norm
    for (index, optimizer) in optimizers.enumerated() {
      let name = optimizers.count == 1 ? "learning rate" : "learning rate/\(index)"
      entry.numbers[name] =
        Double(optimizer.learningRate) * Double(optimizer.schedule(optimizer.stepCount))
    }
    let isAllowed = try finite.allow(
      loss: made.loss, made.gradients, of: optimizers, step: step, norm: clipping.norm)
    if !isAllowed {
      for optimizer in optimizers { optimizer.skipStep() }
    } else {
      if let norms, isDue(norms.every) {
        let lengths =
          try stateShards.map { try norms.metrics.step(optimizers, made.gradients, $0) }
          ?? norms.metrics.step(optimizers, made.gradients)
        entry.numbers.merge(lengths) { own, _ in own }
      } else {
        for optimizer in optimizers { optimizer.step(made.gradients) }
        try stateShards?.gatherParameters()
      }
      afterUpdate()
      average?.update()
    }
    if case .skip = settings.nonFinite { entry.numbers["skipped steps"] = Double(finite.skippedCount) }
    return isAllowed
  }

  /// Whether the step that is being made is one of every so many.
  private func isDue(_ every: Int?) -> Bool { every.map { (step + 1) % $0 == 0 } ?? false }

  /// Whether a step that was made has a line.
  private func isLogged(_ step: Int) -> Bool {
    [settings.logEvery, norms?.every, probe?.every].contains { $0.map { step % $0 == 0 } ?? false }
  }

  private func validateIfDue(isLast: Bool) throws -> [String: Double] {
    guard let validation, communicator.isLeader, isLast || step % validation.every == 0 else { return [:] }
    model.evaluate()
    defer { model.train() }
    let numbers = try withoutGradients { try validation.body() }
    return Dictionary(uniqueKeysWithValues: numbers.map { ("validation/\($0.key)", $0.value) })
  }

  private func log(_ entry: inout StepMetrics, _ validated: [String: Double]) throws {
    for (name, number) in metrics { entry.numbers[name] = number() }
    entry.numbers.merge(validated) { _, new in new }
    entry.measurements.merge(speed.measurements()) { own, _ in own }
    for index in writers.indices { try writers[index].write(entry) }
    loggedStep = step
  }

  // MARK: State

  private enum Note {
    static let (position, course, finite, logged, kept) = (
      "data position", "course", "finite steps", "logged step", "kept/"
    )

    /// Equal states have equal bytes.
    static var encoder: JSONEncoder {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return encoder
    }
  }

  /// Opens the run's files, after what its checkpoint holds was taken over.
  private func begin() throws {
    if hasBegun { return }
    if shardsOptimizerState && communicator.size > 1 {
      stateShards = ShardedOptimizerState(optimizers, communicator)
    }
    guard let run else { return hasBegun = true }
    if let checkpoint = run.checkpoint { try restore(checkpoint) }
    if communicator.isLeader {
      writers.insert(contentsOf: try run.openMetrics(keepingSteps: loggedStep), at: 0)
    }
    hasBegun = true
  }

  /// What decides the course beside the run's configuration.
  private struct Course: Encodable {
    let data: BatchOrder
    let gradientNorm: Float?
    let nonFinite: NonFinitePolicy
  }

  private func course(_ order: BatchOrder) -> Course {
    Course(data: order, gradientNorm: settings.gradientNorm, nonFinite: settings.nonFinite)
  }

  /// Begins with a phase of training: one whose data have another order begins at their beginning. The phase that a
  /// checkpoint is of goes on, and has to be that of the checkpoint; those before it are over, and may differ.
  private func follow(_ order: BatchOrder, isOver: Bool) throws {
    if let known = self.order {
      if isOver || known == order { return }
      position = DataPosition()
    } else if let run, let checkpoint = run.checkpoint {
      do {
        try RunConfiguration(course(order)).check(
          isThatOf: checkpoint.notes[Note.course], in: checkpoint.folder.path, allowing: run.allowed)
      } catch is ConfigurationMismatch where isOver {
        return
      }
    }
    self.order = order
  }

  private func restore(_ checkpoint: SavedCheckpoint) throws {
    let place = checkpoint.folder.path
    func note<Value: Decodable>(_ name: String, _ type: Value.Type) throws -> Value {
      guard let text = checkpoint.notes[name],
        let value = try? JSONDecoder().decode(type, from: Data(text.utf8))
      else { throw FileError(.malformed, place, "\(name) \(checkpoint.notes[name] ?? "is missing")") }
      return value
    }
    let position = try note(Note.position, DataPosition.self)
    let finite = try note(Note.finite, FiniteSteps.self)
    let logged = try note(Note.logged, Int.self)
    let possible = 0...checkpoint.step
    guard 0..<1 << 53 ~= position.epoch, position.sample >= 0, checkpoint.step < 1 << 53,
      possible.contains(logged), possible.contains(finite.skippedCount),
      0...finite.skippedCount ~= finite.skippedInARow
    else {
      throw FileError(
        .malformed, place,
        "after \(checkpoint.step) steps it is at \(position), with a line of step \(logged) and "
          + "\(finite.skippedInARow) of \(finite.skippedCount) steps left out last")
    }
    let prefixes =
      ["model."] + optimizers.indices.map { "optimizer.\($0)." } + (average == nil ? [] : ["average."])
    if let other = checkpoint.state.names.first(where: { name in !prefixes.contains { name.hasPrefix($0) } })
    {
      throw FileError(
        .unsupported, place, "it holds \(other)", expected: "nothing that this run does not have")
    }
    do {
      try model.load(checkpoint.tensors(prefix: "model."))
      for (index, optimizer) in optimizers.enumerated() {
        try optimizer.load(checkpoint.optimizerState(prefix: "optimizer.\(index)."))
      }
      try average?.load(checkpoint.optimizerState(prefix: "average."))
    } catch let error as StateError {
      throw FileError(.unsupported, place, error.sentence)
    }
    for value in kept {
      let text = checkpoint.notes[Note.kept + value.name]
      guard let text, (try? value.set(Data(text.utf8))) != nil else {
        throw FileError(.malformed, place, "\(value.name) \(text == nil ? "is missing" : "cannot be read")")
      }
    }
    self.finite = FiniteSteps(settings.nonFinite, after: finite)
    (self.position, loggedStep) = (position, logged)
    (step, savedStep) = (checkpoint.step, checkpoint.step)
  }

  private func save(order: BatchOrder, metrics: [String: Double]) throws {
    guard let run else { return }
    try finite.checkParameters(of: optimizers, step: step)
    try finite.checkBuffers(of: model, step: step)
    let states = try stateShards?.gatherStates()
    if !communicator.isLeader { return savedStep = step }
    var checkpoint = Checkpoint(step: step)
    checkpoint.add(model.stateDictionary(), prefix: "model.")
    for (index, state) in (states ?? optimizers.map { $0.stateDictionary() }).enumerated() {
      checkpoint.add(state, prefix: "optimizer.\(index).")
    }
    if let average { checkpoint.add(average.stateDictionary(), prefix: "average.") }
    func note(_ value: some Encodable) throws -> String {
      String(decoding: try Note.encoder.encode(value), as: UTF8.self)
    }
    checkpoint.notes[RunFolder.configurationNote] = run.configuration.json
    checkpoint.notes[Note.course] = try note(course(order))
    checkpoint.notes[Note.position] = try note(position)
    checkpoint.notes[Note.finite] = try note(finite)
    checkpoint.notes[Note.logged] = try note(loggedStep)
    for value in kept {
      checkpoint.notes[Note.kept + value.name] = String(decoding: try value.get(), as: UTF8.self)
    }
    checkpoint.metrics = metrics
    // A checkpoint is of lines that the disk has.
    for index in writers.indices { try writers[index].flush() }
    try run.checkpoints.save(checkpoint)
    savedStep = step
  }

  private func stop(before lastStep: Int, order: BatchOrder) throws -> Never {
    if step > savedStep { try save(order: order, metrics: [:]) }
    let place = run.map { "\($0.checkpoints.folder.path) holds it" } ?? "nothing is kept"
    throw Interrupted(
      step == 0 ? "stopped before the first step" : "stopped after step \(step) of \(lastStep): \(place)")
  }
}

extension RunFolder {
  /// The files of metrics, which keep what they have of the first `steps` steps.
  fileprivate func openMetrics(keepingSteps steps: Int) throws -> [any MetricsWriter] {
    [
      try JSONLinesWriter(path: metrics, keepingSteps: steps),
      try JSONLinesWriter(path: measurements, of: \.measurements, keepingSteps: steps),
    ]
  }
}
