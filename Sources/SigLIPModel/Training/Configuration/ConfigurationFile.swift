import Foundation
import NN

extension TrainingConfiguration {
  /// Reads a configuration from a file, with some values changed.
  ///
  /// - Parameters:
  ///   - path: A JSON file.
  ///   - settings: `path.to.key=value`, such as `optimizer.learningRate=1e-4` or `data[0].weight=2`; a value is JSON, or else a
  ///     text.
  /// - Throws: ``FileError`` when it cannot be read, ``ConfigurationError`` for keys and values that there are not.
  public init(path: String, settings: [String] = []) throws {
    try self.init(readFile(path, maximumBytes: 1 << 24), name: path, settings: settings)
  }

  /// Reads a configuration from the bytes of a file; `name` stands in errors.
  public init(_ bytes: [UInt8], name: String, settings: [String] = []) throws {
    // For its messages, and because it refuses what others read in one way or another, such as a key that is there twice.
    _ = try JSONNode(bytes, name: name)
    guard var tree = try? JSONSerialization.jsonObject(with: Data(bytes)) else {
      throw FileError(.malformed, name, "it is not valid JSON")
    }
    for setting in settings { try ConfigurationSetting(setting).apply(to: &tree) }
    do {
      self = try JSONDecoder().decode(
        TrainingConfiguration.self, from: JSONSerialization.data(withJSONObject: tree))
    } catch let error as DecodingError {
      throw FileError(.unsupported, name, "it is no configuration: \(error)")
    }
  }

  /// The configuration as a file, with all values.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Decoding has seen to it that all numbers are finite.
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? "{}\n"
  }
}

/// A value for one key, as a command line has it.
private struct ConfigurationSetting {
  enum Step { case key(String), index(Int) }

  let text: String
  let steps: [Step]
  let value: Any

  init(_ text: String) throws {
    self.text = text
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
      throw ConfigurationError("", "\(text): expected path.to.key=value")
    }
    let path = text[..<sign].replacing("[", with: ".").replacing("]", with: "")
    steps = path.split(separator: ".", omittingEmptySubsequences: false).map { step in
      Int(step).map { .index($0) } ?? .key(String(step))
    }
    let value = String(text[text.index(after: sign)...])
    self.value =
      (try? JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)) ?? value
  }

  func apply(to tree: inout Any) throws { try apply(to: &tree, steps[...]) }

  private func apply(to tree: inout Any, _ steps: ArraySlice<Step>) throws {
    guard let step = steps.first else {
      tree = value
      return
    }
    switch step {
    case .key(let key):
      guard var members = (tree is NSNull ? [:] : tree) as? [String: Any] else {
        throw ConfigurationError("", "\(text): there is no object with a \(key)")
      }
      var member = members[key] ?? [String: Any]()
      try apply(to: &member, steps.dropFirst())
      members[key] = member
      tree = members
    case .index(let index):
      guard var elements = tree as? [Any], elements.indices.contains(index) else {
        throw ConfigurationError("", "\(text): there is no list with an element \(index)")
      }
      try apply(to: &elements[index], steps.dropFirst())
      tree = elements
    }
  }
}
