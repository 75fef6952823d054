import Foundation

/// A running average of a model's weights, which often does better than the last ones:
///
///     let average = WeightAverage(of: model, decay: 0.9999, warmUp: .init())
///     for batch in batches {
///       optimizer.step(loss(batch).backward())
///       average.update()
///     }
///     let accuracy = average.withAveragedWeights { evaluate(model) }
///
/// As timm's `ModelEmaV3`: at the n-th update the average moves by 1 - ``decay(at:)`` of the way to the model's numbers.
/// Buffers, such as the running statistics of normalisation, are averaged like parameters or taken as they are. It costs the
/// memory of the weights once more, and no memory before ``start``.
public final class WeightAverage {
  /// A decay that rises with the number of updates, 1 - (1 + n / gamma)^-power, as in k-diffusion and timm. With a power of
  /// 1 the average is that of all steps; 2/3 reaches 0.999 after 31,600 steps and suits a million, 3/4 does after 10,000.
  public struct WarmUp: Sendable, Hashable, Codable {
    /// How fast it rises.
    public var power: Float
    /// How many updates count as one.
    public var gamma: Float

    /// A warm-up that ends where it reaches the decay.
    public init(power: Float = 2 / 3, gamma: Float = 1) {
      if !(power > 0 && gamma > 0) {
        programmerError("WeightAverage: a warm-up of power \(power) and gamma \(gamma), expected more than 0")
      }
      (self.power, self.gamma) = (power, gamma)
    }
  }

  /// How much of the average is kept at each update, in the end.
  public let decay: Float
  /// Number of updates that are left out: until then the average is the model.
  public let start: Int
  /// How the decay begins, if not at once.
  public let warmUp: WarmUp?
  /// Whether buffers are averaged; if not, they are those of the model.
  public let averagesBuffers: Bool
  /// Updates made.
  public private(set) var updateCount = 0

  private let places: [Place]
  /// nil as long as the average is the model.
  private var averages: [Tensor]?

  /// One parameter or buffer.
  private struct Place {
    let path: String
    let isBuffer: Bool
    let get: () -> Tensor
    let set: (Tensor) -> Void
  }

  /// An average of a model's weights, frozen ones too; traps unless the decay is in 0..<1.
  public init(
    of model: some Module, decay: Float = 0.9999, start: Int = 0, warmUp: WarmUp? = nil,
    averagesBuffers: Bool = true
  ) {
    if !(0..<1 ~= decay) || start < 0 {
      programmerError("WeightAverage: a decay of \(decay) from update \(start) on, expected 0 to less than 1")
    }
    (self.decay, self.start) = (decay, start)
    (self.warmUp, self.averagesBuffers) = (warmUp, averagesBuffers)
    places =
      model.namedParameters().map { path, parameter in
        Place(path: path, isBuffer: false, get: { parameter.value }, set: { parameter.value = $0 })
      }
      + model.namedBuffers().map { path, buffer in
        Place(path: path, isBuffer: true, get: { buffer.value }, set: { buffer.value = $0 })
      }
  }

  /// An average of the weights of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    of models: [any Module], decay: Float = 0.9999, start: Int = 0, warmUp: WarmUp? = nil,
    averagesBuffers: Bool = true
  ) {
    self.init(
      of: SeveralModules(models), decay: decay, start: start, warmUp: warmUp, averagesBuffers: averagesBuffers
    )
  }

  /// How much of the average is kept at an update, counted from 1: nothing at the first after ``start``.
  public func decay(at update: Int) -> Float {
    let n = update - start - 1
    if n <= 0 { return 0 }
    guard let warmUp else { return decay }
    let rising = 1 - pow(1 + Double(n) / decimal(warmUp.gamma), -Double(warmUp.power))
    return Float(min(rising, decimal(decay)))
  }

  /// Takes the model's numbers into the average; call it after each step of the optimizer.
  public func update() {
    updateCount += 1
    if updateCount <= start { return }
    let share = 1 - decimal(decay(at: updateCount))
    guard share < 1, var averages = averages.take() else { return averages = places.map { $0.get() } }
    for (index, place) in places.enumerated() {
      if place.isBuffer && !averagesBuffers {
        averages[index] = place.get()
      } else {
        averages[index].average(with: place.get(), share: share)
      }
    }
    self.averages = averages
  }

  /// Runs `body` while the model has the averaged weights, and gives it back its own, whatever happens.
  ///
  /// Nothing is copied. What the body makes of the model's weights is dropped; a ``Frozen`` that is made there keeps the
  /// averaged ones.
  public func withAveragedWeights<Result>(_ body: () throws -> Result) rethrows -> Result {
    let own = exchange(averages)
    defer { _ = exchange(own) }
    return try body()
  }

  /// The same for a body that waits; nobody else may use the model meanwhile.
  public func withAveragedWeights<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    let own = exchange(averages)
    defer { _ = exchange(own) }
    return try await body()
  }

  /// Gives the model other numbers, if there are any, and returns those that it had.
  private func exchange(_ tensors: [Tensor]?) -> [Tensor]? {
    guard let tensors else { return nil }
    let own = places.map { $0.get() }
    for (place, tensor) in zip(places, tensors) { place.set(tensor) }
    return own
  }

  /// The averaged parameters and buffers by path: what a model of the same structure loads.
  public var weights: [String: Tensor] {
    let tensors = averages ?? places.map { $0.get() }
    return Dictionary(uniqueKeysWithValues: zip(places.map(\.path), tensors))
  }

  /// The number of updates as `step`, and the averages as `weights.path` once there are any.
  public func stateDictionary() -> OptimizerStateDictionary {
    var result = OptimizerStateDictionary(counts: ["step": updateCount])
    for (place, average) in zip(places, averages ?? []) { result.tensors["weights.\(place.path)"] = average }
    return result
  }

  /// Continues from a saved state.
  ///
  /// - Throws: ``StateError`` with everything that is wrong; then nothing was changed.
  public func load(_ state: OptimizerStateDictionary) throws {
    var remaining = state
    let step = remaining.counts.removeValue(forKey: "step")
    var missing = step == nil ? ["step"] : []
    var mismatched: [(path: String, expected: Shape, found: Shape)] = []
    let hasAverages = !state.tensors.isEmpty || (step ?? 0) > start
    let found = places.map { place -> Tensor? in
      let name = "weights.\(place.path)"
      let tensor = remaining.tensors.removeValue(forKey: name)
      if hasAverages && tensor == nil { missing.append(name) }
      let expected = place.get().shape
      if let tensor, tensor.shape != expected { mismatched.append((name, expected, tensor.shape)) }
      return tensor
    }
    try state.check(missing: missing, remaining: remaining, mismatched: mismatched)
    updateCount = step ?? 0
    averages = hasAverages ? found.compactMap { $0 } : nil
  }
}
