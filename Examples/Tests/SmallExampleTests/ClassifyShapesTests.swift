import Foundation
import Testing
import Training

@testable import classify_shapes

@Suite struct ClassifyShapesTests {
  /// A quarter would be chance.
  @Test func learnsToTellShapesApart() throws {
    let (model, lines) = try train(seed: 3, widths: [8, 16], steps: 60, batch: 32)
    let losses = lines.compactMap { $0.numbers["loss"] }
    #expect(losses.count == 60 && losses.suffix(10).reduce(0, +) < 0.8 * losses.prefix(10).reduce(0, +))
    let accuracy = ClassifyShapes.accuracy(of: model)
    #expect(accuracy > 0.6, "\(accuracy)")
    #expect(lines.last?.numbers["validation/accuracy"] == Double(accuracy))
  }

  @Test func learnsTheSameAgain() throws {
    func lines() throws -> [StepMetrics] { try train(seed: 4, widths: [4, 8], steps: 3, batch: 4).lines }
    #expect(try lines() == lines())
  }

  @Test func shapesAreWhereTheyBelong() {
    var random = Random(seed: 5)
    let (pictures, labels) = Shapes.draw(200, noise: 0, random: &random)
    #expect(pictures.shape == [200, 1, 16, 16] && Set(labels.values) == [0, 1, 2, 3])
    #expect(pictures.scalars.allSatisfy { $0 == 0 || $0 == 1 })
    // At most a third of a picture, and never nothing.
    let areas = pictures.mean(axes: [1, 2, 3]).scalars
    #expect(areas.allSatisfy { $0 > 0.02 && $0 < 0.4 })
    // Shapes are as high as wide.
    for picture in pictures.split(parts: 200) {
      let (height, width) = (
        picture.max(axes: [0, 1, 3]).sum().item(), picture.max(axes: [0, 1, 2]).sum().item()
      )
      #expect(abs(height - width) <= 2)
    }
  }

  private func train(seed: UInt64, widths: [Int], steps: Int, batch: Int) throws -> (
    model: Sequential, lines: [StepMetrics]
  ) {
    let folder = FileManager.default.temporaryDirectory.appending(path: "shapes-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var random = Random(seed: seed)
    let model = resNet(widths: widths, classes: Shapes.names.count, random: &random)
    let run = try RunFolder(folder)
    try ClassifyShapes.train(model, steps: steps, batch: batch, in: run)
    return (model, try JSONLinesWriter.read(path: run.metrics))
  }
}
