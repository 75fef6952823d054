/// A part of a model: a class whose stored properties hold parameters, buffers and other modules.
///
/// They are found by reflection, also inside arrays, optionals and superclasses, and named by the path of property
/// names that leads to them: `encoder.layers.0.attention.query.weight`.
public protocol Module: AnyObject {}

/// A module that behaves differently while training, such as dropout.
public protocol TrainingDependent: Module {
  /// Whether the module is training.
  var isTraining: Bool { get set }
}

extension Module {
  /// All parameters with their paths, in order of declaration; one that is reached twice is listed once.
  public func namedParameters() -> [(path: String, parameter: Parameter)] {
    collect(Parameter.self).map { (path: $0.0, parameter: $0.1) }
  }

  /// All buffers with their paths.
  public func namedBuffers() -> [(path: String, buffer: Buffer)] {
    collect(Buffer.self).map { (path: $0.0, buffer: $0.1) }
  }

  /// This module (with an empty path) and all modules inside it.
  public func namedModules() -> [(path: String, module: any Module)] {
    var result: [(path: String, module: any Module)] = []
    visit { path, object in
      if let module = object as? any Module { result.append((path, module)) }
    }
    return result
  }

  /// All parameters.
  public var parameters: [Parameter] { collect(Parameter.self).map(\.1) }

  /// Excludes all parameters from gradients and updates: no tape is built for them.
  public func freeze() { for parameter in parameters { parameter.isFrozen = true } }

  /// Includes all parameters in gradients and updates.
  public func unfreeze() { for parameter in parameters { parameter.isFrozen = false } }

  /// Switches to training: dropout drops, batch normalisation uses the batch.
  public func train() { setTraining(true) }

  /// Switches to inference: dropout does nothing, batch normalisation uses the running statistics.
  public func evaluate() { setTraining(false) }

  /// Packs the weights of all linear layers for inference, which takes their memory once more; see
  /// ``Linear/packWeight()``.
  public func packWeights() {
    for (_, module) in namedModules() { (module as? Linear)?.packWeight() }
  }

  private func setTraining(_ isTraining: Bool) {
    for (_, module) in namedModules() { (module as? any TrainingDependent)?.isTraining = isTraining }
  }

  private func collect<Leaf: AnyObject>(_ type: Leaf.Type) -> [(String, Leaf)] {
    var result: [(String, Leaf)] = []
    visit { path, object in
      if let leaf = object as? Leaf { result.append((path, leaf)) }
    }
    return result
  }

  /// Calls `body` once for every module, parameter and buffer, outer before inner.
  private func visit(_ body: (String, AnyObject) -> Void) {
    var seen: Set<ObjectIdentifier> = []
    visitModuleTree(self, path: "", seen: &seen, body)
  }
}

private func visitModuleTree(
  _ value: Any, path: String, seen: inout Set<ObjectIdentifier>, _ body: (String, AnyObject) -> Void
) {
  switch value {
  case let leaf as Parameter:
    if seen.insert(ObjectIdentifier(leaf)).inserted { body(path, leaf) }
  case let leaf as Buffer:
    if seen.insert(ObjectIdentifier(leaf)).inserted { body(path, leaf) }
  case let module as any Module:
    guard seen.insert(ObjectIdentifier(module)).inserted else { return }
    body(path, module)
    var mirrors: [Mirror] = []
    var mirror: Mirror? = Mirror(reflecting: module)
    while let current = mirror {
      mirrors.append(current)
      mirror = current.superclassMirror
    }
    for mirror in mirrors.reversed() {
      for child in mirror.children {
        guard let label = child.label else { continue }
        visitModuleTree(child.value, path: path.isEmpty ? label : "\(path).\(label)", seen: &seen, body)
      }
    }
  default:
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
      for child in mirror.children { visitModuleTree(child.value, path: path, seen: &seen, body) }
    case .collection:
      for (index, child) in mirror.children.enumerated() {
        // Only collections of modules and parameters are worth walking: others can be large.
        guard holdsState(child.value) else { return }
        visitModuleTree(child.value, path: path.isEmpty ? "\(index)" : "\(path).\(index)", seen: &seen, body)
      }
    default: break
    }
  }
}

private func holdsState(_ value: Any) -> Bool {
  if value is any Module || value is Parameter || value is Buffer { return true }
  let mirror = Mirror(reflecting: value)
  guard mirror.displayStyle == .optional || mirror.displayStyle == .collection else { return false }
  return mirror.children.isEmpty || mirror.children.contains { holdsState($0.value) }
}
