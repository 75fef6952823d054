import Optim
import TestSupport
import Testing

/// Twenty steps of every optimizer against PyTorch's and big_vision's in double precision.
@Suite struct TrajectoryTests {
  private static let steps = 20
  private static let late = ["vector": 10, "scalar": 15]
  private static let reference = Result {
    try SafetensorsFile(fixture("optimizers/trajectories.safetensors")).tensors()
  }

  /// Steps through a trajectory and compares every number at its end: to 1e-6 of itself, and for small ones to five
  /// roundings of numbers near 1, as parameters pass through such on their way. What products round to, in each step
  /// something else, is nothing to optimizers.
  private func check(
    _ name: String, _ model: FixtureModule, _ optimizer: some Optimizer, clippingTo length: Float? = nil,
    frozenUntil firstSteps: [String: Int] = [:], absolute: Float = 3e-7
  ) throws {
    for step in 0..<Self.steps {
      for (path, parameter) in model.namedParameters() { parameter.isFrozen = step < firstSteps[path] ?? 0 }
      var gradients = model.gradients(step: step)
      Compute.withMatmulPrecision(MatmulPrecision.allCases[step % 3]) {
        if let length { optimizer.clipGlobalNorm(&gradients, to: length) }
        optimizer.step(gradients)
      }
    }
    for (path, parameter) in model.namedParameters() {
      let expected = try #require(Self.reference.get()["\(name)/\(path)"])
      #expect(
        parameter.value.isApproximatelyEqual(to: expected, absolute: absolute, relative: 1e-6),
        "\(name) \(path)")
    }
  }

  @Test func stochasticGradientDescent() throws {
    let plain = SmallModel()
    try check("sgd", plain, SGD(plain, learningRate: 0.1))
    let heavy = SmallModel()
    try check("sgd.momentum", heavy, SGD(heavy, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01))
    let ahead = SmallModel()
    try check("sgd.nesterov", ahead, SGD(ahead, learningRate: 0.05, momentum: 0.8, nesterov: true))
  }

  @Test func stochasticGradientDescentWithDecoupledDecay() throws {
    let heavy = SmallModel()
    try check("sgdw", heavy, SGDW(heavy, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01))
    let ahead = SmallModel()
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    let optimizer = SGDW(
      ahead, learningRate: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.1, schedule: schedule)
    try check("sgdw.nesterov", ahead, optimizer, frozenUntil: Self.late)
  }

  @Test func lion() throws {
    let plain = SmallModel()
    try check("lion", plain, Lion(plain, learningRate: 0.01, weightDecay: 0.1))
    let other = SmallModel()
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    let optimizer = Lion(other, learningRate: 0.01, beta1: 0.95, beta2: 0.98, schedule: schedule)
    try check("lion.late", other, optimizer, frozenUntil: Self.late)
  }

  @Test func adam() throws {
    let plain = SmallModel()
    try check("adam", plain, Adam(plain, learningRate: 0.01))
    let decayed = SmallModel()
    try check(
      "adam.decay", decayed,
      Adam(decayed, learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.125))
  }

  @Test func adamW() throws {
    let plain = SmallModel()
    try check("adamw", plain, AdamW(plain, learningRate: 0.01, beta2: 0.95, weightDecay: 0.1))
    let scheduled = SmallModel()
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    try check(
      "adamw.scheduled", scheduled,
      AdamW(scheduled, learningRate: 0.01, beta2: 0.95, weightDecay: 0.1, schedule: schedule), clippingTo: 1)
  }

  /// What is unfrozen late is corrected by its own updates; the schedule goes by the optimizer's steps.
  @Test func parametersThatAreUnfrozenLate() throws {
    let late = Self.late
    let heavy = SmallModel()
    let sgd = SGD(heavy, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01)
    try check("sgd.late", heavy, sgd, frozenUntil: late)
    let plain = SmallModel()
    try check("adam.late", plain, Adam(plain, learningRate: 0.01), frozenUntil: late)
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    let decayed = SmallModel()
    let adamW = AdamW(decayed, learningRate: 0.01, beta2: 0.95, weightDecay: 0.1, schedule: schedule)
    try check("adamw.late", decayed, adamW, frozenUntil: late)
    let large = LargeModel()
    let adaFactor = AdaFactor(
      large, learningRate: 1e-3, momentumPrecision: .float32, beta2Cap: 0.95, weightDecay: 1e-4,
      schedule: schedule)
    try check("adafactor.late", large, adaFactor, frozenUntil: ["large": 10, "vector": 15])
  }

  @Test func adaFactor() throws {
    let model = LargeModel()
    try check(
      "adafactor", model,
      AdaFactor(model, learningRate: 1e-3, beta1: 0, beta2Cap: 0.95, weightDecay: 1e-4))
    let uncapped = LargeModel()
    try check("adafactor.uncapped", uncapped, AdaFactor(uncapped, learningRate: 1e-2, beta1: 0))
  }

  /// A momentum that lies about halfway between two numbers of bfloat16 may be rounded to the other one. Below 0.5 they
  /// are 2^-9 apart, and nine tenths of that, then nine tenths of nine tenths, go into the steps that follow: at most
  /// 9 · 2^-9 · 1e-3. Most such numbers are smaller: 1e-6 is the worst that was seen.
  @Test func adaFactorWithMomentum() throws {
    let model = LargeModel()
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    try check(
      "adafactor.momentum", model,
      AdaFactor(model, learningRate: 1e-3, beta2Cap: 0.95, weightDecay: 1e-4, schedule: schedule),
      absolute: 1e-5)
  }

  @Test func adaFactorWithMomentumInSinglePrecision() throws {
    let model = LargeModel()
    let schedule = Schedule(.cosine(), totalSteps: Self.steps, warmUpSteps: 4)
    try check(
      "adafactor.float32", model,
      AdaFactor(
        model, learningRate: 1e-3, momentumPrecision: .float32, beta2Cap: 0.95, weightDecay: 1e-4,
        schedule: schedule))
  }

  @Test func adaFactorSeesOtherShapes() throws {
    let model = ModelOfHeads()
    let optimizer = AdaFactor(
      model, learningRate: 1e-3, beta1: 0, beta2Cap: 0.95,
      groups: [
        ParameterGroup(/large/, factoredView: [33, 1, 40]),
        ParameterGroup(/heads/, factoredView: [2, -1, 40]),
      ])
    try check("adafactor.views", model, optimizer)
    let state = optimizer.stateDictionary()
    #expect(state.tensors["heads.rows"]?.shape == [2, 33])
    #expect(state.tensors["heads.columns"]?.shape == [2, 40])
  }
}
