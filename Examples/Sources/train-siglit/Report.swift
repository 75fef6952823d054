import CommandSupport
import Foundation
import SigLIPModel

/// The page of a run, with what the model says of images it never saw.
struct Report {
  let configuration: TrainingConfiguration
  let data: EmojiData
  let evaluation: Evaluation
  /// Whether the captions are the validation's.
  var isOfValidation = false
  /// Curves and configuration.
  var page: TrainingReport

  /// The page.
  func page(_ embeddings: EmojiEmbeddings) -> TrainingReport {
    var page = page
    page.title = "SigLiT on emoji: a text tower for a locked image tower"
    page.style = style
    page.introduction = """
      <p>\(configuration.steps) steps of \(configuration.batchSize) captions, \
      \((configuration.loss.kind ?? .sigmoid).rawValue) loss, \(configuration.optimizer.kind.rawValue), \
      seed \(configuration.seed), \(data.languages.count) languages.</p>
      <h2>Retrieval of \(isOfValidation ? "the validation's" : "held-out") captions</h2>
      \(table)
      """
    page.sections = [
      .init(
        title: "R@1 of compositions by language",
        html: "<p>Image to text above, text to image below.</p>\n\(languageBars)"),
      .init(
        title: "Compositions never seen in training",
        html: """
          <p>The five names that each image likes best, of all \(data.images.count) names in a language; \
          <span class="right">its own</span> or <span class="wrong">another's</span>.</p>
          <div class="grid">\(cards(embeddings))</div>
          """),
    ]
    return page
  }

  private var style: String {
    """
    .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem }
    .card { display: flex; gap: .7rem; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem }
    .card img { width: 64px; height: 64px } .card ol { margin: 0; padding-left: 1.2rem; font-size: .82rem }
    .right { color: light-dark(#116329, #56d364); font-weight: 600 } .wrong { color: var(--muted) }
    .card.missed { border-color: light-dark(#cf222e, #f85149) } .language { font-size: .75rem }
    .bar { background: light-dark(#cfe3fb, #1f3a5f); border-radius: 2px; margin: 1px 0; padding-left: .3rem }
    """
  }

  private var table: String {
    "<div class=\"table\"><table>" + evaluation.compositions.tableRows(title: "compositions")
      + evaluation.compositionsAmongAll.tableRows(title: "compositions among all")
      + evaluation.translations.tableRows(title: "translations") + "</table></div>"
  }

  private var languageBars: String {
    let bars = evaluation.languages.sorted { $0.key < $1.key }.map { language, retrieval in
      func bar(_ recall: Recall) -> String {
        String(format: "<div class=\"bar\" style=\"width:%.1f%%\">%.2f</div>", recall.r1 * 100, recall.r1)
      }
      return "<div class=\"language\"><b>\(escapedForHTML(language))</b>\(bar(retrieval.imageToText))"
        + bar(retrieval.textToImage) + "</div>"
    }
    return "<div class=\"grid\">" + bars.joined() + "</div>"
  }

  private func cards(_ embeddings: EmojiEmbeddings) -> String {
    let (images, texts) = (embeddings.images, embeddings.texts)
    // A different language for each image, so that the page shows them all.
    return data.compositions.prefix(48).enumerated().compactMap { place, image -> String? in
      let language = place % texts.count
      let rows = texts[language].rows
      guard rows[image] != nil else { return nil }
      let imageOf = Dictionary(uniqueKeysWithValues: rows.map { ($0.value, $0.key) })
      let scores = matmul(texts[language].embeddings, images[image]).scalars
      func name(_ image: Int) -> String { data.name(.init(image: image, language: language)) ?? "" }
      let own = name(image)
      // Of equal scores the wrong name comes first, as the table counts.
      let order = scores.indices.map { (scores[$0], imageOf[$0].map(name) == own ? 0 : 1, -$0) }
      let best = order.sorted(by: >).prefix(5).compactMap { imageOf[-$0.2] }
      let names = best.map { found -> String in
        let name = name(found)
        return "<li class=\"\(name == own ? "right" : "wrong")\">\(escapedForHTML(name))</li>"
      }
      return
        "<div class=\"card\(best.first.map(name) == own ? "" : " missed")\"><div><img alt=\"\" src=\"\(data.images[image].dataURI)\">"
        + "<br><small>\(escapedForHTML(data.languages[language]))</small></div><ol>\(names.joined())</ol></div>"
    }.joined(separator: "\n")
  }
}
