import Foundation
import NN
import Optim
import SigLIPModel
import TestSupport
import Testing
import Training

/// What products round to.
extension SigLIPTrainingTests {
  /// Steps, features of a locked tower and the evaluation are of the precision that is asked for, of the configuration
  /// before that of the process, and what is recorded says so where it is not single precision.
  @Test(arguments: ["all", "locked"]) func aPrecisionHoldsForAllOfARun(training: String) throws {
    let settings = [
      "augmentations=[]", "model.text.dropout=0", "towers.image.training=\(training)",
      "evaluation.data={\"path\": \"\(try makeTable())\", \"languages\": [\"en\"]}",
    ]
    func results(_ output: String, _ more: String...) throws -> [Data] {
      _ = try run(output, settings + more)
      return try ["metrics.jsonl", "model/model.safetensors", "evaluation.json"].map {
        try bytes("\(output)/\($0)")
      }
    }
    func recorded(_ output: String) throws -> String {
      String(decoding: try bytes("\(output)/config.json"), as: UTF8.self)
    }
    let single = try results("single")
    #expect(try !recorded("single").contains("precision"))
    let rounded = try results("rounded", "precision=bfloat16")
    #expect(try recorded("rounded").contains("bfloat16"))
    #expect(zip(single, rounded).prefix(2).allSatisfy { $0 != $1 })
    // The process's own, and over it the configuration's.
    let (scope, explicit) = try Compute.withMatmulPrecision(.bfloat16) {
      (try results("scope"), try results("explicit", "precision=float32"))
    }
    #expect(scope == rounded && explicit == single)
    #expect(try recorded("scope").contains("bfloat16"))
    #expect(try !recorded("explicit").contains("precision"))
    let message = #expect(throws: (any Error).self) { try run("rounded", settings, start: .resuming) }
    #expect("\(message!)".contains("precision"), "\(message!)")
  }

  /// The loss has its own, in one piece and in parts.
  @Test(arguments: ["microbatchSize=null", "microbatchSize=3"])
  func logitsHaveAPrecisionOfTheirOwn(parts: String) throws {
    func results(_ output: String, _ more: String...) throws -> Data {
      _ = try run(output, [parts] + more)
      return try bytes("\(output)/metrics.jsonl")
    }
    let single = try results("single")
    #expect(try results("explicit", "loss.logitPrecision=float32") == single)
    #expect(try results("rounded", "loss.logitPrecision=bfloat16") != single)
    for (output, isRecorded) in [("explicit", false), ("rounded", true)] {
      let recorded = String(decoding: try bytes("\(output)/config.json"), as: UTF8.self)
      #expect(recorded.contains("logitPrecision") == isRecorded)
    }
    // The products of towers are not those of the loss.
    #expect(
      try results("towers", "precision=bfloat16")
        != results("both", "precision=bfloat16", "loss.logitPrecision=bfloat16"))
  }
}
