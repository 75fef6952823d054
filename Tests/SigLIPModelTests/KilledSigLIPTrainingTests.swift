import Foundation
import SigLIPModel
import TestSupport
import Testing
import Training

/// Trainings that are killed in the middle of a pass.
@Suite struct KilledSigLIPTrainingTests {
  private let folder = try! TemporaryFolder()
  private static let steps = 40

  /// Pictures with captions as a table, or in two shards.
  private func makeData(_ kind: String) throws -> String {
    let words = "apple dog car moon fish tree house book star rain fire egg".split(separator: " ")
    var table = "image,caption\n"
    var shards: [[TarMember]] = [[], []]
    for (number, word) in words.enumerated() {
      let color: [UInt8] = [UInt8(number * 20), UInt8(255 - number * 20), 90]
      let pixels: [UInt8] = Array(repeating: color, count: 64).flatMap { $0 }
      let picture = Array("P6 8 8 255 ".utf8) + pixels
      _ = try folder.write(picture, to: "\(number).ppm")
      table += "\(number).ppm,\(word)\n"
      shards[number % 2] += [
        TarMember("\(number).ppm", picture), TarMember("\(number).txt", Array(word.utf8)),
      ]
    }
    if kind == "table" { return try folder.write(Array(table.utf8), to: "data.csv") }
    for (number, members) in shards.enumerated() {
      _ = try folder.write(TarMember.archive(members), to: "\(number).tar")
    }
    return folder.path("{0..1}.tar")
  }

  private func configuration(_ data: String, _ output: String) throws -> String {
    let json = """
      {"data": {"path": "\(data)"\(data.hasSuffix("tar") ? ", \"shuffleBuffer\": 4" : "")},
       "output": "\(folder.path(output))", "steps": \(Self.steps), "batchSize": 5,
       "model": {"image": {"imageSize": 16, "patchSize": 8, "width": 16, "depth": 1, "heads": 2},
                 "text": {"contextLength": 4, "width": 16, "depth": 1, "heads": 2, "dropout": 0.1},
                 "tokenizer": "\(exampleData("tokenizer.model"))"},
       "augmentations": [{"name": "randAugment"}], "average": {"decay": 0.9}, "checkpoints": {"every": 3}}
      """
    return try folder.write(Array(json.utf8), to: "\(output).json")
  }

  private static func train(_ path: String, workers: Int) throws {
    let configuration = try TrainingConfiguration(path: path, settings: ["loader.workers=\(workers)"])
    try SigLIPTraining(configuration).run(start: .resumingIfAny, warn: { _ in })
  }

  /// A run that is killed six times, with 0, 1 and 3 workers, ends with the bytes of one that never was.
  @Test(arguments: ["table", "shards"])
  func aKilledRunIsTheSameRun(kind: String) async throws {
    let data = try makeData(kind)
    let (killed, whole) = (try configuration(data, "killed"), try configuration(data, "whole"))
    let metrics = folder.path("killed/metrics.jsonl")
    for round in 0..<6 {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [killed = killed as String, metrics = metrics as String, round = round as Int] in
        Thread {
          func lines() -> Int { (try? JSONLinesWriter.read(path: metrics).count) ?? 0 }
          // After some steps, and then at any moment of one.
          var random = Random(seed: UInt64(round))
          let before = lines()
          while lines() <= before + round % 3 { usleep(500) }
          usleep(UInt32(random.nextInt(below: 20_000)))
          kill(getpid(), SIGKILL)
        }.start()
        try KilledSigLIPTrainingTests.train(killed, workers: [0, 1, 3][round % 3])
        pause()
      }
    }
    #expect(try JSONLinesWriter.read(path: metrics).count < Self.steps)
    try Self.train(killed, workers: 2)
    try Self.train(whole, workers: 0)
    let names = ["metrics.jsonl", "checkpoints/step-00000040/state.safetensors", "model/model.safetensors"]
    for name in names {
      let bytes = try ["killed", "whole"].map {
        try Data(contentsOf: URL(filePath: folder.path("\($0)/\(name)")))
      }
      #expect(bytes[0] == bytes[1], Comment(rawValue: name))
    }
  }
}
