import Foundation
import NN
import Training

/// What a report shows of a model's retrieval.
struct RetrievalPage {
  let evaluation: RetrievalEvaluation
  let samples: EmbeddedSamples
  let source: any ImageTextSource

  /// Pixels of a picture's longer side.
  private static let side = 56

  static let style = """
    .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: .8rem }
    .card { display: flex; gap: .7rem; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem }
    .card img { max-width: 56px; max-height: 56px } .card ol { margin: 0; padding-left: 1.2rem; font-size: .82rem }
    .card small { color: var(--muted) } .card li { overflow-wrap: anywhere }
    .right { color: light-dark(#116329, #56d364); font-weight: 600 } .wrong { color: var(--muted) }
    .card.missed { border-color: light-dark(#cf222e, #f85149) }
    """

  /// R@1, R@5 and R@10 beside chance.
  var table: String { RetrievalPage.table(of: evaluation, title: "Retrieval of the evaluation's data") }

  /// R@1, R@5 and R@10 of an evaluation beside chance, below a heading.
  static func table(of evaluation: RetrievalEvaluation, title: String) -> String {
    let languages = evaluation.languages.sorted { $0.key < $1.key }
    let all = evaluation.retrieval.tableRows(
      title: languages.count > 1 ? "mean of \(languages.count) languages" : "all")
    let details =
      languages.count > 1
      ? "<details><summary>By language</summary><table>"
        + languages.map { $0.value.tableRows(title: $0.key) }.joined() + "</table></details>" : ""
    return
      "<h2>\(escapedForHTML(title))</h2>\n<div class=\"table\"><table>\(all)</table>\(details)</div>"
  }

  /// Images with the captions that the model likes best of all in their language.
  func pictures(_ count: Int, options: ImageReadingOptions) -> TrainingReport.Section {
    let groups = Dictionary(grouping: samples.captions.indices) {
      samples.captions[$0].caption.language ?? ""
    }
    let languages = groups.keys.sorted()
    let step = max(samples.samples.count / count, 1)
    let cards = stride(from: 0, to: samples.samples.count, by: step).prefix(count).enumerated()
      .compactMap { place, image in
        card(image, among: groups[languages[place % languages.count]]!, options: options)
      }
    return TrainingReport.Section(
      title: "Pictures and the captions they like best",
      html: """
        <p>Of all captions of the evaluation's data in a language: <span class="right">its own</span> or \
        <span class="wrong">another's</span>.</p>
        <div class="grid">\(cards.joined(separator: "\n"))</div>
        """)
  }

  private func card(_ image: Int, among rows: [Int], options: ImageReadingOptions) -> String? {
    let own = Set(
      rows.filter { samples.captions[$0].image == image }.map { samples.captions[$0].caption.text })
    guard !own.isEmpty, let picture = try? source.image(at: samples.samples[image]).decoded(options: options)
    else { return nil }
    let scores = matmul(samples.texts.take(IndexTensor(rows), axis: 0), samples.images[image]).scalars
    var seen: Set<String> = []
    var best: [(text: String, isOwn: Bool)] = []
    // Of equal scores the wrong caption comes first, as the table counts.
    let order = rows.indices.sorted { a, b in
      let (first, second) = (samples.captions[rows[a]].caption.text, samples.captions[rows[b]].caption.text)
      return (scores[b], own.contains(first) ? 1 : 0, a) < (scores[a], own.contains(second) ? 1 : 0, b)
    }
    for row in order where best.count < 5 {
      let text = samples.captions[rows[row]].caption.text
      if seen.insert(text).inserted { best.append((text, own.contains(text))) }
    }
    let items = best.map {
      "<li class=\"\($0.isOwn ? "right" : "wrong")\">\(escapedForHTML($0.text.oneLine(limit: 80)))</li>"
    }
    let language = samples.captions[rows[0]].caption.language ?? ""
    let side = RetrievalPage.side
    let longer = max(picture.width, picture.height)
    let small = picture.resized(
      width: max(picture.width * side / longer, 1), height: max(picture.height * side / longer, 1),
      filter: .bicubic)
    return
      "<div class=\"card\(best.first?.isOwn == true ? "" : " missed")\"><div><img alt=\"\" src=\"\(small.dataURI)\">"
      + "<br><small>\(escapedForHTML(language))</small></div><ol>\(items.joined())</ol></div>"
  }
}
