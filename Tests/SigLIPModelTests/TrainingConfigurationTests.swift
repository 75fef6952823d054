import Foundation
import SigLIPModel
import TestSupport
import Testing

/// What a file of a training says, and what it may not say.
@Suite struct TrainingConfigurationTests {
  private func read(_ json: String, _ settings: [String] = []) throws -> TrainingConfiguration {
    try TrainingConfiguration(Array(json.utf8), name: "run.json", settings: settings)
  }

  fileprivate func refusal(_ json: String, _ settings: [String] = []) -> String {
    do {
      _ = try read(json, settings)
      return "read"
    } catch { return "\(error)" }
  }

  fileprivate let minimal = #"{"data": "photos.csv", "model": {"checkpoint": "base"}}"#

  @Test func whatIsNotGivenHasItsValue() throws {
    let configuration = try read(minimal)
    #expect(configuration.steps == 1000 && configuration.batchSize == 64 && configuration.seed == 1)
    #expect(configuration.data.sources == [SourceConfiguration(path: "photos.csv")])
    #expect(configuration.optimizer.gradientNorm == 1)
    #expect(configuration.towers == TowersConfiguration() && configuration.average == nil)
  }

  @Test func everythingIsReadAndWrittenAlike() throws {
    let json = """
      {"version": 1, "output": "o", "seed": 7, "steps": 30, "batchSize": 8, "microbatchSize": 4,
       "data": [{"path": "a.csv", "weight": 2, "imageColumn": "i", "captionColumns": ["c"], "languages": ["de"]},
                {"path": "idx", "kind": "idx", "labels": "l", "classes": ["x"], "templates": ["a {}"]}],
       "loader": {"workers": 3, "ahead": 5, "maximumDamagedShare": 0.5},
       "augmentations": [{"name": "horizontalFlip"}], "noise": {"images": 0.1, "texts": 0.2, "alignments": 1},
       "model": {"image": {"imageSize": 16, "patchSize": 8, "width": 32, "depth": 1, "heads": 2,
                           "randomWeights": true},
                 "text": {"preset": "B/16-224", "dropout": 0.1}, "tokenizer": "t.model", "embeddingWidth": 24},
       "towers": {"image": {"training": 1, "learningRateMultiplier": 0.1, "decays": false, "patchDropout": 0.5},
                  "text": {"training": "locked", "layerwiseDecay": 0.75, "rematerializes": true}},
       "loss": {"positives": "own", "negatives": {"kind": "hardest", "share": 0.25}, "temperature": 5, "bias": -3},
       "optimizer": {"kind": "lion", "learningRate": 1e-4, "gradientNorm": 0,
                     "groups": [{"pattern": "text.*", "learningRateMultiplier": 2}]},
       "schedule": {"kind": "linear", "warmUpSteps": 3, "coolDownSteps": 4, "end": 0.1},
       "average": {"decay": 0.9}, "evaluation": {"data": "v.csv", "every": 5}, "checkpoints": {"every": 10},
       "metrics": {"normsEvery": 10, "tensorBoard": true}}
      """
    let configuration = try read(json)
    #expect(configuration.optimizer.gradientNorm == 0 && configuration.optimizer.kind == .lion)
    #expect(configuration.towers.image.training == .lastBlocks(1))
    #expect(configuration.towers.text.training == .locked)
    #expect(configuration.model.image?.heads == 2 && configuration.data.sources[1].kind == .idx)
    #expect(try read(configuration.json) == configuration)
    #expect(try configuration.checked() == configuration)
  }

  @Test(arguments: [
    (#"{"stepps": 3}"#, "stepps: there is no such key; the nearest is steps, of version, output"),
    (
      #"{"optimizer": {"learning_rate": 1}}"#,
      "optimizer.learning_rate: there is no such key; the nearest is learningRate"
    ),
    (#"{"optimizer": {"learningRate": "1e-3"}}"#, "optimizer.learningRate: expected a number"),
    (#"{"optimizer": {"learningRate": -1}}"#, "learningRate: is -1.0, expected a finite number above 0"),
    (#"{"precision": "half"}"#, "precision: expected one of float32, bfloat16, bfloat16x3"),
    (#"{"optimizer": {"kind": "adam"}}"#, "optimizer.kind: expected one of adamw, adafactor, lion"),
    (#"{"optimizer": 3}"#, "optimizer: expected an object"),
    (
      #"{"optimizer": {"groups": [{"pattern": "x", "learningRateMultipler": 2}]}}"#,
      "optimizer.groups[0].learningRateMultipler: there is no such key; the nearest is learningRateMultiplier"
    ),
    (
      #"{"loss": {"kind": "softmax", "negatives": {"kind": "random", "share": 1}}}"#,
      "loss.negatives: only the sigmoid"
    ),
    (
      #"{"loss": {"negatives": {"kind": "random", "share": 0}}}"#,
      "loss.negatives.share: is 0.0, expected above 0"
    ),
    (#"{"loss": {"negatives": {"kind": "random"}}}"#, "loss.negatives.share: is missing"),
    (
      #"{"loss": {"negatives": {"kind": "hard", "share": 1}}}"#,
      "loss.negatives.kind: expected one of random, hardest"
    ),
    (#"{"steps": 1.5}"#, "steps: expected a whole number"),
    (#"{"steps": 0}"#, "steps: is 0, expected 1 to 1000000000"),
    (#"{"steps": 1e99}"#, "steps: expected a whole number"),
    (#"{"seed": -1}"#, "seed: expected a whole number from 0 on"),
    (#"{"batchSize": 1}"#, "batchSize: is 1, expected 2 to 16777216"),
    (#"{"noise": {"texts": 1.5}}"#, "noise.texts: is 1.5, expected 0.0 to 1.0"),
    (#"{"version": 2}"#, "version: is 2, expected 1"),
    (#"{"output": ""}"#, "output: expected a folder, found nothing"),
    (#"{"data": []}"#, "data: there are no sources"),
    (
      #"{"data": [{"path": "a.csv", "weigth": 1}]}"#,
      "data[0].weigth: there is no such key; the nearest is weight"
    ),
    (#"{"data": {"path": "a.csv", "weight": 0}}"#, "data.weight: is 0.0, expected a finite number above 0"),
    (#"{"data": 3}"#, "data: expected an object"),
    (#"{"model": {}}"#, "model.image: is missing: expected a checkpoint, a preset, or both towers"),
    (#"{"model": {"checkpoint": "a", "preset": "B/16-224"}}"#, "model.preset: there is a checkpoint too"),
    (#"{"model": {"preset": "B/16-224"}}"#, "model.tokenizer: is missing"),
    (#"{"model": {"checkpoint": "a", "image": {"width": 3}}}"#, "model.image.imageSize: is missing"),
    (
      #"{"model": {"checkpoint": "a", "image": {"checkpoint": "b", "depth": 3}}}"#,
      "model.image.depth: is that of checkpoint"
    ),
    (
      #"{"model": {"checkpoint": "a", "image": {"imageSize": 8, "patchSize": 9, "width": 64, "depth": 1}}}"#,
      "model.image.width: there is no tower with a patch size of 9, expected 1 to 8"
    ),
    (#"{"towers": {"image": {"training": "half"}}}"#, #"training: expected "all", "locked" or a number"#),
    (
      #"{"towers": {"image": {"training": "locked"}, "text": {"training": "locked"}}}"#,
      "towers.text: both towers are locked"
    ),
    (#"{"augmentations": [{"name": "blur"}]}"#, #"augmentation "blur" is none of"#),
    (#"{"augmentations": {"name": "blur"}}"#, "augmentations: "),
    (
      #"{"schedule": {"warmUpSteps": 999, "coolDownSteps": 2}}"#,
      "999 steps of warm-up and 2 of cool-down in 1000"
    ),
    (#"{"loader": {"workers": 1000}}"#, "loader.workers: is 1000, expected 0 to 256"),
    (#"[1]"#, "run.json is damaged: it is a list, expected a JSON object."),
    (#"{"steps": 3"#, "run.json is damaged: it is not valid JSON"),
  ])
  func whatThereIsNotIsNamed(json: String, message: String) throws {
    // What is missing beside what is wrong is there, unless that is it.
    var text = json
    for (key, value) in [("data", #""photos.csv""#), ("model", #"{"checkpoint": "base"}"#)]
    where text.hasPrefix("{") && text.hasSuffix("}") && !text.contains("\"\(key)\":") {
      text = "{\"\(key)\": \(value), \(text.dropFirst())"
    }
    let refusal = refusal(text)
    #expect(refusal.contains(message), "\(refusal)")
    #expect(!refusal.contains("\n"))
  }

  @Test func dataHaveToBeThere() {
    #expect(refusal(#"{"model": {"checkpoint": "base"}}"#) == "data: is missing")
  }

  @Test func settingsChangeValues() throws {
    let configuration = try read(
      minimal,
      [
        "steps=5", "optimizer.learningRate=0.5", "data=other.tsv", "model.checkpoint=x=y", "seed=9",
        "average.decay=0.5", #"data=[{"path": "a.csv"}, {"path": "b.csv"}]"#, "data[1].weight=3",
        "data.0.languages=[\"de\"]",
      ])
    #expect(configuration.steps == 5 && configuration.optimizer.learningRate == 0.5)
    #expect(configuration.model.checkpoint == "x=y" && configuration.average?.decay == 0.5)
    #expect(configuration.data.sources.map(\.weight) == [nil, 3])
    #expect(configuration.data.sources[0].languages == ["de"])
  }

  @Test(arguments: [
    ("steps", "steps: expected path.to.key=value"), ("=3", "=3: expected path.to.key=value"),
    ("step=3", "step: there is no such key; the nearest is steps"),
    ("data[3].weight=2", "data[3].weight=2: there is no list with an element 3"),
    ("steps.x=2", "steps: expected a whole number"),
    ("data.path=x", "data.path=x: there is no object with a path"),
    ("data[-1]=2", "data[-1]=2: there is no list"),
  ])
  func settingsThatCannotBeAreNamed(setting: String, message: String) {
    let refusal = refusal(minimal, [setting])
    #expect(refusal.contains(message), "\(refusal)")
  }
}

extension TrainingConfigurationTests {
  /// Every key of the file, which a key that there is not brings to light, stands in its documentation.
  @Test(arguments: [
    "", "data", "loader", "noise", "model", "model.image", "model.text", "towers", "towers.image", "loss",
    "loss.negatives", "optimizer", "optimizer.groups", "schedule", "average", "evaluation", "checkpoints",
    "metrics", "distributed",
  ])
  func everyKeyIsDocumented(object: String) throws {
    let document = URL(filePath: exampleData("")).appending(path: "../../Documentation/siglip-train.md")
    let text = try String(contentsOf: document.standardizedFileURL, encoding: .utf8)
    let settings =
      object == "optimizer.groups"
      ? #"optimizer.groups=[{"none": 1}]"# : object.isEmpty ? "none=1" : "\(object)={\"none\": 1}"
    let refusal = refusal(minimal, [settings])
    let keys = try #require(refusal.split(separator: ", of ").last).split(separator: ", ")
    #expect(refusal.contains("none: there is no such key") && keys.count > 1, "\(refusal)")
    for key in keys {
      #expect(text.contains("`\(key)`") || text.contains(".\(key)`"), Comment(rawValue: String(key)))
    }
  }
}
