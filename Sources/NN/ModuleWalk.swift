/// Finds the modules, parameters and buffers that the stored properties of a module lead to: each once, outer before
/// inner, in order of declaration.
struct ModuleWalk {
  private(set) var modules: [(path: String, module: any Module)] = []
  private(set) var parameters: [(path: String, parameter: Parameter)] = []
  private(set) var buffers: [(path: String, buffer: Buffer)] = []
  private(set) var sources: [(path: String, source: RandomSource)] = []
  private(set) var slots: [any ModuleSlot] = []

  private let root: any Module
  private var seen: Set<ObjectIdentifier> = []
  private var leafPaths: Set<String> = []
  private var moduleTypes: Set<ObjectIdentifier> = []
  /// What no module may be in, and why. Looked through last: it may well refer to what is found without it.
  private var outsiders: [(value: Any, path: String, objection: String)] = []
  /// Why nothing new may be found now.
  private var objection: String?

  /// Traps with the path of what cannot be listed.
  init(_ root: any Module) {
    self.root = root
    visit(root, at: "")
    var next = 0
    while next < outsiders.count {
      let outsider = outsiders[next]
      objection = outsider.objection
      visit(outsider.value, at: outsider.path)
      next += 1
    }
  }

  private mutating func visit(_ value: Any, at path: String) {
    switch value {
    case let parameter as Parameter:
      if isNewLeaf(parameter, at: path) { parameters.append((path, parameter)) }
    case let buffer as Buffer:
      if isNewLeaf(buffer, at: path) { buffers.append((path, buffer)) }
    case let source as RandomSource:
      if isNewLeaf(source, at: path) { sources.append((path, source)) }
    case let module as any Module:
      guard isNew(module, at: path) else { return }
      if moduleTypes.insert(ObjectIdentifier(type(of: module))).inserted, module is any CustomReflectable {
        fail("found \(type(of: module)) at \(path), whose customMirror hides its stored properties")
      }
      modules.append((path, module))
      visitProperties(of: Mirror(reflecting: module), at: path)
    case let slot as any ModuleSlot:
      slots.append(slot)
      visit(slot.content, at: path)
    default:
      if !holdsNoModules(type(of: value)) { visitContents(of: value, at: path) }
    }
  }

  private mutating func visitContents(of value: Any, at path: String) {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: for child in mirror.children { visit(child.value, at: path) }
    case .dictionary: visitDictionary(mirror, at: path)
    case .class, .set: visitOutsider(value, mirror, at: path)
    // A class with a mirror of its own may show itself as anything.
    default:
      type(of: value) is AnyClass
        ? visitOutsider(value, mirror, at: path) : visitChildren(of: mirror, at: path)
    }
  }

  /// Something that no module may be in, now or later.
  private mutating func visitOutsider(_ value: Any, _ mirror: Mirror, at path: String) {
    let isSet = mirror.displayStyle == .set
    if objection == nil {
      let flaw = isSet ? "has no order" : "is not a Module"
      outsiders.append((value, path, "inside \(type(of: value)), which \(flaw)"))
    } else if isSet || seen.insert(ObjectIdentifier(value as AnyObject)).inserted {
      visitProperties(of: mirror, at: path)
    }
  }

  /// Values in the order of their keys: whole numbers by size, all others by how they are written.
  private mutating func visitDictionary(_ mirror: Mirror, at path: String) {
    var entries: [(number: Int, name: String, value: Any)] = []
    for child in mirror.children {
      let pair = Mirror(reflecting: child.value).children.map(\.value)
      if !holdsNoModules(type(of: pair[0])) { outsiders.append((pair[0], path, "as a key")) }
      entries.append((pair[0] as? Int ?? .max, "\(pair[0])", pair[1]))
    }
    entries.sort { ($0.number, $0.name) < ($1.number, $1.name) }
    for entry in entries { visit(entry.value, at: path.appending(entry.name)) }
  }

  /// Those of superclasses first.
  private mutating func visitProperties(of mirror: Mirror, at path: String) {
    if let superclass = mirror.superclassMirror { visitProperties(of: superclass, at: path) }
    visitChildren(of: mirror, at: path)
  }

  /// Stored properties by name, elements by position.
  private mutating func visitChildren(of mirror: Mirror, at path: String) {
    var index = -1
    for child in mirror.children {
      index += 1
      if isTrivial(type(of: child.value)) { continue }
      guard let label = child.label else {
        visit(child.value, at: path.appending("\(index)"))
        continue
      }
      let property = StoredProperty(label: label, value: child.value)
      if property.isUnreadLazy && objection == nil {
        let path = path.appending(property.name)
        fail("\(path) is lazy and was not read yet: whether it holds parameters is not known; read it first")
      }
      visit(child.value, at: property.isWrapped ? path : path.appending(property.name))
    }
  }

  private mutating func isNew(_ object: AnyObject, at path: String) -> Bool {
    guard seen.insert(ObjectIdentifier(object)).inserted else { return false }
    if let objection { fail("found \(type(of: object)) at \(path), \(objection)") }
    return true
  }

  private mutating func isNewLeaf(_ leaf: AnyObject, at path: String) -> Bool {
    guard isNew(leaf, at: path) else { return false }
    if !leafPaths.insert(path).inserted { fail("found two parameters or buffers at \(path)") }
    return true
  }

  private func fail(_ problem: String) -> Never { programmerError("\(type(of: root)): \(problem)") }
}

/// What a mirror's label says about a stored property.
private struct StoredProperty {
  /// As it is written in the source.
  let name: String
  /// Whether it is what a property wrapper wraps, which goes by the name of the wrapper.
  let isWrapped: Bool
  let isUnreadLazy: Bool

  init(label: String, value: Any) {
    let lazyPrefix = "$__lazy_storage_$_"
    let first = label.utf8.first
    isWrapped = label == "wrappedValue"
    isUnreadLazy =
      first == UInt8(ascii: "$") && label.hasPrefix(lazyPrefix) && !holdsNoModules(type(of: value))
      && Mirror(reflecting: value).children.isEmpty
    if first == UInt8(ascii: "$"), label.hasPrefix(lazyPrefix) {
      name = String(label.dropFirst(lazyPrefix.count))
    } else if first == UInt8(ascii: "."), label.count > 1 {
      // An element of a tuple without a label.
      name = String(label.dropFirst())
    } else if first == UInt8(ascii: "_"), label.count > 1, StoredProperty.mayBeWrapper(value) {
      name = String(label.dropFirst())
    } else {
      name = label
    }
  }

  /// Whether a value may be the storage of a property wrapper: nothing that is listed itself.
  private static func mayBeWrapper(_ value: Any) -> Bool {
    if value is any Module || value is Parameter || value is Buffer || value is RandomSource { return false }
    switch Mirror(reflecting: value).displayStyle {
    case .struct, .enum, .class: return true
    default: return false
    }
  }
}

/// Whether values of a type are bits alone, without a reference to anything: numbers, and what consists of them.
private func isTrivial(_ type: Any.Type) -> Bool {
  func check<T>(_: T.Type) -> Bool { _isPOD(T.self) }
  return _openExistential(type, do: check)
}

/// Whether values of a type lead to no module, parameter or buffer, which need not be found out element by element:
/// numbers, text, tensors, and collections of them.
package func holdsNoModules(_ type: Any.Type) -> Bool {
  if isTrivial(type) || typesWithoutModules.contains(ObjectIdentifier(type)) { return true }
  guard let container = type as? any Container.Type else { return false }
  return container.contents.allSatisfy(holdsNoModules)
}

private let typesWithoutModules = Set(
  ([
    String.self, Substring.self, Character.self, Tensor.self, IndexTensor.self, Variable.self,
    ForwardHooks.self,
  ] as [Any.Type]).map { ObjectIdentifier($0) })

/// Types whose values hold values of other types and nothing else.
private protocol Container {
  static var contents: [Any.Type] { get }
}

extension Optional: Container { fileprivate static var contents: [Any.Type] { [Wrapped.self] } }
extension Array: Container { fileprivate static var contents: [Any.Type] { [Element.self] } }
extension ArraySlice: Container { fileprivate static var contents: [Any.Type] { [Element.self] } }
extension ContiguousArray: Container { fileprivate static var contents: [Any.Type] { [Element.self] } }
extension Set: Container { fileprivate static var contents: [Any.Type] { [Element.self] } }
extension Dictionary: Container { fileprivate static var contents: [Any.Type] { [Key.self, Value.self] } }

extension String {
  /// The path of something inside.
  fileprivate func appending(_ name: String) -> String { isEmpty ? name : self + "." + name }
}
