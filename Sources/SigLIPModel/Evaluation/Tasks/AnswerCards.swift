import Foundation
import NN
import Training

/// Pictures with what a model said of them, right and wrong.
struct AnswerCards {
  /// An image and its answers.
  struct Card {
    /// The image's number among the embedded ones.
    var image: Int
    /// Whether the first answer is right.
    var isRight: Bool
    /// The best first.
    var answers: [Answer]
    /// What stands below the picture.
    var note = ""
  }

  /// An answer.
  struct Answer {
    var text: String
    var isOwn: Bool
    /// What stands beside it, such as its probability.
    var score = ""
  }

  /// A text and the images that it likes best.
  struct Row {
    var text: String
    var note = ""
    /// The best first.
    var images: [(image: Int, isOwn: Bool)]
  }

  let source: any ImageTextSource
  /// The samples of images in the source.
  let samples: [Int]
  let options: ImageReadingOptions

  init(_ images: EmbeddedImages, options: ImageReadingOptions) {
    (source, samples, self.options) = (images.source, images.samples, options)
  }

  /// Which of all answers are shown: half of them wrong ones, as far as there are both, from all parts of the data.
  static func chosen(_ isRight: [Bool], count: Int) -> [Int] {
    let wrong = isRight.indices.filter { !isRight[$0] }
    let right = isRight.indices.filter { isRight[$0] }
    let wrongCount = min(wrong.count, max(count / 2, count - right.count))
    func spread(_ all: [Int], _ count: Int) -> [Int] { (0..<count).map { all[$0 * all.count / count] } }
    return spread(wrong, wrongCount) + spread(right, min(right.count, count - wrongCount))
  }

  /// The best of some scores; of equal ones what is wrong comes first, as it is counted.
  static func order(_ scores: [Float], own: Set<Int>, count: Int) -> [Int] {
    let order = scores.indices.sorted {
      (scores[$1], own.contains($0) ? 1 : 0, $0) < (scores[$0], own.contains($1) ? 1 : 0, $1)
    }
    return Array(order.prefix(count))
  }

  /// Sections of the page: what is wrong, then what is right.
  func sections(_ cards: [Card], wrong: String = "Wrong answers", right: String = "Right answers")
    -> [TrainingReport.Section]
  {
    [(wrong, false), (right, true)].compactMap { title, isRight in
      let html = cards.filter { $0.isRight == isRight }.compactMap(html)
      if html.isEmpty { return nil }
      return TrainingReport.Section(
        title: title, html: "<div class=\"grid\">\(html.joined(separator: "\n"))</div>")
    }
  }

  private func html(_ card: Card) -> String? {
    guard let picture = picture(card.image, side: 72) else { return nil }
    let items = card.answers.map { answer in
      let score = answer.score.isEmpty ? "" : "<b>\(escapedForHTML(answer.score))</b>"
      return
        "<li\(answer.isOwn ? " class=\"own\"" : "")>\(score)\(escapedForHTML(answer.text.oneLine(limit: 160)))</li>"
    }
    return "<div class=\"card\(card.isRight ? "" : " missed")\"><div><img alt=\"\" src=\"\(picture)\"><br>"
      + "<small>\(escapedForHTML(card.note.oneLine(limit: 60)))</small></div><ol>\(items.joined())</ol></div>"
  }

  /// A section with texts and images; an own one has a frame.
  func section(_ title: String, _ rows: [Row]) -> [TrainingReport.Section] {
    if rows.isEmpty { return [] }
    let html = rows.map { row in
      let images = row.images.compactMap { image, isOwn in
        picture(image, side: 56).map { "<img alt=\"\"\(isOwn ? " class=\"own\"" : "") src=\"\($0)\">" }
      }
      return "<div class=\"card\(row.images.first?.isOwn == true ? "" : " missed")\"><ol>"
        + "<li><b>\(escapedForHTML(row.note.oneLine(limit: 20)))</b>\(escapedForHTML(row.text.oneLine(limit: 160)))</li>"
        + "<li class=\"images\">\(images.joined())</li></ol></div>"
    }
    return [
      TrainingReport.Section(title: title, html: "<div class=\"grid\">\(html.joined(separator: "\n"))</div>")
    ]
  }

  /// An image as it is put into the page; nil where it can no longer be read.
  private func picture(_ image: Int, side: Int) -> String? {
    guard let image = try? source.image(at: samples[image]).decoded(options: options) else { return nil }
    let longer = max(image.width, image.height)
    if longer <= side { return image.dataURI }
    return image.resized(
      width: max(image.width * side / longer, 1), height: max(image.height * side / longer, 1),
      filter: .bicubic
    ).dataURI
  }
}
