import Foundation
import NN
import Optim
import SigLIPModel
import TestSupport
import Testing
import Training

/// Towers that are trained in part or not at all.
extension SigLIPTrainingTests {
  @Test func lockedTowersStayAsTheyAre() throws {
    _ = try run("base", ["steps=2"])
    let base = folder.path("base/model")
    func weights(_ output: String) throws -> [String: Tensor] {
      try SigLIPCheckpoint(path: folder.path("\(output)/model")).model.stateDictionary()
    }
    let before = try weights("base")
    func changed(_ output: String, _ settings: [String]) throws -> Set<String> {
      let model = "model={\"checkpoint\": \"\(base)\"}"
      _ = try run(output, ["steps=2", model] + settings)
      let after = try weights(output)
      return Set(after.filter { before[$0.key]! != $0.value }.map(\.key))
    }
    let all = try changed("all", [])
    #expect(all.contains("image.patchEmbedding.weight") && all.contains("text.tokenEmbedding.table"))
    // Features are computed once without augmentations, and in each step with them.
    for augmentations in ["[]", "[{\"name\": \"horizontalFlip\"}]"] {
      let text = try changed(
        "locked\(augmentations.count)", ["towers.image.training=locked", "augmentations=\(augmentations)"])
      #expect(text == all.filter { !$0.hasPrefix("image.") })
    }
    let last = try changed("last", ["towers.image.training=1", "towers.text.training=locked"])
    #expect(
      last
        == all.filter {
          $0.hasPrefix("image.encoder.blocks.1.") || $0.hasPrefix("image.encoder.norm.")
            || $0.hasPrefix("image.head.") || $0.hasPrefix("logit")
        })
    #expect(throws: ConfigurationError.self) { try changed("many", ["towers.image.training=3"]) }
  }

  @Test func aProjectionBehindALockedTowerIsTrained() throws {
    _ = try run("base", ["steps=1"])
    let text = #""text": {"contextLength": 8, "width": 24, "depth": 1, "heads": 2, "pooling": "mean"}"#
    let model =
      "model={\"image\": {\"checkpoint\": \"\(folder.path("base/model"))\"}, \(text), \"embeddingWidth\": 20, "
      + "\"tokenizer\": \"\(exampleData("tokenizer.model"))\"}"
    let table = folder.path("pictures.csv")
    let settings = [
      model, "towers.image.training=locked", "augmentations=[]", "evaluation.data=\(table)",
      "data=[{\"path\": \"\(table)\", \"samples\": \"captions\"}]",
    ]
    _ = try run("batch", settings)
    #expect(try embeddings("batch").images.shape == [12, 20])
    let evaluation = try #require(
      try run("all", settings + ["loss.candidates=all", "steps=60", "optimizer.learningRate=1e-2"]))
    // The model that was written sees pictures as the features did that were computed before.
    #expect(evaluation.retrieval.textToImage.r1 > 0.2, "\(evaluation.retrieval)")
    #expect(try evaluate("all", ["de", "en"]) == evaluation)
    #expect(throws: ConfigurationError.self) {
      try run("none", [model, "towers.image.training=locked", "loss.candidates=all"])
    }
  }

  /// A new projection behind a pretrained tower that sees images begins with features of mean 0 and deviation 1.
  @Test func featuresOfAPretrainedTowerAreNormalised() throws {
    _ = try run("base", ["steps=1"])
    func model(_ image: String) -> String {
      "model={\"image\": {\"checkpoint\": \"\(folder.path("base/model"))\"\(image)}, \"embeddingWidth\": 20, "
        + #""text": {"contextLength": 8, "width": 24, "depth": 1, "heads": 2, "pooling": "mean"}, "#
        + "\"tokenizer\": \"\(exampleData("tokenizer.model"))\"}"
    }
    /// The tower of a run that does not learn, with what stands behind it.
    func tower(_ output: String, _ image: String) throws -> ProjectedTower {
      _ = try run(output, [model(image), "steps=1", "towers.image.learningRateMultiplier=0"])
      return try #require(
        SigLIPCheckpoint(path: folder.path("\(output)/model")).model.image as? ProjectedTower)
    }
    let base = try SigLIPCheckpoint(path: folder.path("base/model"))
    let weights = base.model.image.stateDictionary()
    let pretrained = try tower("pretrained", "")
    #expect(pretrained.tower.stateDictionary().allSatisfy { weights[$0.key]!.scalars == $0.value.scalars })
    let preprocessing = try base.imagePreprocessing()
    let pictures = try preprocessing.fit(files: (0..<12).map { folder.path("\($0).ppm") }).map {
      try $0.get()
    }
    guard case .pixels(let pixels) = preprocessing.batch(ofFitted: pictures) else { fatalError("no pixels") }
    pretrained.evaluate()
    let features = withoutGradients { pretrained.tower(Variable(pixels)).value }
    let normalization = try #require(pretrained.normalization)
    #expect(largestDifference(normalization.mean.value, features.mean(axes: [0])) < 1e-5)
    let deviation = (features.variance(axes: [0]) + 1e-6).sqrt()
    #expect(
      largestDifference(normalization.deviation.value, deviation.maximum(deviation.mean() * 0.1)) < 1e-5)

    let random = try tower("random", ", \"randomWeights\": true")
    let others = random.tower.stateDictionary().filter {
      $0.key.hasPrefix("encoder.blocks.0") && $0.key.hasSuffix("weight") && $0.value.rank == 2
    }
    #expect(!others.isEmpty && others.allSatisfy { weights[$0.key]!.scalars != $0.value.scalars })
    #expect(random.normalization == nil)
  }
}
