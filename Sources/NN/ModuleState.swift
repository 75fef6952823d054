/// All that keeps a state from being loaded into a module or an optimizer.
public struct StateError: DataError {
  /// Paths that the receiver has and the state lacks.
  public let missing: [String]
  /// Names that the state has and the receiver lacks.
  public let unexpected: [String]
  /// Paths whose shapes differ.
  public let mismatched: [(path: String, expected: Shape, found: Shape)]
  /// Names of counts of steps that nobody can have made: below zero or above 2^53.
  public let impossibleCounts: [String]

  package init(
    missing: [String], unexpected: [String], mismatched: [(path: String, expected: Shape, found: Shape)],
    impossibleCounts: [String] = []
  ) {
    self.missing = missing
    self.unexpected = unexpected
    self.mismatched = mismatched
    self.impossibleCounts = impossibleCounts
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
    return "the state does not fit: " + parts.joined(separator: "; ")
  }
}

extension Module {
  /// Parameters and buffers by path.
  public func stateDictionary() -> [String: Tensor] {
    var state: [String: Tensor] = [:]
    let walk = ModuleWalk(self)
    for (path, parameter) in walk.parameters { state[path] = parameter.value }
    for (path, buffer) in walk.buffers { state[path] = buffer.value }
    return state
  }

  /// Replaces all parameters and buffers.
  ///
  /// - Parameters:
  ///   - state: Tensors by path.
  ///   - strict: Whether names that are missing or unexpected are errors; shapes always must fit.
  /// - Throws: ``StateError`` with everything that is wrong; then nothing was changed.
  public func load(_ state: [String: Tensor], strict: Bool = true) throws {
    let walk = ModuleWalk(self)
    let (parameters, buffers) = (walk.parameters, walk.buffers)
    let own =
      parameters.map { ($0.path, $0.parameter.shape) } + buffers.map { ($0.path, $0.buffer.value.shape) }
    let paths = Set(own.map(\.0))
    let missing = strict ? own.map(\.0).filter { state[$0] == nil } : []
    let unexpected = strict ? state.keys.filter { !paths.contains($0) }.sorted() : []
    let mismatched = own.compactMap { path, shape -> (path: String, expected: Shape, found: Shape)? in
      guard let found = state[path]?.shape, found != shape else { return nil }
      return (path, shape, found)
    }
    guard missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty else {
      throw StateError(missing: missing, unexpected: unexpected, mismatched: mismatched)
    }
    for (path, parameter) in parameters { if let value = state[path] { parameter.value = value } }
    for (path, buffer) in buffers { if let value = state[path] { buffer.value = value } }
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
