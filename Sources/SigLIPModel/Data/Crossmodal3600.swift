import Tensor

/// How Crossmodal-3600 (Thapliyal et al. 2022) writes its `captions.jsonl`: an image a line, and a member for each of the 36
/// languages.
///
///     {"image/key": "000411001ff7dd4f", "image/locale": "quz",
///      "en": {"caption": ["A bowl.", "Soup."], "caption/tokenized": [...], "caption/tokenized/lowercase": [...]}, ...}
enum Crossmodal3600 {
  /// The member by which a line is known as one of it.
  static let key = "image/key"

  /// The path of an image: its archive is unpacked to the folder `images`.
  static func image(_ key: String) throws(SampleProblem) -> String {
    if key.isEmpty || key.contains("/") {
      throw SampleProblem(description: "\(Crossmodal3600.key) is no name of an image")
    }
    return "images/\(key).jpg"
  }

  /// The captions of all languages, as they were written.
  static func captions(of members: [JSONValue.Member]) throws(SampleProblem) -> [Caption] {
    var captions: [Caption] = []
    for member in members where !member.name.hasPrefix("image/") {
      guard case .object(let forms) = member.value else {
        throw SampleProblem(description: "\(member.name.oneLine(limit: 100)) is no object with captions")
      }
      captions += try Caption.list("caption", of: forms, language: member.name)
    }
    return captions
  }
}
