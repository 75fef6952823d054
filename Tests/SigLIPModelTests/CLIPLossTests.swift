import TestSupport
import Testing

import SigLIPModel

/// Losses of open_clip beside CLIP's own, against `Fixtures/clip_losses.py`.
@Suite struct CLIPLossTests {
  private struct Reference {
    let file: SafetensorsFile
    let name: String

    init(_ name: String) throws {
      file = try SafetensorsFile(fixture("clip_losses.safetensors"))
      self.name = name
    }

    func tensor(_ array: String) throws -> Tensor { try file.tensor(named: "\(name)/\(array)") }

    func expect(_ found: Tensor, equals array: String) throws {
      let tensor = try tensor(array)
      CheckpointReference.expect(found, tensor, largest: tensor.abs().max().item(), "\(name) \(array)")
    }

    /// Checks the gradient of what the function gives for the inputs.
    func check(_ inputs: [String], _ loss: ([Variable]) -> Variable) throws {
      let leaves = try inputs.map { Variable(try tensor($0), requiresGradient: true) }
      let gradients = loss(leaves).backward()
      var compared = 0
      for (input, leaf) in zip(inputs, leaves) {
        guard file.names.contains("\(name)/gradient/\(input)") else {
          #expect(gradients[leaf] == nil, "\(input)")
          continue
        }
        try expect(try #require(gradients[leaf]), equals: "gradient/\(input)")
        compared += 1
      }
      #expect(compared == file.names.count { $0.hasPrefix("\(name)/gradient/") })
    }
  }

  @Test(arguments: [
    ("coca", CoCaLoss(ignoredLabel: 5)),
    ("coca-captions", CoCaLoss(contrastiveWeight: 0, captionWeight: 0.7)),
  ])
  func contrastiveAndCaptioning(_ name: String, _ loss: CoCaLoss) throws {
    let reference = try Reference(name)
    let labels = try reference.file.indices(named: "\(name)/labels")
    try reference.check(["images", "texts", "scale", "logits"]) { inputs in
      let (contrastive, caption) = loss(
        images: inputs[0], texts: inputs[1], logScale: inputs[2], logits: inputs[3], labels: labels)
      let expected = (try! reference.tensor("contrastive_loss"), try! reference.tensor("caption_loss"))
      #expect(contrastive.value.isApproximatelyEqual(to: expected.0, absolute: 1e-6, relative: 1e-5))
      #expect(caption.value.isApproximatelyEqual(to: expected.1, absolute: 1e-6, relative: 1e-5))
      return contrastive + caption
    }
  }

  @Test func aTeachersOpinion() throws {
    let reference = try Reference("distill")
    let teacher = try ["teacher_images", "teacher_texts", "teacher_scale"].map(reference.tensor)
    try reference.check(["images", "texts", "scale"]) { inputs in
      let (contrastive, distillation) = distillationPairwiseLoss(
        images: inputs[0], texts: inputs[1], logScale: inputs[2], teacherImages: teacher[0],
        teacherTexts: teacher[1], teacherLogScale: teacher[2])
      let expected = (try! reference.tensor("contrastive_loss"), try! reference.tensor("distill_loss"))
      #expect(contrastive.value.isApproximatelyEqual(to: expected.0, absolute: 1e-6, relative: 1e-5))
      #expect(distillation.value.isApproximatelyEqual(to: expected.1, absolute: 1e-6, relative: 1e-5))
      return contrastive + distillation
    }
  }

  /// A student that agrees with its teacher has nothing to learn from it.
  @Test func agreeingWithATeacherIsOptimal() {
    var random = Random(seed: 2)
    let (x, y) = (random.normal([5, 4]), random.normal([5, 4]))
    let leaf = Variable(x, requiresGradient: true)
    let scale = Tensor([0.5])
    let (_, distillation) = distillationPairwiseLoss(
      images: leaf, texts: Variable(y), logScale: Variable(scale), teacherImages: x, teacherTexts: y,
      teacherLogScale: scale)
    #expect(distillation.backward()[leaf]!.abs().max().item() < 1e-6)
    #expect(distillation.value.item() > 0.1)
  }
}
