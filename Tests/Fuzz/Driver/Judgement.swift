import Foundation

/// What came of one input, when the process lived on.
enum Judgement: Equatable {
  case accepted
  case refused
  /// An error that says nothing, too much, or in a form that no terminal should get.
  case badMessage(String)

  /// Bytes that a message may have.
  static let longestMessage = 4096

  /// Gives an input to a reader.
  init(_ reader: Reader, _ sample: inout Sample) {
    var refusals: [any Error] = []
    var isAccepted = true
    do { try reader.read(&sample) } catch {
      refusals.append(error)
      isAccepted = false
    }
    refusals += sample.refusals
    if let problem = refusals.lazy.compactMap(Judgement.problem).first {
      self = .badMessage(problem)
    } else {
      self = isAccepted ? .accepted : .refused
    }
  }

  /// What is wrong with an error's description.
  private static func problem(_ error: any Error) -> String? {
    let message = "\(error)"
    let type = String(reflecting: Swift.type(of: error))
    if ["Foundation.", "Swift.", "__C."].contains(where: type.hasPrefix) || message.hasPrefix("Error Domain=")
    {
      return "an error of another library, \(type): \(escaped(message))"
    }
    if message.isEmpty { return "no message" }
    if message.utf8.count > longestMessage { return "\(message.utf8.count) bytes: \(escaped(message))" }
    if let scalar = message.unicodeScalars.first(where: isUnfit) {
      return "U+\(String(scalar.value, radix: 16, uppercase: true)) in: \(escaped(message))"
    }
    return nil
  }

  /// Whether a character ends a line, or tells a terminal something; joiners are part of words and emoji.
  private static func isUnfit(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    case .format: scalar != "\u{200C}" && scalar != "\u{200D}"
    default: false
    }
  }

  private static func escaped(_ message: String) -> String {
    message.unicodeScalars.prefix(300).map {
      isUnfit($0) ? "\\u{\(String($0.value, radix: 16))}" : String($0)
    }.joined()
  }
}
