import NN

/// Why a configuration cannot be.
public struct ConfigurationError: DataError, Hashable {
  /// The key, what was found and what was expected.
  public let sentence: String

  /// A problem with a key, such as `optimizer.learningRate`; empty for the whole configuration.
  init(_ key: String, _ problem: String) { sentence = key.isEmpty ? problem : "\(key): \(problem)" }
}

/// The values of one object of a configuration, by keys that have to be among those there are.
struct ConfigurationFields<Key: CodingKey & CaseIterable> {
  private let values: KeyedDecodingContainer<Key>
  private let path: String

  /// - Throws: ``ConfigurationError`` for what is no object, or has another key.
  init(_ decoder: any Decoder) throws {
    path = decoder.codingPath.place
    guard let values = try? decoder.container(keyedBy: Key.self) else {
      throw ConfigurationError(path, "expected an object")
    }
    let known = Key.allCases.map(\.stringValue)
    if let key = try decoder.unknownKey(among: known) {
      let nearest = known.min { key.editDistance(to: $0) < key.editDistance(to: $1) }!
      throw ConfigurationError(
        path.member(key), "there is no such key; the nearest is \(nearest), of \(known.listed(limit: 40))")
    }
    self.values = values
  }

  /// Whether there is a value, null aside.
  func has(_ key: Key) -> Bool { (try? values.decodeNil(forKey: key)) == false }

  /// Reads a value where there is one.
  func read<Value: Decodable>(_ key: Key, into value: inout Value, _ bounds: Bounds<Value> = .all) throws {
    if has(key) { value = try read(key, bounds) }
  }

  /// Reads a value where there is one; null takes it away.
  func readOptional<Value: Decodable>(
    _ key: Key, into value: inout Value?, _ bounds: Bounds<Value> = .all
  ) throws {
    if values.contains(key) { value = has(key) ? try read(key, bounds) : nil }
  }

  /// Reads a value that has to be there.
  func required<Value: Decodable>(_ key: Key) throws -> Value {
    if !has(key) { throw problem(key, "is missing") }
    return try read(key, .all)
  }

  /// A problem with one of the values.
  func problem(_ key: Key, _ problem: String) -> ConfigurationError {
    ConfigurationError(path.member(key.stringValue), problem)
  }

  private func read<Value: Decodable>(_ key: Key, _ bounds: Bounds<Value>) throws -> Value {
    do {
      let value = try values.decode(Value.self, forKey: key)
      if !bounds.contains(value) { throw problem(key, "is \(value), expected \(bounds.words)") }
      return value
    } catch let error as DecodingError {
      throw ConfigurationError(error, expected: expectation(of: Value.self))
    } catch let error as ConfigurationError {
      throw error
    } catch let error as any DataError {
      throw problem(key, error.sentence)
    } catch {
      // Foundation's decoder has an error of its own for a number that does not fit.
      throw problem(key, "expected \(expectation(of: Value.self))")
    }
  }
}

/// Which values there may be.
struct Bounds<Value> {
  let contains: (Value) -> Bool
  let words: String

  static var all: Bounds { Bounds(contains: { _ in true }, words: "") }
}

extension Bounds where Value: Comparable {
  static func range(_ range: ClosedRange<Value>) -> Bounds {
    Bounds(contains: range.contains, words: "\(range.lowerBound) to \(range.upperBound)")
  }
}

extension Bounds<Int> {
  /// A number of steps.
  static var steps: Bounds { .range(1...1_000_000_000) }
}

extension Bounds where Value: BinaryFloatingPoint {
  static var positive: Bounds {
    Bounds(contains: { $0 > 0 && $0.isFinite }, words: "a finite number above 0")
  }
  static var fromZero: Bounds {
    Bounds(contains: { $0 >= 0 && $0.isFinite }, words: "a finite number from 0 on")
  }
  static var belowOne: Bounds { Bounds(contains: { 0..<1 ~= $0 }, words: "0 to less than 1") }
  static var finite: Bounds { Bounds(contains: \.isFinite, words: "a finite number") }
}

extension ConfigurationError {
  fileprivate init(_ error: DecodingError, expected: String) {
    let (context, isMissing): (DecodingError.Context, CodingKey?) =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        (context, nil)
      case .keyNotFound(let key, let context): (context, key)
      @unknown default: (DecodingError.Context(codingPath: [], debugDescription: "\(error)"), nil)
      }
    let path = context.codingPath.place
    if let isMissing {
      self.init(path.member(isMissing.stringValue), "is missing")
    } else if case .dataCorrupted = error, expected.isEmpty {
      self.init(path, context.debugDescription)
    } else {
      self.init(path, expected.isEmpty ? "is of another kind" : "expected \(expected)")
    }
  }
}

/// What a value of a type looks like in a configuration; empty where that is not plain.
private func expectation(of type: Any.Type) -> String {
  switch type {
  case is Int.Type: "a whole number"
  case is UInt64.Type: "a whole number from 0 on"
  case is Float.Type, is Double.Type: "a number"
  case is Bool.Type: "true or false"
  case is String.Type: "a text"
  case is [String].Type: "a list of texts"
  case let choice as any CaseNames.Type: "one of \(choice.names.joined(separator: ", "))"
  default: ""
  }
}

/// A choice whose cases a message can name.
protocol CaseNames {
  /// The cases as they are written.
  static var names: [String] { get }
}

extension CaseNames where Self: CaseIterable & RawRepresentable<String> {
  static var names: [String] { allCases.map(\.rawValue) }
}

extension String {
  /// How many letters have to be put in, left out or changed to get another text (Levenshtein).
  func editDistance(to other: String) -> Int {
    let (a, b) = (Array(lowercased().unicodeScalars.prefix(64)), Array(other.lowercased().unicodeScalars))
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        (diagonal, row[j + 1]) = (
          row[j + 1], Swift.min(row[j] + 1, row[j + 1] + 1, diagonal + (letter == b[j] ? 0 : 1))
        )
      }
    }
    return row[b.count]
  }
}
