import Optim

/// A page that needs no other file.
///
/// - Parameters:
///   - title: As text.
///   - style: CSS.
///   - body: HTML.
public func htmlPage(title: String, style: String, body: String) -> String {
  """
  <!DOCTYPE html>
  <html lang="en">
  <head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>\(escapedForHTML(title))</title>
  <link rel="icon" href="data:,">
  <style>
  \(style)
  </style>
  </head>
  <body>
  \(body)
  </body>
  </html>

  """
}

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
