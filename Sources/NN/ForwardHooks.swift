/// A module whose calls hooks can see.
///
/// A module of your own has to store the hooks and call them, which costs one comparison while there are none:
///
///     final class Block: Layer, Hookable {
///       var forwardHooks = ForwardHooks()
///       func callAsFunction(_ x: Variable) -> Variable { withForwardHooks([x]) { x + inner(x) } }
///     }
public protocol Hookable: Module {
  /// None at first.
  var forwardHooks: ForwardHooks { get set }
}

/// What is called with the inputs and the output of every call of a module.
public struct ForwardHooks {
  /// Called with the variables that a module was called with and what it returned.
  public typealias Body = (_ inputs: [Variable], _ output: Variable) -> Void

  private var hooks: [(hook: ForwardHook, body: Body)] = []

  /// No hooks.
  public init() {}

  fileprivate var isEmpty: Bool { hooks.isEmpty }

  fileprivate func call(_ inputs: [Variable], _ output: Variable) {
    for (_, body) in hooks { body(inputs, output) }
  }

  fileprivate mutating func add(_ hook: ForwardHook, _ body: @escaping Body) { hooks.append((hook, body)) }
  fileprivate mutating func remove(_ hook: ForwardHook) { hooks.removeAll { $0.hook === hook } }
}

/// A hook that was added to a module, so that it can be removed.
public final class ForwardHook {
  private weak var module: (any Hookable)?

  fileprivate init(_ module: any Hookable) { self.module = module }

  /// Ends the calls. Once is enough.
  public func remove() { module?.forwardHooks.remove(self) }
}

extension Module {
  /// Has a function see every call of a module inside this one, after the module has computed.
  ///
  ///     var shapes: [Shape] = []
  ///     let hook = model.addForwardHook(at: "encoder.blocks.0.attention") { _, output in shapes.append(output.shape) }
  ///
  /// Hooks are called in the order in which they were added. A block that a ``checkpoint(_:_:)`` computes again calls them
  /// again, with ``isRecomputing``. Layers that usually compute as one do so one by one while a hook is between them.
  ///
  /// - Parameter path: As in ``namedModules()``; traps when there is no module or when it is not ``Hookable``.
  @discardableResult
  public func addForwardHook(at path: String = "", _ body: @escaping ForwardHooks.Body) -> ForwardHook {
    guard let module = namedModules().first(where: { $0.path == path })?.module else {
      programmerError("addForwardHook: \(type(of: self)) has no module at \(path)")
    }
    guard let hookable = module as? any Hookable else {
      programmerError("addForwardHook: the \(type(of: module)) at \(path) is not Hookable, it calls no hooks")
    }
    let hook = ForwardHook(hookable)
    hookable.forwardHooks.add(hook, body)
    return hook
  }
}

extension Hookable {
  /// What `compute` returns, which the hooks get to see.
  public func withForwardHooks(
    _ inputs: @autoclosure () -> [Variable], _ compute: () -> Variable
  ) -> Variable {
    let output = compute()
    if isHooked { forwardHooks.call(inputs(), output) }
    return output
  }

  var isHooked: Bool { !forwardHooks.isEmpty }
}
