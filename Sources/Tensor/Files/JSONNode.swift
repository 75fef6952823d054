/// A place in a JSON file that knows its way there: errors name it, such as `model.merges[3]`.
package struct JSONNode: Sendable {
  /// What stands there; nil when nothing does.
  package let value: JSONValue?
  /// The file.
  package let path: String
  /// The members that lead here; empty for the whole file.
  private let place: String

  /// The file and the place in it.
  package var description: String { place.isEmpty ? path : "\(path), \(place)" }

  /// Reads a file that holds an object.
  ///
  /// - Parameter maximumBytes: Larger files are refused; descriptions of models in hundreds of parts have one megabyte.
  /// - Throws: ``FileError``.
  package init(file path: String, maximumBytes: Int = 1 << 24) throws {
    try self.init(readFile(path, maximumBytes: maximumBytes), name: path)
  }

  /// Reads the bytes of a file that holds an object.
  package init(_ bytes: [UInt8], name: String) throws {
    do {
      self.init(try JSONReader.read(bytes), name, "")
    } catch {
      throw FileError(.malformed, name, "it is not valid JSON: \(error.description)")
    }
    guard case .object = value else {
      throw FileError(.malformed, name, "it \(found)", expected: "a JSON object")
    }
  }

  private init(_ value: JSONValue?, _ path: String, _ place: String) {
    (self.value, self.path, self.place) = (value, path, place)
  }

  /// A member; its value is nil when there is none.
  package subscript(_ name: String) -> JSONNode {
    var found: JSONValue?
    if case .object(let members) = value { found = members.first { $0.name == name }?.value }
    return member(name, found)
  }

  private func member(_ name: String, _ value: JSONValue?) -> JSONNode {
    // Every element of a list there repeats the place: a long name must not be part of it.
    let name = name.utf8.count <= 100 ? name : name.oneLine(limit: 90)
    return JSONNode(value, path, place.isEmpty ? name : "\(place).\(name)")
  }

  /// Whether nothing stands here, or null.
  package var isAbsent: Bool { value == nil || value == .null }

  /// Whether there is nothing, null or false.
  package var isAbsentOrFalse: Bool { isAbsent || value == .boolean(false) }

  // MARK: Values

  /// The object here, or what has no members when nothing stands here.
  package func object() throws -> JSONNode {
    if isAbsent { return self }
    guard case .object = value else { throw expected("an object") }
    return self
  }

  /// The members of an object, in order.
  package func members() throws -> [(name: String, node: JSONNode)] {
    guard case .object(let members) = value else { throw expected("an object") }
    return members.map { ($0.name, member($0.name, $0.value)) }
  }

  /// The elements of a list.
  package func elements() throws -> [JSONNode] {
    guard case .array(let elements) = value else { throw expected("a list") }
    return elements.enumerated().map { JSONNode($0.element, path, "\(place)[\($0.offset)]") }
  }

  /// The string here.
  package func string() throws -> String {
    guard case .string(let text) = value else { throw expected("a string") }
    return text
  }

  /// The string here; nil when nothing stands here.
  package func optionalString() throws -> String? { isAbsent ? nil : try string() }

  /// A whole number, which may be written with a fraction of 0; `fallback` when nothing stands here.
  package func integer(else fallback: Int? = nil) throws -> Int {
    switch value {
    case .integer(let number): return number
    case .number(let number): if let whole = Int(exactly: number) { return whole }
    default: if isAbsent, let fallback { return fallback }
    }
    throw expected("a whole number")
  }

  /// A whole number above 0; `fallback` when nothing stands here.
  package func size(else fallback: Int? = nil) throws -> Int {
    let size = try integer(else: fallback)
    if size < 1 { throw expected("a whole number above 0") }
    return size
  }

  /// The side of a square, given as one number or as two equal ones; `fallback` when nothing stands here.
  package func side(else fallback: Int? = nil) throws -> Int {
    guard case .array = value else { return try size(else: fallback) }
    let sides = try elements().map { try $0.size() }
    guard sides.count == 2, sides[0] == sides[1] else {
      throw unsupported("is \(sides)", expected: "a square")
    }
    return sides[0]
  }

  /// A finite number; `fallback` when nothing stands here.
  package func number(else fallback: Double? = nil) throws -> Double {
    switch value {
    case .integer(let number): return Double(number)
    case .number(let number) where number.isFinite: return number
    default: if isAbsent, let fallback { return fallback }
    }
    throw expected("a number")
  }

  /// True or false; `fallback` when nothing stands here.
  package func flag(else fallback: Bool) throws -> Bool {
    if isAbsent { return fallback }
    guard case .boolean(let flag) = value else { throw expected("true or false") }
    return flag
  }

  // MARK: Problems

  /// What stands here breaks a rule.
  package func malformed(_ found: String, expected: String? = nil) -> FileError {
    FileError(.malformed, path, place.isEmpty ? found : "\(place) \(found)", expected: expected)
  }

  /// What stands here is not supported.
  package func unsupported(_ found: String, expected: String? = nil) -> FileError {
    FileError(.unsupported, path, place.isEmpty ? found : "\(place) \(found)", expected: expected)
  }

  /// What stands here is something else, or nothing does.
  package func expected(_ what: String) -> FileError { malformed(found, expected: what) }

  private var found: String {
    switch value {
    case nil: "is missing"
    case .null: "is null"
    case .boolean(let flag): "is \(flag)"
    case .integer(let number): "is \(number)"
    case .number(let number): "is \(number)"
    case .string(let text): "is \"\(text.oneLine(limit: 100))\""
    case .array: "is a list"
    case .object: "is an object"
    }
  }
}
