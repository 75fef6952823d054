import Foundation
import SigLIPModel

/// What a finished run has left in its folder.
struct RunResult: Sendable {
  /// The name of its folder: see ``RunIdentity``.
  let id: String
  /// Retrieval of the data that recipes are chosen by.
  let validation: RetrievalEvaluation?
  /// Retrieval of the data that nothing is chosen by.
  let heldOut: RetrievalEvaluation?
  /// Its numbers, step by step.
  let metrics: [StepMetrics]
  /// Why it came to no end, if its numbers were not finite any more.
  let divergence: String?
  /// Seconds of a processor that it took.
  let processorSeconds: Double
  /// Its model, if that was kept.
  let model: String?

  /// Percent R@1 on validation, the mean of both directions; 0 for a run that diverged.
  var validationR1: Double? { divergence == nil ? validation?.r1 : 0 }

  /// Percent R@1 on held-out data, the mean of both directions; 0 for a run that diverged.
  var heldOutR1: Double? { divergence == nil ? heldOut?.r1 : 0 }

  /// The last value of one of its numbers.
  func last(_ name: String) -> Double? { metrics.last { $0.numbers[name] != nil }?.numbers[name] }

  /// Reads the folder of a finished run; nil if there is none.
  ///
  /// - Throws: `FileError` for one that is damaged.
  init?(folder: URL) throws {
    func path(_ name: String) -> String { folder.appending(path: name).path }
    func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
    guard isThere(".") else { return nil }
    func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
      guard isThere(name) else { return nil }
      do {
        return try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path(name))))
      } catch {
        throw CommandError("\(path(name)) is damaged: remove its folder, and the run is made again")
      }
    }
    id = folder.lastPathComponent
    validation = try read(RetrievalEvaluation.self, "evaluation.json")
    heldOut = try read(RetrievalEvaluation.self, "held-out.json")
    metrics = isThere("metrics.jsonl") ? try JSONLinesWriter.read(path: path("metrics.jsonl")) : []
    let ending = try read(RunEnding.self, RunEnding.fileName)
    divergence = ending?.divergence
    processorSeconds = ending?.processorSeconds ?? 0
    model = isThere("model") ? path("model") : nil
  }

  init(
    id: String, validation: RetrievalEvaluation? = nil, heldOut: RetrievalEvaluation? = nil,
    metrics: [StepMetrics] = [], divergence: String? = nil, processorSeconds: Double = 0, model: String? = nil
  ) {
    (self.id, self.validation, self.heldOut, self.metrics) = (id, validation, heldOut, metrics)
    (self.divergence, self.processorSeconds, self.model) = (divergence, processorSeconds, model)
  }
}

/// How a run ended.
struct RunEnding: Codable {
  static let fileName = "ending.json"

  /// Why its numbers were not finite any more, if they were not.
  var divergence: String?
  /// Seconds of a processor that it took.
  var processorSeconds: Double
}

extension RetrievalEvaluation {
  /// Percent R@1, the mean of both directions.
  var r1: Double { 50 * (retrieval.imageToText.r1 + retrieval.textToImage.r1) }
}
