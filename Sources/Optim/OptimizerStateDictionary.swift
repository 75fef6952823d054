/// All that an optimizer or a ``WeightAverage`` remembers, by name. It goes into a safetensors file, alone or beside a
/// model's state:
///
///     var writer = SafetensorsWriter()
///     optimizer.stateDictionary().add(to: &writer, prefix: "optimizer.")
///     try writer.write(to: path)
///     try optimizer.load(OptimizerStateDictionary(SafetensorsFile(path), prefix: "optimizer."))
public struct OptimizerStateDictionary: Sendable, Equatable {
  /// The steps that were made as `step`, and how often a parameter was updated as `path.step`.
  public var counts: [String: Int]
  /// What is remembered of a parameter, as `path.name`.
  public var tensors: [String: Tensor]

  /// A state of its parts.
  public init(counts: [String: Int] = [:], tensors: [String: Tensor] = [:]) {
    self.counts = counts
    self.tensors = tensors
  }

  /// The arrays of a file whose names begin with a prefix: whole numbers are counts.
  ///
  /// - Throws: ``FileError`` when an integer array holds more than one number or one of more than 64 bits, or another
  ///   array has more axes than a tensor can have.
  public init(_ file: SafetensorsFile, prefix: String = "") throws {
    self.init()
    for name in file.names where name.hasPrefix(prefix) {
      let key = String(name.dropFirst(prefix.count))
      if file[name]?.elementType.isInteger == true {
        counts[key] = try file.integer(named: name)
      } else {
        tensors[key] = try file.tensor(named: name)
      }
    }
  }

  /// Adds counts as 64-bit integers and tensors as 32-bit floats, so that nothing is rounded. Traps when a name is taken.
  public func add(to writer: inout SafetensorsWriter, prefix: String = "") {
    for (name, count) in counts { writer.add(integer: count, named: prefix + name) }
    for (name, tensor) in tensors { writer.add(tensor, named: prefix + name) }
  }
}

extension OptimizerStateDictionary {
  /// Throws a ``StateError`` if anything is missing, left over, of another shape, or a count that cannot be.
  func check(
    missing: [String], remaining: OptimizerStateDictionary,
    mismatched: [(path: String, expected: Shape, found: Shape)]
  ) throws {
    let impossible = counts.filter { !(0...1 << 53).contains($0.value) }.map(\.key).sorted()
    let unexpected = Array(remaining.counts.keys) + Array(remaining.tensors.keys)
    if missing.isEmpty && mismatched.isEmpty && impossible.isEmpty && unexpected.isEmpty { return }
    throw StateError(
      missing: missing.sorted(), unexpected: unexpected.sorted(),
      mismatched: mismatched.sorted { $0.path < $1.path }, impossibleCounts: impossible)
  }
}

extension Optimizer {
  /// The number of steps and what is remembered of each parameter; of those that are updated here, where several processes
  /// share the work.
  public func stateDictionary() -> OptimizerStateDictionary {
    var result = OptimizerStateDictionary(counts: ["step": stepCount])
    for (index, entry) in parameters.all.enumerated() {
      guard let state = parameters.states[index] else { continue }
      result.counts["\(entry.path).step"] = parameters.updateCounts[index]
      for (name, tensor) in state.tensors { result.tensors["\(entry.path).\(name)"] = tensor }
    }
    return result
  }

  /// Continues from a saved state.
  ///
  /// A parameter of which nothing was remembered when the state was saved, such as a frozen one, starts afresh.
  ///
  /// - Throws: ``StateError`` with everything that is wrong; then nothing was changed.
  public func load(_ state: OptimizerStateDictionary) throws {
    var remaining = state
    var missing: [String] = []
    var mismatched: [(path: String, expected: Shape, found: Shape)] = []
    let step = remaining.counts.removeValue(forKey: "step")
    if step == nil { missing.append("step") }
    let loaded = parameters.all.map { entry -> (state: State?, updates: Int) in
      var state = makeState(for: entry)
      let updates = remaining.counts.removeValue(forKey: "\(entry.path).step")
      var found: [String: Tensor] = [:]
      let expected = state.tensors
      for name in expected.keys {
        found[name] = remaining.tensors.removeValue(forKey: "\(entry.path).\(name)")
      }
      if updates == nil && found.isEmpty { return (nil, 0) }
      if updates == nil { missing.append("\(entry.path).step") }
      for (name, tensor) in expected {
        let path = "\(entry.path).\(name)"
        guard let shape = found[name]?.shape else {
          missing.append(path)
          continue
        }
        if shape != tensor.shape { mismatched.append((path, tensor.shape, shape)) }
      }
      guard let updates, missing.isEmpty, mismatched.isEmpty else { return (nil, 0) }
      state.tensors = found
      return (state, updates)
    }
    try state.check(missing: missing, remaining: remaining, mismatched: mismatched)
    parameters.states = zip(loaded, parameters.isOwned).map { $1 ? $0.state : nil }
    parameters.updateCounts = loaded.map(\.updates)
    parameters.stepCount = step ?? 0
  }
}
