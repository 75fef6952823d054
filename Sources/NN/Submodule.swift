/// A stored property whose modules can be replaced by path: `@Submodule var query: Linear`, where `Linear` may as well be
/// another module, an optional or an array of modules. The name of the property is the path, as without it.
@propertyWrapper public final class Submodule<Value>: ModuleSlot {
  /// What the property holds.
  public var wrappedValue: Value

  /// A property that begins with the given modules.
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

  var content: Any { wrappedValue }

  func accepts(_ new: any Module, for old: any Module) -> Bool { exchanging(old, for: new) != nil }

  func replace(_ old: any Module, with new: any Module) {
    if let value = exchanging(old, for: new) { wrappedValue = value }
  }

  private func exchanging(_ old: any Module, for new: any Module) -> Value? {
    guard let elements = wrappedValue as? [any Module] else { return new as? Value }
    return elements.map { $0 === old ? new : $0 } as? Value
  }
}

/// What ``ModuleWalk`` knows of a ``Submodule``, whatever its type.
protocol ModuleSlot: AnyObject {
  var content: Any { get }
  func accepts(_ new: any Module, for old: any Module) -> Bool
  func replace(_ old: any Module, with new: any Module)
}

extension ModuleSlot {
  fileprivate func holds(_ module: any Module) -> Bool {
    let modules = content as? [any Module] ?? (content as? any Module).map { [$0] } ?? []
    return modules.contains { $0 === module }
  }
}

extension Module {
  /// Replaces modules inside this one, wherever they are held: adapters in the place of linear layers, another head.
  ///
  ///     model.freeze()
  ///     model.replaceModules { path, module in
  ///       path.hasSuffix(".query") ? Adapter(module as! Linear, random: &random) : nil
  ///     }
  ///
  /// The properties that hold them have to be a ``Submodule``, as those of linear layers in this library are, and of a type
  /// that the new module has, such as a superclass; traps with the path otherwise, and then nothing was changed. An optimizer
  /// goes on with the parameters that it was made with.
  ///
  /// - Parameter replacement: What to put in the place of the module at a path; nil to leave it.
  /// - Returns: The paths whose modules were replaced.
  @discardableResult
  public func replaceModules(
    _ replacement: (_ path: String, _ module: any Module) throws -> (any Module)?
  ) rethrows -> [String] {
    let walk = ModuleWalk(self)
    var paths: [String] = []
    var exchanges: [(slot: any ModuleSlot, old: any Module, new: any Module)] = []
    for (path, old) in walk.modules where !path.isEmpty {
      guard let new = try replacement(path, old) else { continue }
      let slots = walk.slots.filter { $0.holds(old) }
      if slots.isEmpty { programmerError("replaceModules: \(path) is not held by a @Submodule property") }
      for slot in slots {
        if !slot.accepts(new, for: old) {
          programmerError(
            "replaceModules: \(path) is a \(type(of: old)); a \(type(of: new)) does not fit there")
        }
        exchanges.append((slot, old, new))
      }
      paths.append(path)
    }
    for exchange in exchanges { exchange.slot.replace(exchange.old, with: exchange.new) }
    return paths
  }

  /// Replaces the module at a path; traps when there is none, and see ``replaceModules(_:)``.
  public func replaceModule(at path: String, with new: any Module) {
    if replaceModules({ found, _ in found == path ? new : nil }).isEmpty {
      programmerError("replaceModule: \(type(of: self)) has no module at \(path)")
    }
  }
}
