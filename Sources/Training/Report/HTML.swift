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

/// How all pages look: colours by day and night, headings and tables.
package let pageStyle = """
  :root { color-scheme: light dark; --page: #fff; --text: #1d2733; --muted: #57606a; --line: #dfe5eb }
  @media (prefers-color-scheme: dark) { :root { --page: #14181d; --text: #dbe2ea; --muted: #98a3af; --line: #2e363f } }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
    background: var(--page); color: var(--text) }
  h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem }
  .table { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid var(--line) }
  th:first-child, td:first-child, td.text { text-align: left; overflow-wrap: anywhere }

  """
