import Tensor

/// A place in a JSON file that knows its path, for errors that name it.
struct JSONNode {
  /// What stands there; nil when nothing does.
  let value: JSONValue?
  /// The file and the members that lead here.
  let path: String

  /// Reads a file's bytes.
  init(_ bytes: [UInt8], name: String) throws {
    do {
      value = try JSONReader.read(bytes)
    } catch {
      throw TokenizerError("\(name): not JSON: \(error.description)")
    }
    path = name
    guard case .object = value else { throw TokenizerError("\(name): expected a JSON object") }
  }

  private init(_ value: JSONValue?, _ path: String) {
    self.value = value
    self.path = path
  }

  /// A member; its value is nil when there is none.
  subscript(_ name: String) -> JSONNode {
    var found: JSONValue?
    if case .object(let members) = value { found = members.first { $0.name == name }?.value }
    return JSONNode(found, member(name))
  }

  /// The path of a member. Every element of a list there repeats it: a long name must not be part of it.
  private func member(_ name: String) -> String {
    name.utf8.count <= 100 ? "\(path): \(name)" : "\(path): \(name.oneLine(limit: 90))"
  }

  /// Whether nothing stands here, or null.
  var isAbsent: Bool { value == nil || value == .null }

  func expected(_ what: String) -> TokenizerError {
    TokenizerError("\(path): \(value == nil ? "is missing" : "is of another kind"), expected \(what)")
  }

  func string() throws -> String {
    guard case .string(let text) = value else { throw expected("a string") }
    return text
  }

  /// The string here; nil when nothing stands here.
  func optionalString() throws -> String? { isAbsent ? nil : try string() }

  /// A whole number of at least 0 that an id can be.
  func id() throws -> Int32 {
    guard case .integer(let number) = value, let id = Int32(exactly: number), id >= 0 else {
      throw expected("a whole number from 0 to \(Int32.max)")
    }
    return id
  }

  func number() throws -> Double {
    switch value {
    case .integer(let number): return Double(number)
    case .number(let number) where number.isFinite: return number
    default: throw expected("a number")
    }
  }

  /// A truth value; `fallback` when nothing stands here.
  func flag(else fallback: Bool) throws -> Bool {
    if isAbsent { return fallback }
    guard case .boolean(let flag) = value else { throw expected("true or false") }
    return flag
  }

  func elements() throws -> [JSONNode] {
    guard case .array(let elements) = value else { throw expected("a list") }
    return elements.enumerated().map { JSONNode($0.element, "\(path)[\($0.offset)]") }
  }

  func members() throws -> [(name: String, node: JSONNode)] {
    guard case .object(let members) = value else { throw expected("an object") }
    return members.map { ($0.name, JSONNode($0.value, member($0.name))) }
  }

  /// Refuses a component that is not known.
  func unsupported(_ type: String, known: [String]) -> TokenizerError {
    TokenizerError("\(path): type \"\(type)\" is not supported, expected \(known.joined(separator: ", "))")
  }
}
