import CommandSupport
import Foundation
import SigLIPModel

/// One page that shows a run: numbers, curves, and what the model says of images it never saw. Needs no other file.
struct Report {
  let recipe: Recipe
  let data: EmojiData
  let evaluation: Evaluation
  let metrics: [StepMetrics]

  /// The page, given embeddings of all images and of all names by language.
  func html(images: Tensor, texts: [NamedTexts]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><title>train-siglit</title><style>
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2733 }
    h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
    table { border-collapse: collapse } th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #dde3ea }
    th:first-child, td:first-child { text-align: left }
    .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem }
    .card { display: flex; gap: .7rem; border: 1px solid #dde3ea; border-radius: .5rem; padding: .6rem }
    .card img { width: 64px; height: 64px } .card ol { margin: 0; padding-left: 1.2rem; font-size: .82rem }
    .right { color: #116329; font-weight: 600 } .wrong { color: #57606a } .card.missed { border-color: #cf222e }
    .language { font-size: .75rem } .bar { background: #cfe3fb; border-radius: 2px; margin: 1px 0; padding-left: .3rem }
    small { color: #57606a }
    </style></head><body>
    <h1>SigLiT on emoji: a text tower for a locked image tower</h1>
    <p>\(recipe.steps) steps of \(recipe.batchSize) captions, \(recipe.loss.rawValue) loss, \(recipe.optimizer.rawValue), \
    seed \(recipe.seed), \(data.languages.count) languages.</p>
    <h2>Retrieval of held-out captions</h2>
    \(table)
    <h2>Training</h2>
    \(Chart(title: "loss", values: curve("loss")).svg)
    \(Chart(title: "temperature t", values: curve("temperature")).svg)
    \(Chart(title: "bias b", values: curve("bias")).svg)
    <h2>R@1 of compositions by language</h2>
    <p>Image to text above, text to image below.</p>
    \(languageBars)
    <h2>Compositions never seen in training</h2>
    <p>The five names that each image likes best, of all \(data.images.count) names in a language; \
    <span class="right">its own</span> or <span class="wrong">another's</span>.</p>
    <div class="grid">\(cards(images: images, texts: texts))</div>
    </body></html>

    """
  }

  private func curve(_ name: String) -> [(Double, Double)] {
    metrics.map { (Double($0.step), $0.numbers[name] ?? .nan) }
  }

  private var table: String {
    func row(_ name: String, _ recall: Recall) -> String {
      "<tr><td>\(name)</td>"
        + [recall.r1, recall.r5, recall.r10].map { "<td>\(String(format: "%.3f", $0))</td>" }.joined()
        + "</tr>"
    }
    func rows(_ name: String, _ retrieval: Retrieval) -> String {
      if retrieval.queries == 0 { return "<tr><th>\(name): none in these languages</th></tr>" }
      return
        "<tr><th>\(name), \(retrieval.candidates) candidates</th><th>R@1</th><th>R@5</th><th>R@10</th></tr>"
        + row("image to text", retrieval.imageToText) + row("text to image", retrieval.textToImage)
        + row("chance", .chance(candidates: retrieval.candidates))
    }
    return "<table>" + rows("compositions", evaluation.compositions)
      + rows("compositions among all", evaluation.compositionsAmongAll)
      + rows("translations", evaluation.translations) + "</table>"
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

  private func cards(images: Tensor, texts: [NamedTexts]) -> String {
    // A different language for each image, so that the page shows them all.
    data.compositions.prefix(48).enumerated().compactMap { place, image -> String? in
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
        "<div class=\"card\(best.first.map(name) == own ? "" : " missed")\"><div><img alt=\"\" src=\"\(dataURI(data.images[image]))\">"
        + "<br><small>\(escapedForHTML(data.languages[language]))</small></div><ol>\(names.joined())</ol></div>"
    }.joined(separator: "\n")
  }

  /// The image as a bitmap file inside a link.
  private func dataURI(_ image: RGBImage) -> String {
    let padding = (4 - image.width * 3 % 4) % 4
    let size = (image.width * 3 + padding) * image.height
    func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var file: [UInt8] = Array("BM".utf8) + bytes(54 + size, 4) + bytes(0, 4) + bytes(54, 4)
    file += bytes(40, 4) + bytes(image.width, 4) + bytes(image.height, 4) + bytes(1, 2) + bytes(24, 2)
    file += bytes(0, 4) + bytes(size, 4) + bytes(2835, 4) + bytes(2835, 4) + bytes(0, 8)
    for y in (0..<image.height).reversed() {
      for x in 0..<image.width {
        file += image.pixels[((y * image.width + x) * 3)..<((y * image.width + x) * 3 + 3)].reversed()
      }
      file += bytes(0, padding)
    }
    return "data:image/bmp;base64," + Data(file).base64EncodedString()
  }
}

/// A curve with axes as SVG.
struct Chart {
  let title: String
  let values: [(Double, Double)]

  var svg: String {
    guard let first = values.first, values.count > 1 else {
      return "<p>\(title): \(values.first?.1 ?? .nan)</p>"
    }
    let (width, height, left, bottom) = (400.0, 200.0, 50.0, 24.0)
    let (low, high) = values.reduce((first.1, first.1)) { (min($0.0, $1.1), max($0.1, $1.1)) }
    let (start, end) = (first.0, values[values.count - 1].0)
    let range = max(high - low, 1e-9)
    func x(_ value: Double) -> Double {
      left + (value - start) / max(end - start, 1e-9) * (width - left - 10)
    }
    func y(_ value: Double) -> Double { height - bottom - (value - low) / range * (height - bottom - 24) }
    let points = values.map { String(format: "%.1f,%.1f", x($0.0), y($0.1)) }.joined(separator: " ")
    let ticks = (0...4).map { low + range * Double($0) / 4 }.map { value in
      "<line x1=\"\(left)\" x2=\"\(width - 10)\" y1=\"\(y(value))\" y2=\"\(y(value))\" stroke=\"#e6eaef\"/>"
        + "<text x=\"\(left - 6)\" y=\"\(y(value) + 4)\" text-anchor=\"end\">\(String(format: "%.3g", value))</text>"
    }.joined()
    return """
      <svg viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" font-size="11" fill="#57606a" role="img">
      <text x="\(left)" y="14" font-size="13" fill="#1d2733">\(title)</text>\(ticks)
      <text x="\(left)" y="\(height - 6)">step \(Int(start))</text>
      <text x="\(width - 10)" y="\(height - 6)" text-anchor="end">\(Int(end))</text>
      <polyline fill="none" stroke="#0969da" stroke-width="1.5" points="\(points)"/></svg>
      """
  }
}
