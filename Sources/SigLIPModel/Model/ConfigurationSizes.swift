/// Numbers of a linear layer with a bias.
func linearParameters(_ inputs: Int, _ outputs: Int) -> Int { (inputs + 1) * outputs }

/// Numbers of the four linear layers of an attention.
func attentionParameters(_ width: Int) -> Int { 4 * linearParameters(width, width) }

/// Numbers of an MLP.
func mlpParameters(_ width: Int, _ hidden: Int) -> Int {
  linearParameters(width, hidden) + linearParameters(hidden, width)
}

/// Numbers of a transformer's blocks and its last normalisation.
func encoderParameters(_ width: Int, _ depth: Int, _ hidden: Int) -> Int {
  depth * (attentionParameters(width) + mlpParameters(width, hidden) + 4 * width) + 2 * width
}

/// Multiply-adds of a transformer's block.
func blockMultiplyAdds(tokens: Int, width: Int, hidden: Int) -> Int {
  tokens * (4 * width * width + 2 * width * hidden) + 2 * tokens * tokens * width
}

extension Decoder {
  /// Refuses what was decoded.
  func refuse(_ problem: String?) throws {
    guard let problem else { return }
    throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: problem))
  }

  /// Refuses an object with a name that is none of the keys, which may be a slip.
  func refuseUnknownKeys<Key: CodingKey & CaseIterable>(_: Key.Type) throws {
    let known = Set(Key.allCases.map(\.stringValue))
    let names = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
    guard let odd = names.filter({ !known.contains($0) }).min() else { return }
    try refuse("\"\(odd)\" is none of \(Key.allCases.map(\.stringValue).joined(separator: ", "))")
  }
}

/// Any name of a member.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
