import Foundation
import Testing
import Training

@Suite struct TrainingReportTests {
  private func metrics(_ values: [Double], name: String = "loss") -> [StepMetrics] {
    values.enumerated().map { StepMetrics(step: $0.offset + 1, numbers: [name: $0.element]) }
  }

  private func figures(_ html: String) -> [Substring] {
    html.split(separator: "<figure>").dropFirst().map { $0.prefix { _ in true } }
  }

  /// Elements that are closed in order, and paths of numbers: what a browser draws without guessing.
  private func expectSound(_ html: String, _ comment: Comment? = nil) {
    var open: [Substring] = []
    for match in html.matches(of: /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+="[^"<]*")*)\s*(\/?)>/) {
      let (closing, name) = (!match.1.isEmpty, match.2)
      if !match.4.isEmpty || ["meta", "link", "br", "img"].contains(name) { continue }
      if closing { #expect(open.popLast() == name, comment) } else { open.append(name) }
    }
    #expect(open.isEmpty, comment)
    let tags = html.matches(of: /<[^>]*>/).count
    #expect(tags == html.count { $0 == "<" }, comment)
    for match in html.matches(of: #/ d="([^"]*)"/#) {
      #expect(match.1.wholeMatch(of: /[MLHVhv0-9.,-]+/) != nil, comment)
    }
    for match in html.matches(of: #/ [xy]="([^"]*)"/#) { #expect(Double(match.1) != nil, comment) }
  }

  @Test func trainingAndValidationShareAChart() {
    let validation = [3, 6].map { StepMetrics(step: $0, numbers: ["loss": 0.5, "accuracy": 0.25]) }
    let html = TrainingReport(
      title: "a run", metrics: metrics([4, 3, 2, 1, 0.5, 0.25]), validation: validation, epochEnds: [3, 6],
      configuration: [("batch", "256")], units: ["accuracy": "share"], introduction: "<p>hello</p>",
      sections: [.init(title: "more", html: "<p>end</p>")]
    ).html()
    expectSound(html)
    let figures = figures(html)
    #expect(figures.count == 2)
    #expect(figures[1].contains("<b>accuracy</b>") && figures[1].contains(">share</text>"))
    #expect(figures[0].contains("<b>loss</b>") && figures[0].contains(">step</text>"))
    // From the left to the right, and from the top to near the bottom: 4 is 224 - 204 · 4 / 4 up.
    #expect(
      figures[0].contains(
        "<path class=\"training\" d=\"M72,20L183.2,71L294.4,122L405.6,173L516.8,198.5L628,211.3\"/>"))
    #expect(figures[0].contains("<path class=\"validation\" d=\"M294.4,198.5L628,198.5\"/>"))
    #expect(figures[0].contains("class=\"validation dots\" d=\"M294.4,198.5h0M628,198.5h0\""))
    #expect(!figures[1].contains("<path class=\"training\" d=\"M7"))
    #expect(figures[0].contains("<path class=\"epoch\" d=\"M294.4,20V224\"/>"))
    #expect(figures[0].contains(">epoch 1</text>") && figures[0].contains(">2</text>"))
    #expect(html.contains("<td>loss</td><td>0.25</td><td>0.25</td><td>4</td><td>0.5</td>"))
    #expect(html.contains("<td>batch</td><td class=\"text\">256</td>"))
    for part in ["<title>a run</title>", "<p>hello</p>", "<h2>more</h2>\n<p>end</p>"] {
      #expect(html.contains(part))
    }
  }

  /// What a trainer leaves in its folder: the same files, names and steps.
  @Test func aRunIsReadFromItsFolder() throws {
    struct Recipe: Encodable { let batch = 8, name = "a <b>" }
    let folder = TemporaryFolder()
    let run = try RunFolder(folder.url, configuration: RunConfiguration(Recipe()))
    var course = try JSONLinesWriter(path: run.metrics)
    var machine = try JSONLinesWriter(path: run.measurements, of: \.measurements)
    for step in [2, 4, 6] {
      var metrics = StepMetrics(step: step, numbers: ["loss": 6.0 / Double(step)], measurements: ["rate": 10])
      if step > 2 { metrics.numbers["validation/loss"] = 2 }
      try course.write(metrics)
      try machine.write(metrics)
    }
    let order = try BatchOrder(sampleCount: 17, batchSize: 8)
    let report = try TrainingReport(title: "run", of: run, order: order)
    #expect(report.epochEnds == [2, 4, 6] && report.configuration.map(\.name) == ["batch", "name"])
    try report.write(to: run.path("report.html"))
    let html = String(decoding: try Data(contentsOf: URL(filePath: run.path("report.html"))), as: UTF8.self)
    expectSound(html)
    let figures = figures(html)
    #expect(figures.count == 2 && html.contains("<h2>Machine</h2>") && html.contains("a &lt;b&gt;"))
    // Both in one chart, whose axis goes from 1 to 3.
    #expect(figures[0].contains("<path class=\"training\" d=\"M72,20L350,173L628,224\"/>"))
    #expect(figures[0].contains("<path class=\"validation\" d=\"M350,122L628,122\"/>"))
  }

  @Test func groupsHaveHeadingsAndOrder() {
    let names = ["accuracy", "loss", "norm/update/blocks.10", "norm/update/blocks.9", "norm/gradient/text"]
    let numbers = Dictionary(uniqueKeysWithValues: names.map { ($0, 1.0) })
    let html = TrainingReport(
      title: "", metrics: [StepMetrics(step: 1, numbers: numbers, measurements: ["memory": 5e9])]
    ).html()
    let headings = html.matches(of: /<h2>(.*)<\/h2>/).map { $0.1 }
    #expect(headings == ["Training", "norm/gradient", "norm/update", "Machine", "Last values"])
    let charts = html.matches(of: /<figcaption><b>(.*?)<\/b>/).map { $0.1 }
    #expect(
      charts == [
        "loss", "accuracy", "norm/gradient/text", "norm/update/blocks.9", "norm/update/blocks.10", "memory",
      ])
  }

  private static let oddCourses: [[Double]] = [
    [], [1], [.nan], [.nan, .infinity, -.infinity], [0, 0, 0], [5, 5], [1e308, -1e308], [1e-310, 2e-310],
    [1, .nan, 2], Array(repeating: -0.0, count: 100), [1e-12, 1e12, 1e-12, 1e-12], [1e149, -1e149],
    (0..<50).map { $0 % 2 == 0 ? 0.1 : 0.3 },
  ]

  @Test(arguments: oddCourses)
  func oddNumbers(_ values: [Double]) {
    let page = TrainingReport(
      title: "x", metrics: metrics(values), validation: metrics(values.reversed()), epochEnds: [0, 1, 99]
    ).html()
    expectSound(page, "\(values)")
    #expect(figures(page).count == (values.isEmpty ? 0 : 1))
    let finite = values.count { $0.magnitude < 1e150 }
    let missing = 2 * (values.count - finite)
    #expect(page.contains("\(missing) of \(2 * values.count) numbers are not finite") == (missing > 0))
    #expect(page.contains("no finite number") == (finite == 0 && !values.isEmpty))
    #expect(page.contains("No numbers were recorded") == values.isEmpty)
    #expect(page.contains("<path class=\"validation") == !values.isEmpty && !page.contains("inf,"))
  }

  @Test func textIsEscaped() {
    let name = "<b>\"&'/<script>"
    let page = TrainingReport(
      title: name, metrics: metrics([1, 2], name: name), configuration: [(name, name)], units: [name: name],
      sections: [.init(title: name, html: "")]
    ).html()
    expectSound(page)
    #expect(!page.contains("<script") && !page.contains("<b>\""))
    #expect(page.contains("<b>&lt;b&gt;&quot;&amp;&#39;/&lt;script&gt;</b>"))
    #expect(escapedForHTML("<a href='\"'>&\u{1B}\0") == "&lt;a href=&#39;&quot;&#39;&gt;&amp;\\u{1B}\\u{0}")
  }

  @Test func manyEpochsAreMarkedAtRoundNumbers() {
    let page = TrainingReport(
      title: "", metrics: metrics((0..<100).map { Double($0) }), epochEnds: Array(1...100)
    ).html()
    let marks = page.matches(of: /<text class="epoch"[^>]*>([^<]*)</).map { $0.1 }
    #expect(marks == ["epoch 10", "20", "30", "40", "50", "60", "70", "80", "90", "100"])
  }

  @Test func longRunsAndManyNumbersStaySmall() {
    var random = Random(seed: 1)
    let values = random.normal([60_000]).scalars.map { Double($0) }
    let long = TrainingReport(title: "", metrics: metrics(values), validation: metrics(values)).html()
    #expect(long.utf8.count < 100_000 && long.contains("running average"))
    let wide = (0..<600).map { step in
      StepMetrics(
        step: step,
        numbers: Dictionary(uniqueKeysWithValues: (0..<100).map { ("number \($0)", values[step * 100 + $0]) })
      )
    }
    #expect(TrainingReport(title: "", metrics: wide, validation: wide).html().utf8.count < 2_000_000)
  }
}
