import Optim

/// Text for a web page, inside an element or between quotes: every character shows as itself, or as what it is called.
public func escapedForHTML(_ text: String) -> String {
  text.oneLine(limit: .max).reduce(into: "") { result, character in
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    default: result.append(character)
    }
  }
}
