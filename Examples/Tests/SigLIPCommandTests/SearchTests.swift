import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import siglip

@Suite struct SearchTests {
  /// An index of three images whose embeddings are the axes.
  private func index() -> ImageIndex {
    var index = ImageIndex(folder: "/photos", model: "/model", probe: Tensor([1, 0, 0], shape: [1, 3]))
    var waiting: (entries: [ImageIndex.Entry], embeddings: [Tensor]) = (
      [entry("a.jpg", 1), entry("b c/d e.jpg", 2), entry("z\nz.jpg", 3)], [Tensor.eye(3)]
    )
    index.append(&waiting)
    return index
  }

  private func entry(_ path: String, _ modified: Int) -> ImageIndex.Entry {
    ImageIndex.Entry(path: path, size: 10, modified: modified)
  }

  @Test func theMostSimilarComeFirst() {
    let found = index().nearest(to: Tensor([0.1, 0.9, 0.5], shape: [1, 3]), count: 2)
    #expect(found.map(\.entry.path) == ["b c/d e.jpg", "z\nz.jpg"])
    #expect(found.map(\.similarity) == [0.9, 0.5])
    #expect(index().nearest(to: Tensor([1, 0, 0], shape: [1, 3]), count: 9).count == 3)
  }

  @Test func indicesAreReadBack() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let written = index()
    try written.write(to: path)
    let read = try ImageIndex(path: path)
    #expect(read.entries == written.entries)
    #expect(read.embeddings == written.embeddings && read.probe == written.probe)
    #expect(read.folder == "/photos" && read.model == "/model")

    try SafetensorsFile.write(["embeddings": Tensor.eye(2)], to: path)
    #expect(throws: CommandError.self) { try ImageIndex(path: path) }
  }

  @Test func indicesThatContradictThemselvesAreRefused() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let changes: [(inout ImageIndex) -> Void] = [
      { $0.entries.removeLast() },
      { $0.entries[2] = $0.entries[0] },
      { $0.entries[1].path = "a\0b" },
      { $0.embeddings = $0.embeddings * .nan },
      { $0.probe = $0.probe * .infinity },
      { $0.probe = Tensor.ones([1, 4]) },
      { $0.probe = Tensor.ones([3]) },
    ]
    for (number, change) in changes.enumerated() {
      var damaged = index()
      change(&damaged)
      try damaged.write(to: path)
      let error = #expect(throws: CommandError.self, "\(number)") { try ImageIndex(path: path) }
      #expect(error?.description.contains("is damaged") ?? false)
    }
  }

  @Test func onlyUnchangedFilesAreKept() {
    let old = index()
    var new = ImageIndex(folder: "/photos", model: "/model", probe: old.probe)
    new.keep([entry("z\nz.jpg", 3), entry("a.jpg", 7), entry("new.jpg", 1)], of: old)
    #expect(new.entries == [entry("z\nz.jpg", 3)])
    #expect(new.embeddings == Tensor([0, 0, 1], shape: [1, 3]))
  }

  @Test func anotherModelIsNoticed() {
    #expect(index().isFrom(modelWithProbe: Tensor([1, 0, 1e-5], shape: [1, 3])))
    #expect(!index().isFrom(modelWithProbe: Tensor([0.9, 0.1, 0], shape: [1, 3])))
    #expect(!index().isFrom(modelWithProbe: Tensor([1, 0], shape: [1, 2])))
  }

  @Test func pagesEscapeNamesAndLinkRelatively() {
    let page = Gallery(
      query: "<script>alert(\"x\")</script>", queryImage: "/photos/\n'.jpg",
      images: [
        FoundImage(path: "/photos/a b/\"1\"&<é>.jpg", name: "\"1\"&<é>.jpg", score: "99.00%"),
        FoundImage(path: "/photos/\u{1B}[2J\n'.jpg", name: "\u{1B}[2J\n'.jpg", score: "98.00%"),
      ])
    let html = page.html(below: "/photos/pages")
    #expect(html.contains("href=\"../a%20b/%221%22%26%3C%C3%A9%3E.jpg\""))
    #expect(html.contains("&quot;1&quot;&amp;&lt;é&gt;.jpg"))
    #expect(html.contains("src=\"../%1B%5B2J%0A%27.jpg\" alt=\"\\u{1B}[2J\\n&#39;.jpg\""))
    #expect(!html.contains("<script>") && !html.contains("\u{1B}") && !html.contains("'"))
  }

  @Test func linksLeadFromFolderToFile() {
    #expect(Gallery.link(to: "/a/b/c.jpg", from: "/a/b") == "c.jpg")
    #expect(Gallery.link(to: "/a/b/c.jpg", from: "/a/d/e") == "../../b/c.jpg")
    #expect(Gallery.link(to: "/a/b/c.jpg", from: "/") == "a/b/c.jpg")
  }

  @Test func backgroundsAreColorsOrNone() {
    #expect(Background(argument: "none")?.transparency == .dropped)
    #expect(Background(argument: "0a80ff")?.transparency == .over(RGBColor(red: 10, green: 128, blue: 255)))
    #expect(Background(argument: "white") == nil && Background(argument: "12345") == nil)
  }
}
