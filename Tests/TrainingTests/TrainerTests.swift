import Foundation
import Optim
import Testing
import Training

@Suite struct TrainerTests {
  fileprivate let folder = TemporaryFolder()

  fileprivate func run(
    _ name: String = "run", start: RunFolder.Start = .resumingIfAny, allowing: Set<String> = [],
    retention: CheckpointStore.Retention = .init()
  ) throws -> RunFolder {
    try RunFolder(
      folder.url.appending(path: name), configuration: RunConfiguration(["rate": 1]), start: start,
      allowing: allowing, retention: retention, warn: { _ in })
  }

  private func metrics(_ name: String = "run") throws -> [StepMetrics] {
    try JSONLinesWriter.read(path: folder.path("\(name)/metrics.jsonl"))
  }

  /// What the loop does is what one writes by hand.
  @Test func stepsAreThoseOfALoopByHand() throws {
    let byHand = try SmallTraining(hasAverage: false)
    var random = Random(seed: 77)
    let optimizer = AdamW(
      byHand.model, learningRate: 0.01, schedule: Schedule(.rsqrt(timescale: 50), totalSteps: 1000))
    var position = DataPosition()
    var losses: [Double] = []
    for _ in 0..<12 {
      let drawn = try byHand.loader.batch(at: position)
      let noise = random.normal([3], standardDeviation: 0.01)
      let loss = crossEntropy(
        logits: byHand.model(Variable(drawn.batch.inputs)) + noise, labels: drawn.batch.labels)
      var gradients = loss.backward()
      optimizer.clipGlobalNorm(&gradients, to: 1)
      optimizer.step(gradients)
      losses.append(Double(loss.item()))
      position = drawn.end
    }
    let training = try SmallTraining(run: run(), hasAverage: false)
    try training.train(until: 12)
    #expect(training.model.stateDictionary() == byHand.model.stateDictionary())
    #expect(try metrics().map { $0.numbers["loss"] } == losses)
    #expect(training.trainer.position == position && training.trainer.step == 12)
  }

  /// Clipping changes the gradients where they are: there is no second copy of all of them.
  @Test func gradientsAreNotCopied() throws {
    final class Watching: Optimizer {
      struct State: OptimizerState { var tensors: [String: Tensor] = [:] }
      var learningRate: Float = 1
      var schedule = Schedule.constant
      let parameters: OptimizedParameters<State>
      var given: [(place: UnsafePointer<Float>?, first: Float)] = []

      init(_ model: some Module) { parameters = OptimizedParameters(of: model, groups: []) }
      func makeState(for parameter: OptimizedParameter) -> State { State() }
      func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
        given.append(gradient.withUnsafeScalars { ($0.baseAddress, $0[0]) })
      }
    }
    let byHand = try SmallTraining(hasAverage: false)
    let optimizer = Watching(byHand.model)
    let trainer = Trainer(byHand.model, optimizer, settings: .init(gradientNorm: 1))
    var made: [UnsafePointer<Float>?] = []
    try trainer.train(byHand.loader, until: 2) { batch in
      var gradients = Gradients()
      for parameter in byHand.model.parameters {
        let gradient = Tensor.full(parameter.shape, 5)
        made.append(gradient.withUnsafeScalars(\.baseAddress))
        gradients[parameter] = gradient
      }
      return StepGradients(loss: 1, gradients: gradients)
    }
    #expect(optimizer.given.map(\.place) == made && made.count == 12)
    #expect(optimizer.given.allSatisfy { 0 < $0.first && $0.first < 1 })
  }

  @Test func aLineHasTheNumbersOfItsStep() throws {
    let training = try SmallTraining(run: run())
    try training.train(until: 5)
    let lines = try metrics()
    #expect(lines.map(\.step) == [1, 2, 3, 4, 5])
    for line in lines {
      #expect(Set(line.numbers.keys) == ["loss", "gradient norm", "learning rate", "epoch", "length"])
    }
    let schedule = Schedule(.rsqrt(timescale: 50), totalSteps: 1000)
    #expect(lines[4].numbers["learning rate"] == Double(0.01 as Float) * Double(schedule(4)))
    let machine = try JSONLinesWriter.read(path: folder.path("run/measurements.jsonl"))
    #expect(machine.map(\.step) == [1, 2, 3, 4, 5])
    for line in machine {
      #expect(line.numbers["examples per second"]! > 0)
      #expect((0...1).contains(line.numbers["share of time waiting for data"]!))
      #expect((1...100_000).contains(line.numbers["peak memory in MiB"]!))
    }
  }

  /// In several pieces, with other threads and workers, the same bytes; also where lines and checkpoints are rare.
  @Test(arguments: [(1, 2), (1, 7), (3, 4), (5, 3)])
  func aRunInPiecesIsTheSameRun(logEvery: Int, saveEvery: Int) throws {
    let settings = Trainer.Settings(gradientNorm: 1, logEvery: logEvery, saveEvery: saveEvery)
    try SmallTraining(run: run("whole"), settings: settings).train(until: 30)
    for (piece, steps) in [saveEvery, 3 * saveEvery, 4 * saveEvery, 30].enumerated() {
      // A piece ends in the middle: by an error at the first line after a checkpoint.
      let training = try SmallTraining(run: run("pieces"), workers: piece, settings: settings)
      struct End: Error {}
      training.trainer.writers.append(Callback { if $0.step > steps && steps < 30 { throw End() } })
      do { try training.train(until: 30) } catch is End {}
      #expect((training.trainer.step < 30) == (steps < 30))
    }
    for name in ["metrics.jsonl", "checkpoints/step-00000030/state.safetensors"] {
      #expect(try folder.bytes("whole/\(name)") == folder.bytes("pieces/\(name)"), "\(name)")
    }
    let notes = try ["whole", "pieces"].map { try run($0).checkpoint?.notes }
    #expect(notes[0] == notes[1] && notes[0] != nil)
  }

  @Test func aFinishedRunMakesNoSteps() throws {
    try SmallTraining(run: run()).train(until: 6)
    let before = try folder.bytes("run/metrics.jsonl")
    func steps() throws -> Int {
      let again = try SmallTraining(run: run())
      try again.train(until: 6)
      return again.trainer.step
    }
    #expect(try steps() == 6)
    #expect(try folder.bytes("run/metrics.jsonl") == before)
    try SmallTraining(run: run()).train(until: 8)
    #expect(try metrics().map(\.step) == Array(1...8))
  }

  @Test func otherDataAreRefusedUnlessAllowed() throws {
    try SmallTraining(run: run()).train(until: 4)
    let error = #expect(throws: ConfigurationMismatch.self) {
      try SmallTraining(run: run(), seed: 6, batchSize: 8).train(until: 6)
    }
    #expect(error?.differences.map(\.description) == ["data.batchSize 7 (now 8)", "data.seed 5 (now 6)"])
    let settings = #expect(throws: ConfigurationMismatch.self) {
      try SmallTraining(run: run(), settings: .init(nonFinite: .skip(atMost: 2))).train(until: 6)
    }
    #expect(
      settings?.differences.map(\.description) == [
        "gradientNorm 1 (now not given)", "nonFinite.skip.atMost not given (now 2)",
        "nonFinite.stop {} (now not given)",
      ])
    let training = try SmallTraining(run: run(allowing: ["seed", "data.batchSize"]), seed: 6, batchSize: 8)
    try training.train(until: 6)
    #expect(training.trainer.position == DataPosition(epoch: 0, sample: 44))
  }

  @Test func aStateThatDoesNotFitIsRefused() throws {
    try SmallTraining(run: run()).train(until: 4)
    let error = #expect(throws: FileError.self) {
      try SmallTraining(run: run(), hasAverage: false).train(until: 6)
    }
    #expect(error?.description.contains("it holds average.") ?? false)
    try SmallTraining(run: run("plain"), hasAverage: false).train(until: 4)
    let missing = #expect(throws: FileError.self) { try SmallTraining(run: run("plain")).train(until: 6) }
    #expect(missing?.description.contains("the state does not fit: missing: step") ?? false)
    let kept = try SmallTraining(run: run())
    kept.trainer.keep("other", get: { 1 }, set: { _ in })
    #expect(throws: FileError.self) { try kept.train(until: 6) }
  }

  @Test func numbersThatAreNotFiniteEndTheRun() throws {
    let error = #expect(throws: NonFiniteError.self) {
      try SmallTraining(run: run(), learningRate: 1e18, settings: .init(saveEvery: 1)).train(until: 10)
    }
    let step = try #require(error?.step)
    // The last checkpoint is of numbers.
    let checkpoint = try #require(try run().checkpoint)
    #expect(checkpoint.step <= step)
    for tensor in try checkpoint.tensors(prefix: "model.").values {
      #expect(tensor.scalars.allSatisfy { $0.isFinite })
    }
    /// The error, and the steps made.
    func skipping() throws -> (error: NonFiniteError?, step: Int) {
      let training = try SmallTraining(
        run: run("skip"), settings: .init(nonFinite: .skip(atMost: 3), saveEvery: 1), scale: .nan)
      return (#expect(throws: NonFiniteError.self) { try training.train(until: 10) }, training.trainer.step)
    }
    let first = try skipping()
    #expect(first.error?.step == 3 && first.error?.skippedSteps == 3)
    #expect(try metrics("skip").map { $0.numbers["skipped steps"] } == [1, 2, 3])
    // The count goes on too: the next step would be the fourth in a row.
    let again = try skipping()
    #expect(again.error?.step == 3 && again.step == 3)
  }

  /// What the last step, or what follows it, has made of weights and running statistics.
  @Test func numbersThatAreNotFiniteAreNotSaved() throws {
    for isParameter in [true, false] {
      let training = try SmallTraining()
      let parameter = training.model.namedParameters()[1]
      let buffer = training.model.namedBuffers()[0]
      let trainer = Trainer(
        training.model, SGD(training.model, learningRate: 0), run: try run("\(isParameter)"),
        settings: .init(saveEvery: 1))
      trainer.afterUpdate = {
        if isParameter {
          parameter.parameter.value = .full(parameter.parameter.shape, .infinity)
        } else {
          buffer.buffer.value = .full(buffer.buffer.value.shape, .infinity)
        }
      }
      let error = #expect(throws: NonFiniteError.self) {
        try trainer.train(training.loader, until: 1) {
          crossEntropy(logits: training.model(Variable($0.inputs)), labels: $0.labels)
        }
      }
      #expect(error?.place == .parameter(path: isParameter ? parameter.path : buffer.path))
      #expect(
        try CheckpointStore(folder: folder.url.appending(path: "\(isParameter)/checkpoints")).steps() == [])
    }
  }

  @Test func validationIsInEvaluationModeAndDecidesTheBest() throws {
    let training = try SmallTraining(
      run: run(retention: .init(last: 1, best: .init("validation/x", isLargest: true))))
    var seen: [Int] = []
    training.trainer.validate(every: 4) {
      [model = training.model, unowned trainer = training.trainer] in
      #expect(!model.dropout.isTraining && !model.norm.isTraining)
      #expect(!model(Variable(.zeros([1, 8]))).requiresGradient)
      seen.append(trainer.step)
      return ["x": trainer.step == 4 ? 90 : Double(trainer.step)]
    }
    try training.train(until: 10)
    #expect(seen == [4, 8, 10] && training.model.dropout.isTraining)
    let lines = try metrics()
    #expect(lines.filter { $0.numbers["validation/x"] != nil }.map(\.step) == [4, 8, 10])
    let store = CheckpointStore(folder: folder.url.appending(path: "run/checkpoints"))
    #expect(try store.steps() == [4, 10])
    // It leaves no trace in the course.
    let without = try SmallTraining()
    try without.train(until: 10)
    #expect(without.model.stateDictionary() == training.model.stateDictionary())
  }

  /// After every step that is made, and before the average follows it.
  @Test func theProgramHasItsTurnAfterAStep() throws {
    let training = try SmallTraining()
    var updates: [Int] = []
    training.trainer.afterUpdate = { [model = training.model, unowned trainer = training.trainer] in
      updates.append(trainer.average!.updateCount)
      model.output.bias!.value = .full([3], 7)
    }
    try training.train(until: 3)
    #expect(updates == [0, 1, 2])
    #expect(training.model.output.bias!.value == .full([3], 7))
    for number in training.trainer.average!.weights["output.bias"]!.scalars {
      #expect(abs(number - 7) < 1e-5)
    }

    let skipping = try SmallTraining(settings: .init(nonFinite: .skip(atMost: 3)), scale: .nan)
    skipping.trainer.afterUpdate = { Issue.record("there was no step") }
    #expect(throws: NonFiniteError.self) { try skipping.train(until: 10) }
  }

  @Test func normsAreMeasuredAndChangeNothing() throws {
    let (plain, measured) = (
      try SmallTraining(), try SmallTraining(run: run(), settings: .init(gradientNorm: 1, logEvery: 10))
    )
    measured.trainer.measureNorms(every: 4)
    measured.trainer.observe(ModuleProbe(measured.model, at: ["hidden"]), every: 6)
    try plain.train(until: 12)
    try measured.train(until: 12)
    #expect(plain.model.stateDictionary() == measured.model.stateDictionary())
    let lines = try metrics()
    #expect(lines.map(\.step) == [4, 6, 8, 10, 12])
    for line in lines {
      let norms = line.numbers.keys.filter { $0.hasPrefix("norm/") }
      #expect(norms.count == (line.step % 4 == 0 ? 9 : 0), "\(norms)")
      let seen = line.numbers.keys.filter { $0.hasSuffix("/hidden") && !$0.hasPrefix("norm/") }
      #expect(seen.count == (line.step % 6 == 0 ? 8 : 0), "\(seen)")
    }
    #expect(lines[4].numbers["epoch"] == 1 + 28 / 60.0)
  }

  @Test func severalOptimizersGoOn() throws {
    func training(_ name: String) throws -> (Trainer, DataLoader<SmallTraining.Batch>, SmallModel) {
      let small = try SmallTraining()
      let trainer = Trainer(
        small.model,
        [
          SGD(small.model.hidden, learningRate: 0.1, momentum: 0.9),
          AdamW(small.model.output, learningRate: 0.01),
        ], run: try run(name), settings: .init(saveEvery: 5))
      return (trainer, small.loader, small.model)
    }
    func train(_ name: String, until steps: Int) throws -> [String: Tensor] {
      let (trainer, loader, model) = try training(name)
      try trainer.train(loader, until: steps) {
        crossEntropy(logits: model(Variable($0.inputs)), labels: $0.labels)
      }
      return model.stateDictionary()
    }
    let whole = try train("whole", until: 10)
    _ = try train("pieces", until: 5)
    #expect(try train("pieces", until: 10) == whole)
    #expect(
      try Set(metrics("whole")[0].numbers.keys)
        == ["loss", "gradient norm", "learning rate/0", "learning rate/1", "epoch"])
  }

  /// The tower is unfrozen in the second phase; the run that goes on comes to it again.
  @Test func phasesGoOn() throws {
    func train(_ name: String, until last: Int) throws -> [String: Tensor] {
      let training = try SmallTraining(run: run(name))
      training.model.hidden.freeze()
      try training.train(until: min(last, 6))
      if last > 6 {
        training.model.hidden.unfreeze()
        try training.train(until: last)
      }
      return training.model.stateDictionary()
    }
    let whole = try train("whole", until: 12)
    for last in [4, 6, 9] { _ = try train("pieces", until: last) }
    #expect(try train("pieces", until: 12) == whole)
    #expect(try folder.bytes("whole/metrics.jsonl") == folder.bytes("pieces/metrics.jsonl"))
  }
}

extension TrainerTests {
  /// Phases with data of their own: each begins at the beginning of its data, also in a run that stopped where one ends.
  @Test func phasesWithOtherDataGoOn() throws {
    func train(_ name: String, until last: Int) throws -> (state: [String: Tensor], position: DataPosition) {
      let training = try SmallTraining(run: run(name))
      for (seed, end) in [(5 as UInt64, 5), (6, 9), (5, 14)] where end - 5 < last {
        let phase = try SmallTraining(seed: seed)
        try training.trainer.train(phase.loader, until: min(last, end)) {
          crossEntropy(logits: training.model(Variable($0.inputs)), labels: $0.labels)
        }
      }
      return (training.model.stateDictionary(), training.trainer.position)
    }
    let whole = try train("whole", until: 14)
    #expect(whole.position == DataPosition(epoch: 0, sample: 35))
    for last in [3, 5, 7, 9, 11] { _ = try train("pieces", until: last) }
    let pieces = try train("pieces", until: 14)
    #expect(pieces.state == whole.state && pieces.position == whole.position)
    #expect(try folder.bytes("whole/metrics.jsonl") == folder.bytes("pieces/metrics.jsonl"))
  }
}

/// A writer that is a closure.
struct Callback: MetricsWriter {
  let body: (StepMetrics) throws -> Void

  init(_ body: @escaping (StepMetrics) throws -> Void) { self.body = body }

  mutating func write(_ metrics: StepMetrics) throws { try body(metrics) }
}
