/// How a state differs from what it is loaded into.
public struct StateDifference: Sendable {
  /// Paths that the receiver has and the state lacks.
  public var missing: [String] = []
  /// Names that the state has and the receiver lacks.
  public var unexpected: [String] = []
  /// Paths whose shapes differ.
  public var mismatched: [(path: String, expected: Shape, found: Shape)] = []

  /// Whether everything was there, of the right shape, and nothing else.
  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }
}

/// All that keeps a state from being loaded into a module or an optimizer.
public struct StateError: DataError {
  /// The file that the state comes from, where there is one.
  public let path: String?
  /// Names and shapes that do not fit.
  public let difference: StateDifference
  /// Names of counts of steps that nobody can have made: below zero or above 2^53.
  public let impossibleCounts: [String]
  /// Paths of generators of random numbers whose state is not sixteen bytes, or says that over 2^62 numbers were drawn.
  public let impossibleGenerators: [String]

  /// Paths that the receiver has and the state lacks.
  public var missing: [String] { difference.missing }
  /// Names that the state has and the receiver lacks.
  public var unexpected: [String] { difference.unexpected }
  /// Paths whose shapes differ.
  public var mismatched: [(path: String, expected: Shape, found: Shape)] { difference.mismatched }

  fileprivate init(_ difference: StateDifference, impossibleGenerators: [String]) {
    path = nil
    self.difference = difference
    impossibleCounts = []
    self.impossibleGenerators = impossibleGenerators
  }

  package init(
    path: String? = nil, missing: [String], unexpected: [String],
    mismatched: [(path: String, expected: Shape, found: Shape)],
    impossibleCounts: [String] = []
  ) {
    self.path = path
    difference = StateDifference(missing: missing, unexpected: unexpected, mismatched: mismatched)
    self.impossibleCounts = impossibleCounts
    impossibleGenerators = []
  }

  /// A part for each kind of problem: the first few names of each, and how many others there are.
  public var sentence: String {
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing: \(missing.listed())") }
    if !unexpected.isEmpty { parts.append("unexpected: \(unexpected.listed())") }
    let shown = mismatched.prefix(5)
    for (path, expected, found) in shown {
      parts.append("\(path.oneLine(limit: 100)): expected shape \(expected), found \(found)")
    }
    if mismatched.count > shown.count { parts.append("\(mismatched.count - shown.count) more shapes differ") }
    if !impossibleCounts.isEmpty { parts.append("impossible counts: \(impossibleCounts.listed())") }
    if !impossibleGenerators.isEmpty {
      parts.append("impossible generators of random numbers: \(impossibleGenerators.listed())")
    }
    return (path.map { "\($0): " } ?? "") + "the state does not fit: " + parts.joined(separator: "; ")
  }
}

extension Module {
  /// Where dropout and its like draw from, in the order of their paths.
  package var randomSources: [RandomSource] { ModuleWalk(self).sources.map(\.source) }

  /// Parameters and buffers by path, and where the random numbers of dropout and its like have come to: training that is
  /// resumed from it makes the same steps as training that never stopped.
  public func stateDictionary() -> [String: Tensor] {
    var state: [String: Tensor] = [:]
    let walk = ModuleWalk(self)
    for (path, parameter) in walk.parameters { state[path] = parameter.value }
    for (path, buffer) in walk.buffers { state[path] = buffer.value }
    for (path, source) in walk.sources { state[path] = source.random.state }
    return state
  }

  /// Replaces parameters, buffers and generators of random numbers: all of them, or with `strict: false` those that the
  /// state has in the right shape.
  ///
  ///     let left = try model.load(state, strict: false) { $0.replacing("gamma", with: "scale") }
  ///     print(left.missing)
  ///
  /// Generators may be missing from a strict state too, as they are from older ones: they go on from where they are.
  ///
  /// - Parameters:
  ///   - state: Tensors by name.
  ///   - strict: Whether any difference is an error.
  ///   - renaming: The path that a name of the state stands for; nil to leave the tensor out. Of several names of one path
  ///     the first in alphabetical order is taken, the others are unexpected.
  /// - Returns: What the state lacked, what it had beyond the module, by its own names, and what kept its numbers because
  ///   the shapes differ: nothing when `strict`.
  /// - Throws: ``StateError`` with all differences when `strict`, and with generators that cannot be; then nothing was
  ///   changed.
  @discardableResult
  public func load(
    _ state: [String: Tensor], strict: Bool = true, renaming: (String) -> String? = { $0 }
  ) throws -> StateDifference {
    let walk = ModuleWalk(self)
    var setters: [String: (shape: Shape, set: (Tensor) -> Void)] = [:]
    for (path, parameter) in walk.parameters { setters[path] = (parameter.shape, { parameter.value = $0 }) }
    for (path, buffer) in walk.buffers { setters[path] = (buffer.value.shape, { buffer.value = $0 }) }
    for (path, source) in walk.sources {
      setters[path] = (Random.stateShape, { if let random = Random(state: $0) { source.random = random } })
    }
    var difference = StateDifference()
    var found: [String: Tensor] = [:]
    for (name, tensor) in state.sorted(by: { $0.key < $1.key }) {
      guard let path = renaming(name) else { continue }
      if setters[path] == nil || found[path] != nil {
        difference.unexpected.append(name)
      } else {
        found[path] = tensor
      }
    }
    let generators = walk.sources.map(\.path)
    for path in walk.parameters.map(\.path) + walk.buffers.map(\.path) + generators {
      guard let tensor = found[path] else {
        if !generators.contains(path) { difference.missing.append(path) }
        continue
      }
      if let expected = setters[path]?.shape, expected != tensor.shape {
        difference.mismatched.append((path, expected, tensor.shape))
        found[path] = nil
      }
    }
    let impossible = generators.filter { found[$0].map { Random(state: $0) == nil } ?? false }
    if strict && !difference.isEmpty || !impossible.isEmpty {
      throw StateError(difference, impossibleGenerators: impossible)
    }
    for (path, tensor) in found { setters[path]?.set(tensor) }
    return difference
  }

  /// A table of all parameters: path, shape, number, memory, and whether frozen; totals last.
  public func summary() -> String {
    let rows = namedParameters().map { path, parameter in
      (path, "\(parameter.shape)", parameter.value.count, parameter.isFrozen ? "frozen" : "")
    }
    let total = rows.reduce(0) { $0 + $1.2 }
    let frozen = rows.filter { !$0.3.isEmpty }.reduce(0) { $0 + $1.2 }
    let pathWidth = Swift.max(9, rows.map(\.0.count).max() ?? 0)
    let shapeWidth = Swift.max(5, rows.map(\.1.count).max() ?? 0)
    func line(_ path: String, _ shape: String, _ count: String, _ memory: String, _ note: String) -> String {
      let cells = [
        path.padded(to: pathWidth), shape.padded(to: shapeWidth), count.padded(to: 12, left: true),
        memory.padded(to: 12, left: true), note,
      ]
      let text = cells.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    func memory(_ count: Int) -> String {
      let kibibytes = Double(count) / 256
      return kibibytes < 1024
        ? "\((kibibytes * 10).rounded() / 10) KiB" : "\((kibibytes / 102.4).rounded() / 10) MiB"
    }
    return
      ([line("parameter", "shape", "numbers", "memory", "")]
      + rows.map { line($0.0, $0.1, "\($0.2)", memory($0.2), $0.3) }
      + [line("total", "", "\(total)", memory(total), frozen > 0 ? "\(frozen) frozen" : "")])
      .joined(separator: "\n")
  }
}

extension String {
  fileprivate func padded(to width: Int, left: Bool = false) -> String {
    let padding = String(repeating: " ", count: Swift.max(0, width - count))
    return left ? padding + self : self + padding
  }
}
