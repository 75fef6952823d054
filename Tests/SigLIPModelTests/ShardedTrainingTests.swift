import Autograd
import Distributed
import Foundation
import SigLIPModel
import TestSupport
import Testing
import Training

/// Trainings that several ranks share, as threads of one process.
@Suite struct ShardedTrainingTests {
  private let trainings = SigLIPTrainingTests()
  private static let settings = [
    "batchSize=8", "steps=6", "average.decay=0.9", "checkpoints.every=2", "distributed.shards=8",
    "optimizer.gradientNorm=1",
  ]

  /// Trains and gives what a run leaves behind.
  private func train(
    _ output: String, ranks: Int, _ settings: [String] = [], start: RunFolder.Start = .new
  ) throws -> [String: Data] {
    let configuration = try trainings.configuration(output, Self.settings + settings)
    try ThreadCommunicator.run(ranks: ranks) { communicator in
      try SigLIPTraining(configuration, communicator: communicator).run(start: start, warn: { _ in })
    }
    return try results(output)
  }

  private func results(_ output: String) throws -> [String: Data] {
    let names = [
      "model/model.safetensors", "metrics.jsonl", "checkpoints/step-00000006/state.safetensors",
    ]
    return Dictionary(
      uniqueKeysWithValues: try names.map { name in
        (name, try Data(contentsOf: URL(filePath: trainings.folder.path("\(output)/\(name)"))))
      })
  }

  @Test(
    arguments: [
      [], ["distributed.texts=shift", "loss.kind=softmax"],
      ["microbatchSize=1", "distributed.texts=bidirectional"],
      ["optimizer.kind=adafactor", "distributed.shards=4", "distributed.texts=reduce", "batchSize=6"],
      ["towers.image.training=locked", "augmentations=[]", "loss.candidates=all"],
      ["distributed.shardsOptimizerState=true", "metrics.normsEvery=2", "precision=bfloat16"],
      ["distributed.shardsOptimizerState=true", "optimizer.kind=adafactor", "towers.image.training=locked"],
    ])
  func bytesDoNotDependOnRanks(_ settings: [String]) throws {
    let expected = try train("one", ranks: 1, settings)
    for ranks in settings.isEmpty ? [2, 4, 8] : [4] {
      let found = try train("ranks\(ranks)", ranks: ranks, settings)
      for (name, bytes) in expected { #expect(found[name] == bytes, "\(name) of \(ranks) ranks") }
    }
    // And nothing was equal because nothing was learned.
    let metrics = try JSONLinesWriter.read(path: trainings.folder.path("one/metrics.jsonl"))
    #expect(metrics.count == 6 && metrics[5].numbers["loss"] != metrics[0].numbers["loss"])
  }

  /// The step in shards is the step of the whole batch, dropout included.
  @Test(arguments: [1, 3], ["sigmoid", "softmax"]) func aStepIsThatOfTheWhole(ranks: Int, loss: String) throws
  {
    // Pictures of one caption belong together wherever they are.
    let rows = (0..<12).map { "\($0).ppm,\(["moon", "fish", "tree"][$0 % 3])" }
    let table = try trainings.folder.write(
      Array((["image,caption"] + rows).joined(separator: "\n").utf8), to: "same.csv")
    // AdamW's moments are the first gradients.
    let once = ["steps=1", "checkpoints.every=1", "loss.kind=\(loss)", "data=\"\(table)\""]
    func weights(_ output: String, _ settings: [String], ranks: Int) throws -> [String: Tensor] {
      let configuration = try trainings.configuration(output, Self.settings + once + settings)
      try ThreadCommunicator.run(ranks: ranks) { communicator in
        try SigLIPTraining(configuration, communicator: communicator).run(warn: { _ in })
      }
      let path = trainings.folder.path("\(output)/checkpoints/step-00000001/state.safetensors")
      return try SafetensorsFile(path).tensors()
    }
    let whole = try weights("whole", ["distributed.shards=1"], ranks: 1)
    let cut = try weights("cut", [], ranks: ranks)
    #expect(whole.keys.sorted() == cut.keys.sorted())
    // A key's bias moves all scores of a query alike, and has no gradient but what rounding leaves.
    let moments = whole.filter {
      $0.key.hasPrefix("optimizer.") && $0.value.count > 1 && !$0.key.contains("key.bias")
    }
    #expect(moments.count > 50)
    for (name, expected) in moments {
      let scale = expected.abs().max().item()
      #expect(cut[name]!.isApproximatelyEqual(to: expected, absolute: 2e-5 * scale), "\(name)")
    }
  }

  /// A run of four ranks goes on with two, and with one.
  @Test(arguments: [[], [false, true, true], [true, true, false]])
  func aRunGoesOnWithOtherRanks(shardsOptimizerState: [Bool]) throws {
    let expected = try train("whole", ranks: 1)
    _ = try trainings.configuration("cut")
    for (piece, (ranks, steps)) in [(4, 2), (2, 4), (4, 6)].enumerated() {
      let shards = shardsOptimizerState.isEmpty ? false : shardsOptimizerState[piece]
      let configuration = try trainings.configuration(
        "cut", Self.settings + ["steps=\(steps)", "distributed.shardsOptimizerState=\(shards)"])
      try ThreadCommunicator.run(ranks: ranks) { communicator in
        try SigLIPTraining(configuration, communicator: communicator).run(
          start: .resumingIfAny, warn: { _ in })
      }
    }
    let found = try results("cut")
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }
  }

  /// Pictures that cannot be read leave shards of other sizes, and ranks without any; the list names them all.
  @Test func damagedPicturesAreLeftOut() throws {
    let settings = ["loader.maximumDamagedShare=0.5", "steps=4"]
    func damaged(_ output: String, ranks: Int) throws -> ([String: Data], String) {
      let configuration = try trainings.configuration(output, Self.settings + settings)
      for number in [1, 5, 6] { _ = try trainings.folder.write(Array("P6 8".utf8), to: "\(number).ppm") }
      try ThreadCommunicator.run(ranks: ranks) { communicator in
        try SigLIPTraining(configuration, communicator: communicator).run(warn: { _ in })
      }
      func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: trainings.folder.path("\(output)/\(name)")))
      }
      let names = ["model/model.safetensors", "metrics.jsonl"]
      return (
        Dictionary(uniqueKeysWithValues: try names.map { ($0, try bytes($0)) }),
        String(decoding: try bytes("damaged.tsv"), as: UTF8.self)
      )
    }
    let (expected, list) = try damaged("one", ranks: 1)
    let (found, otherList) = try damaged("eight", ranks: 8)
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }
    #expect(list == otherList && list.split(separator: "\n").count > 3)
  }

  /// Settings for a residual network, which normalises by the batch.
  private func residualNetwork() throws -> [String] {
    var sizes = TowerTests.configuration()
    sizes.vision = .resNet(imageSize: 32, stages: [1, 2, 1, 1], channels: 4, width: 24)
    sizes.imageProjection = nil
    sizes.text.outputWidth = 24
    let path = trainings.folder.path("network")
    try SigLIPCheckpoint(model: TowerTests.model(sizes), configuration: sizes).write(
      to: path, format: .pairwise)
    return ["model.image={\"checkpoint\": \"\(path)\"}"]
  }

  /// Batch normalisation sees the whole batch, whoever has it.
  @Test func networksThatNormaliseByTheBatchSeeAllOfIt() throws {
    let settings = try residualNetwork() + ["loader.maximumDamagedShare=0.5", "checkpoints.every=1"]
    func state(_ output: String, ranks: Int, steps: Int, _ more: [String] = []) throws -> (
      bytes: Data, tensors: [String: Tensor]
    ) {
      let configuration = try trainings.configuration(
        output, Self.settings + settings + more + ["steps=\(steps)"])
      // One of the ranks has nothing to see in some batch.
      for number in [1, 5, 6, 9] { _ = try trainings.folder.write(Array("P6 8".utf8), to: "\(number).ppm") }
      try ThreadCommunicator.run(ranks: ranks) { communicator in
        try SigLIPTraining(configuration, communicator: communicator).run(warn: { _ in })
      }
      let path = trainings.folder.path("\(output)/checkpoints/step-0000000\(steps)/state.safetensors")
      return (try Data(contentsOf: URL(filePath: path)), try SafetensorsFile(path).tensors())
    }
    let expected = try state("three", ranks: 1, steps: 3).bytes
    for ranks in [2, 8] {
      #expect(try state("three\(ranks)", ranks: ranks, steps: 3).bytes == expected, "\(ranks) ranks")
    }
    // AdamW's moments are the first gradients.
    let whole = try state("whole", ranks: 1, steps: 1, ["distributed.shards=1"]).tensors
    let cut = try state("cut", ranks: 2, steps: 1).tensors
    let statistics = whole.keys.filter { $0.hasPrefix("model.image.") && $0.contains("running") }
    let moments = whole.keys.filter {
      $0.hasPrefix("optimizer.0.image.") && $0.hasSuffix(".first") && !$0.contains("key.bias")
    }
    #expect(statistics.count >= 20 && moments.count >= 40)
    for name in statistics + moments {
      let (found, expected) = (cut[name]!, whole[name]!)
      let largest = expected.abs().max().item()
      #expect(largest > 0 && found.isApproximatelyEqual(to: expected, absolute: 1e-4 * largest), "\(name)")
    }
  }

  @Test func whatCannotBeCutIsRefused() throws {
    for (settings, key) in [
      (["distributed.shards=3"], "distributed.shards"), (["distributed.shards=16"], "distributed.shards"),
      (["loss.negatives={\"kind\": \"hardest\", \"share\": 0.5}"], "loss.negatives"),
      (["noise={\"texts\": 0.5}"], "noise"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        let configuration = try trainings.configuration("no", Self.settings + settings)
        try ThreadCommunicator.run(ranks: 2) { _ = try SigLIPTraining(configuration, communicator: $0) }
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(key), "\(settings)")
    }
    let configuration = try trainings.configuration("no", Self.settings + ["distributed.shards=2"])
    #expect(throws: ConfigurationError.self) {
      try ThreadCommunicator.run(ranks: 4) { _ = try SigLIPTraining(configuration, communicator: $0) }
    }
  }

  @Test func aRankOfAnotherConfigurationIsNamed() throws {
    let configurations = [
      try trainings.configuration("run", Self.settings),
      try trainings.configuration("run", Self.settings + ["optimizer.learningRate=0.5"]),
    ]
    let error = #expect(throws: CommunicationError.self) {
      try ThreadCommunicator.run(ranks: 2) { communicator in
        try SigLIPTraining(configurations[communicator.rank], communicator: communicator).run(warn: { _ in })
      }
    }
    #expect(error?.sentence.contains("rank 1 has another configuration than rank 0") == true)
    #expect(error?.sentence.contains("optimizer.learningRate") == true)
  }
}
