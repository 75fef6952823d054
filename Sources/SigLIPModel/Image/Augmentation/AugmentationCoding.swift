import NN

/// Why a configuration is no augmentation.
public struct AugmentationError: DataError {
  /// What was found and what was expected.
  public let sentence: String
}

extension Augmentation: Codable {
  /// Decodes a change by its name.
  ///
  /// - Throws: ``AugmentationError`` for names, keys and values that no change has.
  public init(from decoder: any Decoder) throws { self = try Augmentation.decoded(from: decoder) }

  private static func decoded(from decoder: any Decoder) throws -> Augmentation {
    let name = try AugmentationFields(decoder).name
    for kind in kinds where kind.name == name { return try kind.decoded(from: decoder) }
    let names = kinds.map { $0.name }.joined(separator: ", ")
    throw AugmentationError(sentence: "augmentation \"\(name)\" is none of \(names)")
  }

  /// Encodes the name and all values.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: AnyKey.self)
    try values.encode(type(of: change).name, forKey: .init("name"))
    try change.encode(to: encoder)
  }
}

extension ImageAugmentation {
  fileprivate static func decoded(from decoder: any Decoder) throws -> Augmentation {
    let change = try Self(from: decoder)
    if let problem = change.problem { throw AugmentationError(sentence: "\(name): \(problem)") }
    return Augmentation(change)
  }
}

/// The values of one augmentation in a file. Each is asked for by its key; what nobody asked for is an error.
struct AugmentationFields {
  private let values: KeyedDecodingContainer<AnyKey>
  /// The kind's.
  private(set) var name = "augmentation"
  private var known = ["name"]

  init(_ decoder: any Decoder) throws {
    guard let values = try? decoder.container(keyedBy: AnyKey.self) else {
      throw AugmentationError(sentence: "augmentation: expected an object with a \"name\"")
    }
    self.values = values
    name = try read("name")
  }

  /// A value that has to be there.
  mutating func required<Value: Decodable>(_ key: String) throws -> Value {
    known.append(key)
    return try read(key)
  }

  /// A value, or what it is where none is given.
  mutating func value<Value: Decodable>(_ key: String, default standard: Value) throws -> Value {
    known.append(key)
    return values.contains(AnyKey(key)) ? try read(key) : standard
  }

  /// Throws when there are more values than were asked for.
  func finish() throws {
    guard let key = values.allKeys.map(\.stringValue).filter({ !known.contains($0) }).min() else { return }
    throw AugmentationError(
      sentence: "\(name): \"\(key)\" is none of \(known.dropFirst().joined(separator: ", "))")
  }

  private func read<Value: Decodable>(_ key: String) throws -> Value {
    if !values.contains(AnyKey(key)) { throw AugmentationError(sentence: "\(name): \"\(key)\" is missing") }
    guard let value = try? values.decode(Value.self, forKey: AnyKey(key)) else {
      throw AugmentationError(
        sentence: "\(name): \"\(key)\" is not \(AugmentationFields.expected(Value.self))")
    }
    return value
  }

  private static func expected(_ type: Any.Type) -> String {
    func names<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> String {
      "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
    }
    switch type {
    case is Int.Type: return "a whole number"
    case is Double.Type: return "a number"
    case is ClosedRange<Double>.Type: return "a range [lowest, highest]"
    case is ResizeFilter.Type: return names(ResizeFilter.self)
    case is ShortestSideCrop.Position.Type: return names(ShortestSideCrop.Position.self)
    default: return "a text"
    }
  }
}
