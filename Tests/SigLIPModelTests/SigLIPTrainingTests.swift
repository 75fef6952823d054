import Foundation
import NN
import Optim
import SigLIPModel
import TestSupport
import Testing
import Training

/// Trainings of small models on small pictures, from a configuration to a model that others read.
@Suite struct SigLIPTrainingTests {
  let folder = try! TemporaryFolder()

  private let names = [
    (
      "en",
      "apple dog car moon fish tree house book star rain fire egg".split(separator: " ").map(String.init)
    ),
    (
      "de",
      "Apfel Hund Auto Mond Fisch Baum Haus Buch Stern Regen Feuer Ei".split(separator: " ").map(String.init)
    ),
  ]

  /// Pictures of one colour each with a caption, as a table.
  func makeTable(_ name: String = "pictures.csv", count: Int = 12) throws -> String {
    var lines = ["image,caption,language"]
    for number in 0..<count {
      let color = [UInt8(number * 20), UInt8(255 - number * 20), UInt8(number % 3 * 100)]
      let (width, height) = (8 + number % 3, 8)
      let pixels = Array(repeating: color, count: width * height).flatMap { $0 }
      _ = try folder.write(Array("P6 \(width) \(height) 255 ".utf8) + pixels, to: "\(number).ppm")
      for (language, words) in names { lines.append("\(number).ppm,\(words[number]),\(language)") }
    }
    return try folder.write(Array(lines.joined(separator: "\n").utf8), to: name)
  }

  /// A configuration of small towers for the table.
  func configuration(_ output: String, _ settings: [String] = []) throws -> TrainingConfiguration {
    let json = """
      {"data": "\(try makeTable())", "output": "\(folder.path(output))", "steps": 6, "batchSize": 4,
       "model": {"image": {"imageSize": 16, "patchSize": 8, "width": 32, "depth": 2, "heads": 2},
                 "text": {"contextLength": 8, "width": 24, "depth": 2, "heads": 2, "pooling": "mean", "dropout": 0.1},
                 "tokenizer": "\(exampleData("tokenizer.model"))"},
       "augmentations": [{"name": "horizontalFlip"}, {"name": "randAugment"}],
       "schedule": {"kind": "constant", "warmUpSteps": 0}, "checkpoints": {"every": 2}}
      """
    return try TrainingConfiguration(Array(json.utf8), name: "test.json", settings: settings)
  }

  func run(
    _ output: String, _ settings: [String] = [], start: RunFolder.Start = .new, allowing: Set<String> = []
  ) throws -> RetrievalEvaluation? {
    let training = try SigLIPTraining(configuration(output, settings))
    return try training.run(start: start, allowing: allowing, warn: { _ in })
  }

  /// What the model that a run has written says of the pictures.
  func evaluate(_ output: String, _ languages: [String]) throws -> RetrievalEvaluation {
    let all = (0..<12).flatMap { number in
      names.filter { languages.contains($0.0) }
        .map { (caption: Caption($0.1[number], language: $0.0), image: number) }
    }
    let (images, texts) = try embeddings(output, all.map(\.caption.text))
    return try RetrievalEvaluation(images: images, texts: texts, captions: all)
  }

  func embeddings(
    _ output: String, _ captions: [String] = ["moon", "Buch"]
  ) throws -> (images: Tensor, texts: Tensor) {
    let checkpoint = try SigLIPCheckpoint(path: folder.path("\(output)/model"))
    let files = (0..<12).map { folder.path("\($0).ppm") }
    let preprocessing = try checkpoint.imagePreprocessing()
    let images = try preprocessing.fit(files: files).map { try $0.get() }
    guard case .pixels(let pixels) = preprocessing.batch(ofFitted: images) else { fatalError("no pixels") }
    checkpoint.model.evaluate()
    return try withoutGradients {
      (
        checkpoint.model.embed(images: Variable(pixels)).value,
        checkpoint.model.embed(texts: try checkpoint.textEncoder()(captions)).value
      )
    }
  }

  func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: folder.path(path))) }

  @Test func aRunLeavesAModelThatKnowsItsPictures() throws {
    let settings = [
      "steps=120", "batchSize=12", "optimizer.learningRate=3e-3", "optimizer.logitLearningRateMultiplier=10",
      "augmentations=[]", "model.text.dropout=0",
      "data={\"path\": \"\(folder.path("pictures.csv"))\", \"languages\": [\"en\"]}",
      "evaluation.data={\"path\": \"\(folder.path("pictures.csv"))\", \"languages\": [\"en\"]}",
      "evaluation.every=40", "metrics.normsEvery=20", "metrics.tensorBoard=true", "checkpoints.every=100",
    ]
    let evaluation = try #require(try run("run", settings))
    #expect(evaluation.retrieval.imageToText.r1 > 0.5, "\(evaluation.retrieval)")
    #expect(evaluation.languages.keys.sorted() == ["en"])
    for name in ["evaluation.json", "report.html", "metrics.jsonl", "config.json", "model/model.safetensors"]
    {
      #expect(!(try bytes("run/\(name)").isEmpty), "\(name)")
    }
    let metrics = try JSONLinesWriter.read(path: folder.path("run/metrics.jsonl"))
    #expect(metrics.count == 120)
    #expect(metrics[39].numbers["validation/image to text R@1"] != nil)
    #expect(metrics[119].numbers["damaged samples"] == 0)
    #expect(metrics[119].numbers["loss"]! < metrics[0].numbers["loss"]! / 2)
    // What was written is what was evaluated.
    #expect(try evaluate("run", ["en"]) == evaluation)
  }

  /// A class token, texts that are read in one direction and pooled where they end, the softmax loss; then the model goes on
  /// by what it was trained by, and by the other loss where that is asked for.
  @Test func clipIsTrainedFromScratch() throws {
    let settings = [
      "steps=40", "batchSize=12", "optimizer.learningRate=3e-3", "augmentations=[]", "loss.kind=softmax",
      "model.image.pooling=classToken", "model.text.pooling=endToken", "model.text.isCausal=true",
      "model.text.dropout=0", "data={\"path\": \"\(folder.path("pictures.csv"))\", \"languages\": [\"en\"]}",
    ]
    let tokenizer = "model.tokenizer=\(fixture("tokenizers/clip.txt.gz"))"
    _ = try run("clip", settings + [tokenizer])
    let checkpoint = try SigLIPCheckpoint(path: folder.path("clip/model"))
    #expect(
      checkpoint.configuration.family == .clip && checkpoint.configuration.vision.pooling == .classToken)
    #expect(checkpoint.model.objective == .softmax && checkpoint.model.logitBias == nil)
    let metrics = try JSONLinesWriter.read(path: folder.path("clip/metrics.jsonl"))
    #expect(metrics[39].numbers["loss"]! < 0.6 * metrics[0].numbers["loss"]!)
    #expect(metrics[39].numbers["bias"] == nil && metrics[39].numbers["temperature"]! > 10)
    #expect(try evaluate("clip", ["en"]).retrieval.textToImage.r1 > 0.3)

    let onward = [
      "steps=2", "augmentations=[]", "model={\"checkpoint\": \"\(folder.path("clip/model"))\"}",
    ]
    let training = try SigLIPTraining(configuration("onward", onward))
    #expect(training.configuration.loss.kind == .softmax)
    _ = try training.run(warn: { _ in })
    let sigmoid = try SigLIPTraining(configuration("sigmoid", onward + ["loss.kind=sigmoid"]))
    _ = try sigmoid.run(warn: { _ in })
    let other = try SigLIPCheckpoint(path: folder.path("sigmoid/model"))
    #expect(other.model.objective == .sigmoid && other.model.logitBias != nil)
    #expect(other.configuration.family == .clip)

    // Its end of a text is not the largest id.
    let error = #expect(throws: ConfigurationError.self) { try run("other", settings) }
    #expect(error?.description.contains("the text tower pools the largest there is") ?? false, "\(error!)")
    let bias = #expect(throws: ConfigurationError.self) {
      try run("bias", settings + [tokenizer, "loss.bias=-3"])
    }
    #expect(bias?.description.contains("loss.bias: the softmax loss has none") ?? false, "\(bias!)")
  }

  /// Batch statistics are those of whole batches, and a locked network collects none.
  @Test func residualNetworksAreTrainedWhole() throws {
    let network = [
      "model={\"preset\": \"RN50\", \"tokenizer\": \"\(fixture("tokenizers/clip.txt.gz"))\"}",
      "model.imageSize=32",
    ]
    for (settings, problem) in [
      (["microbatchSize=2"], "microbatchSize"), (["towers.image.training=locked"], "augmentations"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try SigLIPTraining(configuration("network", network + settings))
      }
      #expect(error?.description.contains(problem) ?? false, "\(error!)")
    }
  }

  /// Also beside the features of a locked tower, which has to have seen their images.
  @Test(arguments: ["all", "locked"])
  func heldOutDataAreMeasuredInTheEnd(training: String) throws {
    let some = try makeTable("some.csv", count: 6)
    let settings = [
      "augmentations=[]", "towers.image.training=\(training)", "data=\(some)",
      "evaluation.data={\"path\": \"\(some)\", \"languages\": [\"en\"]}",
      "evaluation.heldOut={\"path\": \"\(try makeTable())\", \"languages\": [\"de\"]}", "evaluation.every=2",
    ]
    let evaluation = try #require(try run("run", settings))
    let heldOut = try JSONDecoder().decode(RetrievalEvaluation.self, from: bytes("run/held-out.json"))
    #expect(evaluation.languages.keys.sorted() == ["en"] && evaluation.retrieval.candidates == 6)
    #expect(try heldOut == evaluate("run", ["de"]) && heldOut.retrieval.candidates == 12)
    let report = String(decoding: try bytes("run/report.html"), as: UTF8.self)
    #expect(report.contains("Retrieval of the held-out data"))
    // A run without them leaves none of an earlier one's.
    _ = try run("run", settings.filter { !$0.contains("heldOut") }, start: .replacing)
    #expect(!FileManager.default.fileExists(atPath: folder.path("run/held-out.json")))
  }

  @Test func negativesAreLeftOutAlikeForAnyNumberOfWorkers() throws {
    let settings = ["batchSize=12", "augmentations=[]", "model.text.dropout=0", "loss.bias=0"]
    func losses(_ output: String, _ more: String...) throws -> [Double] {
      _ = try run(output, settings + more)
      return try JSONLinesWriter.read(path: folder.path("\(output)/metrics.jsonl")).map {
        $0.numbers["loss"]!
      }
    }
    func negatives(_ kind: String, _ share: Double) -> String {
      "loss.negatives={\"kind\": \"\(kind)\", \"share\": \(share)}"
    }
    let all = try losses("all")
    for kind in ["random", "hardest", "easiest"] {
      // To the rounding of sums in another order.
      let some = try losses("\(kind)-all", negatives(kind, 1))
      #expect(zip(some, all).allSatisfy { abs($0 - $1) < 1e-4 * $1 }, "\(kind): \(some), \(all)")
    }
    let few = try losses("random", negatives("random", 0.2), "loader.workers=0")
    #expect(try losses("workers", negatives("random", 0.2), "loader.workers=3") == few)
    let hardest = try losses("hardest", negatives("hardest", 0.2))
    let easiest = try losses("easiest", negatives("easiest", 0.2))
    // At first the models are one, and 2 of each image's 11 negatives count.
    #expect(easiest[0] < few[0] && few[0] < hardest[0] && hardest[0] < all[0] / 2)
    // Each step draws others: a share that stays would be another loss, but not another seed's.
    #expect(try losses("seed", negatives("random", 0.2), "seed=2")[0] != few[0])
  }

  /// With a sample that cannot be read, too.
  @Test(arguments: [0, 1, 3])
  func aRunThatStopsGoesOnToTheSameBytes(workers: Int) throws {
    _ = try makeTable()
    let table =
      try String(contentsOfFile: folder.path("pictures.csv"), encoding: .utf8) + "\nnone.ppm,none,en"
    let data = try folder.write(Array(table.utf8), to: "damaged.csv")
    let settings = ["average.decay=0.5", "data=\(data)", "loader.maximumDamagedShare=0.1"]
    _ = try run("whole", settings + ["loader.workers=2"])
    _ = try run("parts", settings + ["steps=3", "loader.workers=\(workers)"])
    _ = try run("parts", settings, start: .resuming)
    let metrics = try JSONLinesWriter.read(path: folder.path("whole/metrics.jsonl"))
    #expect(metrics.map { $0.numbers["damaged samples"]! }.reduce(0, +) > 0)
    for name in ["metrics.jsonl", "checkpoints/step-00000006/state.safetensors", "model/model.safetensors"] {
      #expect(try bytes("whole/\(name)") == bytes("parts/\(name)"), "\(name)")
    }
  }

  @Test func whatChangesTheCourseIsRefused() throws {
    _ = try run("run")
    for setting in [
      "seed=2", "batchSize=5", "optimizer.learningRate=1", "loss.kind=softmax", "augmentations=[]",
    ] {
      let message = #expect(throws: (any Error).self) { try run("run", [setting], start: .resuming) }
      #expect("\(message!)".contains(setting.prefix { $0 != "=" }), "\(message!)")
    }
    _ = try run("run", ["seed=2", "steps=7"], start: .resuming, allowing: ["seed"])
    // Other data under the same name.
    _ = try makeTable(count: 11)
    #expect(throws: (any Error).self) { try run("run", ["data=[\"other.csv\"]"], start: .resuming) }
    #expect(throws: FileError.self) { try run("run") }
  }

  @Test func partsOfABatchMakeTheSameStep() throws {
    _ = try run("plain", ["steps=3"])
    _ = try run("parts", ["steps=3", "microbatchSize=3"])
    let (a, b) = (try embeddings("plain"), try embeddings("parts"))
    #expect(largestDifference(a.images, b.images) < 1e-4)
    #expect(largestDifference(a.texts, b.texts) < 1e-4)
  }

  /// Noise beside towers that see images, and beside features that a locked one has seen before.
  @Test(arguments: [false, true])
  func noiseIsTheSameForAnyNumberOfWorkers(isLocked: Bool) throws {
    let towers = isLocked ? ["towers.image.training=locked", "augmentations=[]"] : []
    func metrics(_ output: String, _ settings: [String]) throws -> Data {
      _ = try run(output, towers + settings)
      return try bytes("\(output)/metrics.jsonl")
    }
    let noise = ["noise={\"images\": 0.5, \"texts\": 0.3, \"alignments\": 0.5}"]
    let noisy = try metrics("noisy", noise + ["loader.workers=0"])
    #expect(try metrics("workers", noise + ["loader.workers=3"]) == noisy)
    #expect(try metrics("clean", []) == metrics("none", ["noise={}"]))
    for kind in ["images", "texts", "alignments"] {
      #expect(try metrics(kind, ["noise.\(kind)=1"]) != metrics("clean-\(kind)", []), "\(kind)")
    }
    if isLocked {
      let error = #expect(throws: ConfigurationError.self) {
        try run("all", towers + ["loss.candidates=all", "noise.images=0.1"])
      }
      #expect(error?.sentence.contains("noise.images: all images are candidates") ?? false)
    }
  }

  @Test func damagedSamplesAreListed() throws {
    let table = try makeTable()
    try FileManager.default.removeItem(atPath: folder.path("5.ppm"))
    let configuration = try configuration("run", ["loader.maximumDamagedShare=0.1", "steps=9"])
    try FileManager.default.removeItem(atPath: folder.path("5.ppm"))
    try SigLIPTraining(configuration).run(warn: { _ in })
    let damaged = String(decoding: try bytes("run/damaged.tsv"), as: UTF8.self)
    #expect(damaged.split(separator: "\n").count == 2 && damaged.contains("5.ppm"), "\(damaged)")
    var strict = configuration
    strict.loader.maximumDamagedShare = 0.05
    strict.output = folder.path("strict")
    #expect(throws: TooManyDamagedSamples.self) { try SigLIPTraining(strict).run(warn: { _ in }) }
    #expect(!FileManager.default.fileExists(atPath: folder.path("strict/model")))
    _ = table
  }

  @Test func aDryRunWritesNothing() throws {
    let configuration = try configuration("run", ["batchSize=6"])
    let result = try SigLIPTraining(configuration).dryRun()
    #expect(
      result.lines.contains("6 steps") || result.lines.contains("steps: 6 of 6 pairs, 2 a pass, 3.00 passes"))
    #expect(result.page.components(separatedBy: "<figure>").count == 7)
    #expect(result.memoryBytes > 1 << 20 && result.memoryBytes < 1 << 31)
    #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
  }

  @Test func equalCaptionsBelongToAllTheirImages() throws {
    var lines = ["image,caption"]
    _ = try makeTable()
    for number in 0..<8 { lines.append("\(number).ppm,\(names[0].1[number / 2])") }
    let table = try folder.write(Array(lines.joined(separator: "\n").utf8), to: "same.csv")
    // Pairs of equal captions can be learned only where both images may have them.
    var losses: [Double] = []
    for positives in ["same", "own"] {
      _ = try run(
        positives,
        [
          "data=\(table)", "loss.positives=\(positives)", "steps=80", "batchSize=8", "augmentations=[]",
          "optimizer.learningRate=3e-3", "loss.temperature=30", "loss.bias=-10",
        ])
      losses.append(
        try JSONLinesWriter.read(path: folder.path("\(positives)/metrics.jsonl")).last!.numbers["loss"]!)
    }
    #expect(losses[0] < losses[1] / 2, "\(losses)")
  }
}

func largestDifference(_ a: Tensor, _ b: Tensor) -> Float { (a - b).abs().max().item() }
