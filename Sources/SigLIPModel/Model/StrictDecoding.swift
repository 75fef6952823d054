import Foundation
import NN

extension Decoder {
  /// Refuses what was decoded.
  func refuse(_ problem: String?) throws {
    guard let problem else { return }
    throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: problem))
  }

  /// Refuses an object with a name that is none of the keys, which may be a slip.
  func refuseUnknownKeys<Key: CodingKey & CaseIterable>(_: Key.Type) throws {
    try refuseUnknownKeys(Key.allCases.map(\.stringValue))
  }

  /// Refuses an object with a name that is none of these.
  func refuseUnknownKeys(_ known: [String]) throws {
    guard let odd = try unknownKey(among: known) else { return }
    try refuse("\"\(odd)\" is none of \(known.joined(separator: ", "))")
  }

  /// The first name of an object that is none of these.
  func unknownKey(among known: [String]) throws -> String? {
    try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).filter { !known.contains($0) }.min()
  }
}

/// Any name of a member.
struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(_ name: String) { stringValue = name }
  init(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}

extension [any CodingKey] {
  /// `data[1].path`.
  var place: String {
    reduce("") { place, key in
      key.intValue.map { "\(place)[\($0)]" } ?? place.member(key.stringValue)
    }
  }
}

extension String {
  /// The place of a member of what stands here.
  func member(_ key: String) -> String { isEmpty ? key : "\(self).\(key)" }
}

/// Decodes a JSON file strictly: a name that occurs twice is an error too, and so is a file of more than 16 megabytes.
///
/// - Throws: ``FileError`` that names the place in the file.
func decode<Value: Decodable>(_ type: Value.Type, file path: String) throws -> Value {
  let bytes = try readFile(path, maximumBytes: 1 << 24)
  _ = try JSONNode(bytes, name: path)
  do {
    return try JSONDecoder().decode(type, from: Data(bytes))
  } catch let error as DecodingError {
    throw FileError(.malformed, path, error.found)
  }
}

extension DecodingError {
  /// Where something is, and what is wrong with it.
  fileprivate var found: String {
    switch self {
    case .keyNotFound(let key, let context):
      return "\(context.codingPath.place.member(key.stringValue)) is missing"
    case .valueNotFound(_, let context): return "\(context.codingPath.place) is null"
    case .typeMismatch(let type, let context): return "\(context.codingPath.place) is not a \(type)"
    case .dataCorrupted(let context):
      let place = context.codingPath.place
      // What Foundation says of 1e30 in the place of a whole number; the file was found to be valid JSON before.
      if context.debugDescription.contains("not valid JSON") {
        return "a number in it is too large, or not a whole number where one is expected"
      }
      return (place.isEmpty ? "" : place + ": ") + context.debugDescription
    @unknown default: return "\(self)"
    }
  }
}
