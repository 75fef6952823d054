import NN
import Testing

@testable import classify_shapes

@Suite struct ClassifyShapesTests {
  /// A quarter would be chance.
  @Test func learnsToTellShapesApart() {
    var random = Random(seed: 3)
    let model = ResNet(widths: [8, 16], classes: Shapes.names.count, random: &random)
    var losses: [Float] = []
    train(model, steps: 60, batch: 32, &random) { losses.append($1) }
    #expect(losses.count == 60 && losses.suffix(10).reduce(0, +) < 0.8 * losses.prefix(10).reduce(0, +))
    let accuracy = ClassifyShapes.accuracy(of: model, count: 200, &random)
    #expect(accuracy > 0.6, "\(accuracy)")
  }

  @Test func learnsTheSameAgain() {
    func losses() -> [Float] {
      var random = Random(seed: 4)
      let model = ResNet(widths: [4, 8], classes: Shapes.names.count, random: &random)
      var losses: [Float] = []
      train(model, steps: 3, batch: 4, &random) { losses.append($1) }
      return losses
    }
    #expect(losses() == losses())
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

  private func train(
    _ model: ResNet, steps: Int, batch: Int, _ random: inout Random, report: (Int, Float) -> Void
  ) {
    ClassifyShapes.train(model, steps: steps, batch: batch, &random, report: report)
  }
}
