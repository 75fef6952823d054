import Foundation
import Optim

/// What decides the course of a run, value by value, as its checkpoints record it: a run goes on with nothing else unless
/// that is allowed by name.
///
///     let configuration = try RunConfiguration(recipe, mayChange: ["steps"])
///
/// What does not change the course, such as the number of threads, does not belong in it.
public struct RunConfiguration: Sendable, Hashable {
  /// Every value as JSON by its key, the names that lead to it joined by dots: `text.depth`.
  public let values: [String: String]
  /// Keys whose values may be others when a run goes on, such as the number of steps.
  public let changeable: Set<String>

  /// The same as JSON, as it was encoded.
  let json: String

  /// No values.
  public init() { (values, changeable, json) = ([:], [], "{}\n") }

  /// The values that something encodes.
  ///
  /// - Parameter mayChange: Keys, or their beginnings, whose values may be others when a run goes on.
  /// - Throws: `EncodingError` for what JSON cannot hold, such as NaN.
  public init(_ value: some Encodable, mayChange: Set<String> = []) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let bytes = try encoder.encode(value)
    values = try RunConfiguration.values(of: bytes)
    json = String(decoding: bytes, as: UTF8.self) + "\n"
    changeable = mayChange
  }

  /// The values of a text that another configuration was encoded to.
  init(json: String) throws {
    (values, changeable, self.json) = (try RunConfiguration.values(of: Data(json.utf8)), [], json)
  }

  /// Every value of a JSON text by its key.
  private static func values(of json: Data) throws -> [String: String] {
    var values: [String: String] = [:]
    func add(_ value: Any, _ key: String) throws {
      if let object = value as? [String: Any], !object.isEmpty || key.isEmpty {
        for (name, member) in object { try add(member, key.isEmpty ? name : "\(key).\(name)") }
      } else {
        let text = try JSONSerialization.data(
          withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
        values[key] = String(decoding: text, as: UTF8.self)
      }
    }
    try add(JSONSerialization.jsonObject(with: json, options: [.fragmentsAllowed]), "")
    return values
  }

  /// Refuses to go on with what was recorded when something differs that may not.
  ///
  /// - Parameters:
  ///   - recorded: The JSON that a checkpoint recorded; nil if it did not.
  ///   - path: The checkpoint, for the message.
  ///   - allowed: Keys whose values may differ, their beginnings (`text` for `text.depth`), or their last names.
  /// - Returns: What differs and was allowed by name, to be told.
  /// - Throws: ``ConfigurationMismatch``; ``FileError`` when nothing was recorded.
  @discardableResult
  public func check(
    isThatOf recorded: String?, in path: String, allowing allowed: Set<String> = []
  ) throws -> [ConfigurationDifference] {
    guard let recorded = try? recorded.map({ try RunConfiguration.values(of: Data($0.utf8)) }) else {
      throw FileError(.malformed, path, "it does not say what it was trained with")
    }
    let differences = Set(values.keys).union(recorded.keys).sorted().filter { values[$0] != recorded[$0] }.map
    {
      ConfigurationDifference(key: $0, recorded: recorded[$0], now: values[$0])
    }.filter { difference in !changeable.contains { difference.key.begins(with: $0) } }
    let refused = differences.filter { !$0.isAmong(allowed) }
    if !refused.isEmpty { throw ConfigurationMismatch(path: path, differences: refused) }
    return differences
  }

  /// Refuses names that allow nothing, such as one that is misspelled.
  ///
  /// - Throws: ``UnknownConfigurationKey``.
  public func check(allowed: Set<String>) throws {
    let known = values.keys.sorted() + RunConfiguration.courseKeys
    for name in allowed.sorted() where !known.contains(where: { $0.isOf(name) }) {
      throw UnknownConfigurationKey(name: name, known: known)
    }
  }

  /// What a trainer compares beside, see ``BatchOrder`` and ``Trainer/Settings``.
  private static let courseKeys =
    ["sampleCount", "batchSize", "seed", "isShuffled", "keepsLast"].map { "data.\($0)" }
    + ["gradientNorm", "nonFinite"]
}

/// A value that a run was trained with, and another that it would go on with.
public struct ConfigurationDifference: Sendable, Hashable, CustomStringConvertible {
  /// Where it stands, `text.depth`.
  public let key: String
  /// The value before as JSON; nil if there was none.
  public let recorded: String?
  /// The value now as JSON; nil if there is none.
  public let now: String?

  fileprivate func isAmong(_ names: Set<String>) -> Bool { names.contains { key.isOf($0) } }

  /// `seed 1 (now 2)`.
  public var description: String { "\(key) \(recorded ?? "not given") (now \(now ?? "not given"))" }
}

/// A run would go on with other values than it was trained with.
public struct ConfigurationMismatch: DataError {
  /// The checkpoint.
  public let path: String
  /// All values that differ and may not.
  public let differences: [ConfigurationDifference]

  /// Every difference, and how to allow it.
  public var sentence: String {
    let keys = differences.map(\.key).listed()
    return
      "\(path) was trained with \(differences.map { "\($0)".oneLine(limit: 200) }.joined(separator: ", ")): "
      + "give the same, choose another folder, or allow what is to change (\(keys))"
  }
}

/// A name that was to be allowed to change, and is none.
public struct UnknownConfigurationKey: DataError {
  /// The name.
  public let name: String
  /// All there are.
  public let known: [String]

  /// The name and those there are.
  public var sentence: String {
    "\(name) is no part of the configuration; there are \(known.listed(limit: 40))"
  }
}

extension String {
  /// Whether a key is a name, begins with it, or ends with it.
  fileprivate func isOf(_ name: String) -> Bool { begins(with: name) || hasSuffix("." + name) }

  /// Whether a key is a name or begins with it.
  fileprivate func begins(with name: String) -> Bool { self == name || hasPrefix(name + ".") }
}
