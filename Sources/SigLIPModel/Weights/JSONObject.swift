import Foundation

/// An object of a JSON file, read member by member; problems name the file and the member.
struct JSONObject {
  /// The file, for messages.
  let path: String
  let members: [String: Any]
  /// Where in the file: empty, or such as `text_config.`.
  private let prefix: String

  /// Larger descriptions of models are refused; those of a checkpoint in hundreds of parts have one megabyte.
  static let maximumBytes = 1 << 24

  private init(path: String, members: [String: Any], prefix: String) {
    (self.path, self.members, self.prefix) = (path, members, prefix)
  }

  /// The object that a whole file is.
  init(file path: String) throws {
    let bytes = try readFile(path, maximumBytes: JSONObject.maximumBytes)
    guard let value = try? JSONSerialization.jsonObject(with: Data(bytes)) else {
      throw CheckpointError.malformed(path: path, problem: "it is not valid JSON")
    }
    guard let members = value as? [String: Any] else {
      throw CheckpointError.malformed(path: path, problem: "it is not a JSON object")
    }
    self.init(path: path, members: members, prefix: "")
  }

  /// Whether a member is there and not null.
  func has(_ name: String) -> Bool { members[name].map { !($0 is NSNull) } ?? false }

  /// An object; an empty one where it is left out.
  func object(_ name: String) throws -> JSONObject {
    JSONObject(path: path, members: try value(name, "an object") ?? [:], prefix: "\(prefix)\(name).")
  }

  /// A whole number above 0.
  func size(_ name: String, default standard: Int? = nil) throws -> Int {
    guard let size: Int = try value(name, "a whole number") ?? standard else { throw missing(name) }
    if size < 1 { throw problem("\(prefix)\(name) is \(size), expected a whole number above 0") }
    return size
  }

  /// The side of a square, given as one number or as two equal ones.
  func side(_ name: String, default standard: Int? = nil) throws -> Int {
    guard let sides = members[name] as? [Int] else { return try size(name, default: standard) }
    guard let side = sides.first, side > 0, sides.count == 2, sides[1] == side else {
      throw CheckpointError.unsupported(
        path: path, problem: "\(prefix)\(name) is \(sides), expected a square")
    }
    return side
  }

  /// A number.
  func number(_ name: String, default standard: Double) throws -> Double {
    try value(name, "a number") ?? standard
  }

  /// A text.
  func string(_ name: String) throws -> String? { try value(name, "a string") }

  /// True or false.
  func flag(_ name: String, default standard: Bool) throws -> Bool {
    try value(name, "true or false") ?? standard
  }

  /// A problem with a member's value.
  func unsupported(_ name: String, _ problem: String) -> CheckpointError {
    .unsupported(path: path, problem: "\(prefix)\(name) \(problem)")
  }

  private func value<T>(_ name: String, _ what: String) throws -> T? {
    guard has(name) else { return nil }
    guard let value = members[name] as? T else { throw problem("\(prefix)\(name) is not \(what)") }
    return value
  }

  private func missing(_ name: String) -> CheckpointError { problem("\(prefix)\(name) is missing") }

  private func problem(_ text: String) -> CheckpointError { .malformed(path: path, problem: text) }

  /// Writes an object as an indented file with sorted names.
  static func write(_ members: [String: Any], to path: String) throws {
    var data = try JSONSerialization.data(
      withJSONObject: members, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    data.append(UInt8(ascii: "\n"))
    try writeAtomically(path) { append in try append(data) }
  }
}
