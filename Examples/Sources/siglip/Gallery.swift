import CommandSupport
import Foundation
import SigLIPModel

/// An image that a search found.
struct FoundImage {
  /// Absolute.
  var path: String
  /// What to call it.
  var name: String
  /// How well it fits, for people.
  var score: String
}

/// A web page that shows what a search found.
struct Gallery {
  var query: String
  /// Absolute path of the image that was looked for, if it was one.
  var queryImage: String?
  var images: [FoundImage]

  /// Writes the page in one step; it refers to images by paths relative to itself.
  func write(to path: String) throws {
    let folder = URL(fileURLWithPath: absolutePath(path)).deletingLastPathComponent().path
    try Data(html(below: folder).utf8).writeWhole(to: path)
  }

  func html(below folder: String) -> String {
    let cards = images.enumerated().map { rank, image in
      """
      <a class="card" href="\(Gallery.link(to: image.path, from: folder))">
        <img src="\(Gallery.link(to: image.path, from: folder))" alt="\(escapedForHTML(image.name))" loading="lazy">
        <span class="line"><b>\(rank + 1)</b><span class="score">\(escapedForHTML(image.score))</span></span>
        <span class="name" title="\(escapedForHTML(image.name))">\(escapedForHTML(image.name))</span>
      </a>
      """
    }
    let shown =
      queryImage.map { "<img class=\"query\" src=\"\(Gallery.link(to: $0, from: folder))\" alt=\"\">" } ?? ""
    return htmlPage(
      title: query, style: Gallery.style,
      body: """
        <header>\(shown)<div><h1>\(escapedForHTML(query))</h1><p>\(images.count) best of the index</p></div></header>
        <main>
        \(cards.joined(separator: "\n"))
        </main>
        """)
  }

  private static let style = """
    :root { color-scheme: light dark; --back: #f6f6f4; --card: #fff; --ink: #1c1c1e; --soft: #6e6e73; --line: #e3e3e0; }
    @media (prefers-color-scheme: dark) {
      :root { --back: #161617; --card: #232325; --ink: #f2f2f0; --soft: #a1a1a6; --line: #38383b; }
    }
    body { margin: 0; padding: 2rem clamp(1rem, 4vw, 4rem); background: var(--back); color: var(--ink);
      font: 15px/1.4 system-ui, sans-serif; }
    header { display: flex; gap: 1rem; align-items: center; margin-bottom: 1.5rem; }
    h1 { margin: 0; font-size: 1.6rem; font-weight: 600; overflow-wrap: anywhere; }
    p { margin: .2rem 0 0; color: var(--soft); }
    .query { height: 5rem; max-width: 9rem; object-fit: cover; border-radius: 8px; }
    main { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 1rem; }
    .card { display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--line);
      border-radius: 10px; overflow: hidden; color: inherit; text-decoration: none; }
    .card:hover { border-color: var(--soft); }
    .card img { width: 100%; aspect-ratio: 1; object-fit: cover; background: var(--line); }
    .line { display: flex; justify-content: space-between; padding: .6rem .8rem 0; }
    .line b { font-weight: 600; }
    .score { font-variant-numeric: tabular-nums; color: var(--soft); }
    .name { padding: .1rem .8rem .7rem; color: var(--soft); font-size: .85rem; white-space: nowrap; overflow: hidden;
      text-overflow: ellipsis; }
    """

  /// A relative address of a file, from a page in a folder; both paths are absolute.
  static func link(to path: String, from folder: String) -> String {
    let (target, base) = (path.split(separator: "/"), folder.split(separator: "/"))
    let shared = zip(target, base).prefix { $0 == $1 }.count
    let steps = Array(repeating: "..", count: base.count - shared) + target.dropFirst(shared).map(encoded)
    return steps.joined(separator: "/")
  }

  /// Only letters, digits and a few signs that mean nothing in addresses or attributes stay.
  private static func encoded(_ component: Substring) -> String {
    component.utf8.map { byte in
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: String(UnicodeScalar(byte))
      default: String(format: "%%%02X", byte)
      }
    }.joined()
  }
}
