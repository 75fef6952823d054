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

  private var hooks: [(hook: ModuleHook, pass: Pass)] = []

  /// What the module returns in the place of its output: the same numbers.
  fileprivate typealias Pass = (_ inputs: [Variable], _ output: Variable) -> Variable

  /// No hooks.
  public init() {}

  fileprivate var isEmpty: Bool { hooks.isEmpty }

  fileprivate func call(_ inputs: [Variable], _ output: Variable) -> Variable {
    hooks.reduce(output) { output, hook in hook.pass(inputs, output) }
  }

  fileprivate mutating func add(_ hook: ModuleHook, _ pass: @escaping Pass) { hooks.append((hook, pass)) }
  fileprivate mutating func remove(_ hook: ModuleHook) { hooks.removeAll { $0.hook === hook } }
}

/// A hook that was added to a module, so that it can be removed.
public final class ModuleHook {
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
  public func addForwardHook(at path: String = "", _ body: @escaping ForwardHooks.Body) -> ModuleHook {
    addHook("addForwardHook", at: path) { inputs, output in
      body(inputs, output)
      return output
    }
  }

  /// Has a function see the gradient with respect to what a module inside this one returns, as the backward sweep passes it:
  ///
  ///     model.addGradientHook(at: "encoder.blocks.0") { gradient in print(gradient.abs().max()) }
  ///
  /// It is called once for every call of the module that a gradient reaches, be the module frozen or not, and also where a
  /// ``checkpoint(_:_:)`` computes it again; ``microbatched(_:size:_:)`` gives it one part after another. Nothing else
  /// changes. The gradient of an input is that of the output of whatever made it, or ``Variable/observingGradient(_:)``.
  ///
  /// - Parameter path: As in ``namedModules()``; traps when there is no module or when it is not ``Hookable``.
  @discardableResult
  public func addGradientHook(
    at path: String = "", _ body: @escaping (_ gradient: Tensor) -> Void
  ) -> ModuleHook {
    addHook("addGradientHook", at: path) { _, output in output.observingGradient(body) }
  }

  private func addHook(
    _ operation: StaticString, at path: String, _ pass: @escaping ForwardHooks.Pass
  ) -> ModuleHook {
    guard let module = namedModules().first(where: { $0.path == path })?.module else {
      programmerError("\(operation): \(type(of: self)) has no module at \(path)")
    }
    guard let hookable = module as? any Hookable else {
      programmerError("\(operation): the \(type(of: module)) at \(path) is not Hookable, it calls no hooks")
    }
    let hook = ModuleHook(hookable)
    hookable.forwardHooks.add(hook, pass)
    return hook
  }
}

extension Hookable {
  /// What `compute` returns, which the hooks get to see.
  public func withForwardHooks(
    _ inputs: @autoclosure () -> [Variable], _ compute: () -> Variable
  ) -> Variable {
    let output = compute()
    return isHooked ? forwardHooks.call(inputs(), output) : output
  }

  var isHooked: Bool { !forwardHooks.isEmpty }
}
