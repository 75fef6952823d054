import Tensor

/// What is wrong with the data of a sample.
struct SampleProblem: Error {
  let description: String
}

extension Caption {
  /// The captions of a JSON object's member: a string or a list of them; none if there is no such member.
  static func list(
    _ name: String, of members: [JSONValue.Member], language: String?
  ) throws(SampleProblem) -> [Caption] {
    switch members.first(where: { $0.name == name })?.value {
    case nil, .null: return []
    case .string(let text): return [Caption(text, language: language)]
    case .array(let texts):
      return try texts.map { text throws(SampleProblem) in
        guard case .string(let text) = text else {
          throw SampleProblem(description: "\(name.oneLine(limit: 100)) is not a list of strings")
        }
        return Caption(text, language: language)
      }
    default:
      throw SampleProblem(description: "\(name.oneLine(limit: 100)) is no string and no list of them")
    }
  }

  /// Those captions that are not empty: of several some may be.
  static func checked(_ all: [Caption]) throws(SampleProblem) -> [Caption] {
    let captions = all.compactMap { caption in
      let language = caption.language.flatMap { $0.isEmpty ? nil : $0 }
      return caption.text.allSatisfy(\.isWhitespace) ? nil : Caption(caption.text, language: language)
    }
    if captions.isEmpty { throw SampleProblem(description: "the caption is empty") }
    if captions.contains(where: { $0.text.utf8.contains(0) || $0.language?.utf8.contains(0) == true }) {
      throw SampleProblem(description: "the caption or its language holds a NUL")
    }
    return captions
  }
}
