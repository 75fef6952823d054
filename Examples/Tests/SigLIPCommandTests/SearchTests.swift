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
      query: "<script>alert(\"x\")</script>", queryImage: nil,
      images: [FoundImage(path: "/photos/a b/\"1\"&<é>.jpg", name: "\"1\"&<é>.jpg", score: "99.00%")])
    let html = page.html(below: "/photos/pages")
    #expect(html.contains("href=\"../a%20b/%221%22%26%3C%C3%A9%3E.jpg\""))
    #expect(html.contains("&quot;1&quot;&amp;&lt;é&gt;.jpg"))
    #expect(!html.contains("<script>"))
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
