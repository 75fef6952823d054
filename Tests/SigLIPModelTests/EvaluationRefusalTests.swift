import Foundation
import NN
import SigLIPModel
import TestSupport
import Testing
import Training

/// Evaluations of data and models that have something wrong with them, and results that have to be equal.
@Suite struct EvaluationRefusalTests {
  private let place: EvaluationPlace

  init() throws { place = try EvaluationPlace() }

  /// What a task says instead of a result, on one line.
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing thrown"
    } catch {
      #expect(error is any DataError)
      #expect(!"\(error)".contains("\n"))
      return "\(error)".replacing(place.folder.path("x").dropLast(), with: "")
    }
  }

  @Test func classesThatDoNotFit() throws {
    let source = try place.classFolders()
    #expect(
      message { _ = try LabeledImages(source, classes: ["a", "b"]) }
        == "2 names of classes for data of 6 classes")
    #expect(
      message { _ = try LabeledImages(source, classes: ["a"]) } == "1 names of classes for data of 6 classes")
    let table = try place.table(captionsPerImage: 2)
    #expect(message { _ = try LabeledImages(table, classes: ["red", "red"]) } == "a class is named twice")
    #expect(
      message { _ = try LabeledImages(table, classes: []) } == "classes: found 0, expected at least 2")
    let images = try LabeledImages(table, classes: ["red", "green", "blue", "dark"])
    #expect(
      message { _ = try ZeroShotTask(images: images).run(on: place.model()) }
        == "0.ppm: its captions name 2 of the 4 classes, expected 1")

    let five = try LabeledImages(place.classFolders(classes: "abcde"))
    let others = try LabeledImages(place.classFolders(classes: "abcdeg"))
    let six = try LabeledImages(source)
    for other in [five, others] {
      let expected =
        other.classes.count == 5
        ? "the data have 6 classes, those for training 5"
        : "the data have a class f where those for training have g"
      #expect(
        message { _ = try NeighborsTask(training: other, images: six, neighbors: 1).run(on: place.model()) }
          == expected)
      #expect(message { _ = try ProbeTask(training: other, images: six).run(on: place.model()) } == expected)
      #expect(
        message { _ = try FewShotTask(training: other, images: six).run(on: place.model()) } == expected)
    }
    #expect(
      message { _ = try NeighborsTask(training: six, images: six, neighbors: 20).run(on: place.model()) }
        == "evaluation: 20 nearest neighbors of 19 samples, expected 1 to 19")
    #expect(
      message { _ = try ProbeTask(training: six, images: six).run(on: place.model()) }
        == "evaluation: there are no images to choose the regularization by: expected 5 of a class")
    #expect(
      message {
        _ = try MultiLabelTask(images: LabeledImages(table, classes: ["no", "one"])).run(on: place.model())
      }
        == "evaluation: there are no images with labels")
  }

  @Test func weightsThatAreNotFinite() throws {
    let model = place.checkpoint.model
    let source = try place.classFolders()
    let path = try #require(model.text.namedParameters().first).parameter
    let whole = path.value
    path.value = Tensor(whole.scalars.map { _ in Float.nan }, shape: whole.shape)
    #expect(
      message { _ = try ZeroShotTask(images: LabeledImages(source)).run(on: place.model()) }
        .contains("the model gives an embedding that is not finite; its weights are damaged"))
    path.value = whole
    let tower = model.image
    let image = try #require(tower.namedParameters().first).parameter
    image.value = Tensor(image.value.scalars.map { $0 * .infinity }, shape: image.value.shape)
    for _ in 0..<2 {
      // Such embeddings are not kept either.
      #expect(
        message { _ = try RetrievalTask(source: source).run(on: place.model()) }
          .contains("the model gives an embedding that is not finite; its weights are damaged"))
    }
  }

  @Test func damagedSamplesAreLeftOutAndListed() throws {
    _ = try place.classFolders()
    let broken = try place.folder.write(Array("P6 8 8 255 too short".utf8), to: "classes0-3-abcdef/c/1.ppm")
    let source = try ClassFolderSource(place.folder.path("classes0-3-abcdef"))
    let task = ZeroShotTask(images: try LabeledImages(source))
    #expect(
      message { _ = try task.run(on: place.model()) }.hasPrefix(
        "1 of 19 samples are damaged, expected at most 1.0%"))
    let result = try task.run(on: place.model(maximumDamagedShare: 0.1))
    #expect(result.damaged.map(\.key) == ["c/1.ppm"])
    #expect(result.counts.first { $0.name == "images" }?.count == 18)
    let output = place.folder.path("results/one")
    try result.write(to: output)
    #expect(try String(contentsOfFile: output + "/damaged.tsv", encoding: .utf8).contains("c/1.ppm"))
    // Repaired, it is no longer listed.
    try FileManager.default.removeItem(atPath: broken)
    _ = try place.classFolders()
    try task.run(on: place.model()).write(to: output)
    #expect(!FileManager.default.fileExists(atPath: output + "/damaged.tsv"))

    // All of them broken.
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: place.folder.path("two/\(name)"), withIntermediateDirectories: true)
      _ = try place.folder.write([0], to: "two/\(name)/1.ppm")
    }
    let none = try LabeledImages(ClassFolderSource(place.folder.path("two")))
    #expect(
      message { _ = try ZeroShotTask(images: none).run(on: place.model(maximumDamagedShare: 1)) }
        .contains("image that can be read"))
  }

  @Test func captionsThatAreDamagedLeaveTheirImageOut() throws {
    for number in 0..<3 { _ = try place.folder.write(Array("P6 1 1 255 abc".utf8), to: "\(number).ppm") }
    let table = try TableSource(
      place.folder.write(Array("image,caption\n0.ppm,a\n1.ppm,\n2.ppm,c\n".utf8), to: "t.csv"))
    let result = try RetrievalTask(source: table).run(on: place.model(maximumDamagedShare: 0.5))
    #expect(result.counts.first { $0.name == "images" }?.count == 2)
    #expect(result.damaged.count == 1)
  }

  @Test func equalRunsGiveEqualBytes() throws {
    let source = try place.classFolders()
    let tasks: [any EvaluationTask] = [
      ZeroShotTask(images: try LabeledImages(source)), RetrievalTask(source: source),
      MultiLabelTask(images: try LabeledImages(source)),
      FewShotTask(training: try LabeledImages(source), images: try LabeledImages(source), shots: [1, 2]),
      NeighborsTask(training: try LabeledImages(source), images: try LabeledImages(source), neighbors: 3),
      CalibrationTask(.captions(source)),
    ]
    for task in tasks {
      // The second run takes embeddings from the cache.
      let first = try task.run(on: place.model())
      let second = try Compute.withThreadLimit(1) { try task.run(on: place.model()) }
      #expect(try first.json() == second.json(), "\(first.task)")
      #expect(first.html() == second.html(), "\(first.task)")
      #expect(first.lines().allSatisfy { !$0.contains("\n") })
    }
  }

  @Test func textOfDataIsEscapedOnThePage() throws {
    _ = try place.table(captionsPerImage: 1)
    let table = try TableSource(
      place.folder.write(
        Array("image,caption\n0.ppm,<script>alert(1)</script>\n1.ppm,\"\"\"><img src=x>\"\n".utf8),
        to: "t.csv"))
    for task in [RetrievalTask(source: table), CalibrationTask(.captions(table))] as [any EvaluationTask] {
      let page = try task.run(on: place.model()).html()
      #expect(page.contains("&lt;script&gt;"))
      #expect(!page.contains("<script") && !page.contains("<img src=x"))
    }
  }
}
