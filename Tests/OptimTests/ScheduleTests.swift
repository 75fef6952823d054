import Optim
import Testing

/// Multipliers worked out by hand from big_vision's definitions.
@Suite struct ScheduleTests {
  private func check(_ schedule: Schedule, _ expected: [(step: Int, multiplier: Float)]) {
    for (step, multiplier) in expected {
      #expect(abs(schedule(step) - multiplier) < 1e-6, "step \(step): \(schedule(step))")
    }
  }

  @Test func constant() {
    check(.constant, [(0, 1), (1_000_000_000, 1)])
    check(
      Schedule(.constant, totalSteps: 10, warmUpSteps: 2, coolDownSteps: 4),
      [(0, 0), (1, 0.5), (2, 1), (6, 1), (7, 0.75), (9, 0.25), (10, 0), (11, 0)])
  }

  @Test func cosine() {
    check(
      Schedule(.cosine(), totalSteps: 20, warmUpSteps: 4),
      [
        (0, 0), (1, 0.25), (3, 0.75), (4, 1), (8, 0.853_553_4), (12, 0.5), (16, 0.146_446_6), (20, 0),
        (25, 0),
      ]
    )
    check(Schedule(.cosine(), totalSteps: 4), [(0, 1), (1, 0.853_553_4), (2, 0.5), (4, 0)])
  }

  @Test func cosineToAnEnd() {
    check(
      Schedule(.cosine(end: 0.2), totalSteps: 6, warmUpSteps: 2),
      [(0, 0), (1, 0.5), (2, 1), (4, 0.6), (6, 0.2), (9, 0.2)])
  }

  /// Each level begins at its step, as with big_vision's `searchsorted(steps, step + 1)`.
  @Test func stair() {
    check(
      Schedule(.stair([10: 0.5, 30: 0.0625, 20: 0.25]), totalSteps: 40, warmUpSteps: 5, coolDownSteps: 4),
      [
        (0, 0), (4, 0.8), (5, 1), (9, 1), (10, 0.5), (19, 0.5), (20, 0.25), (30, 0.0625), (38, 0.03125),
        (40, 0),
      ])
    check(Schedule(.stair([:]), totalSteps: 3), [(0, 1), (5, 1)])
    check(Schedule(.stair([0: 2]), totalSteps: 3), [(0, 2), (5, 2)])
  }

  /// The nearest whole number of steps as Python's `round` finds it, at least one of what is not nothing.
  @Test func phasesInExamples() {
    let schedule = Schedule(
      .linear(), total: .examples(1250), warmUp: .examples(350), coolDown: .steps(1), batchSize: 100)
    #expect(schedule.totalSteps == 12 && schedule.warmUpSteps == 4 && schedule.coolDownSteps == 1)
    #expect(Schedule.Length.examples(1).steps(batchSize: 100) == 1)
    #expect(Schedule.Length.examples(0).steps(batchSize: 100) == 0)
    #expect(Schedule.Length.examples(200_000_000).steps(batchSize: 32_768) == 6104)
    #expect(Schedule.Length.steps(7).steps(batchSize: 100) == 7)
  }

  @Test func functions() {
    check(Schedule { 1 / Float($0 + 1) }, [(0, 1), (1, 0.5), (99, 0.01)])
    check(
      Schedule(.function { $0 < 6 ? 1 : 0.1 }, totalSteps: 10, warmUpSteps: 4, coolDownSteps: 2),
      [(0, 0), (2, 0.5), (5, 1), (6, 0.1), (9, 0.05), (10, 0)])
  }

  @Test func linear() {
    check(Schedule(.linear(end: 0.1), totalSteps: 10), [(0, 1), (5, 0.55), (10, 0.1), (12, 0.1)])
    check(Schedule(.linear(), totalSteps: 12, warmUpSteps: 2), [(1, 0.5), (2, 1), (7, 0.5), (12, 0)])
  }

  @Test func reciprocalRoot() {
    check(
      Schedule(.rsqrt(timescale: 100), totalSteps: 1000, warmUpSteps: 10, coolDownSteps: 50),
      [(0, 0), (5, 0.5), (10, 1), (310, 0.5), (950, 0.310_086_8), (975, 0.153_212_9), (1000, 0)])
  }

  @Test func warmUpOnly() {
    check(Schedule(.cosine(), totalSteps: 5, warmUpSteps: 5), [(0, 0), (4, 0.8), (5, 1)])
  }

  @Test func moveTheLearningRate() {
    let model = SmallModel()
    let start = model.scalar.value.item()
    let optimizer = SGD(model, learningRate: 0.5, schedule: Schedule(.linear(), totalSteps: 4))
    var gradients = Gradients()
    gradients[model.scalar] = Tensor(1)
    for _ in 0..<6 { optimizer.step(gradients) }
    #expect(model.scalar.value.item() == start - 0.5 * (1 + 0.75 + 0.5 + 0.25))
  }

  @Test func phasesThatDoNotFitTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Schedule(.cosine(), totalSteps: 10, warmUpSteps: 6, coolDownSteps: 5)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("schedule: 6 steps of warm-up and 5 of cool-down in 10 steps"))
    await #expect(processExitsWith: .failure) { _ = Schedule(.constant, totalSteps: 0) }
    await #expect(processExitsWith: .failure) { _ = Schedule(.rsqrt(), totalSteps: 9, warmUpSteps: -1) }
  }
}
