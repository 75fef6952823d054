import Kernels
import SigLIPModel
import TestSupport
import Testing

@Suite struct EfficientNetTests {
  @Test func featuresAndLogitsArePyTorchs() throws {
    let expected = try SafetensorsFile(fixture("efficientnet.safetensors"))
    let tower = try EfficientNetLite0(path: exampleData("efficientnet-lite0.safetensors"))
    let pixels = Variable(try expected.tensor(named: "pixels"))
    let features = withoutGradients { tower(pixels) }
    // 50 layers in another order of sums.
    #expect(
      features.value.isApproximatelyEqual(
        to: try expected.tensor(named: "features"), absolute: 1e-4, relative: 1e-4))
    let logits = tower.classify(features: features).value
    #expect(
      logits.isApproximatelyEqual(to: try expected.tensor(named: "logits"), absolute: 1e-3, relative: 1e-3))
    #expect(logits.argmax() == (try expected.tensor(named: "logits")).argmax())
  }

  /// Without gradients each block is computed in one pass; with them, layer by layer.
  @Test(arguments: [[3, 40, 65], [1, 96, 33]])
  func inferenceIsTheCompositionAndFollowsItsWeights(_ size: [Int]) throws {
    let tower = try EfficientNetLite0(path: exampleData("efficientnet-lite0.safetensors"))
    var random = Random(seed: 7)
    let pixels = Variable(random.normal([size[0], 3, size[1], size[2]]))
    let before = withoutGradients { tower(pixels) }.value
    #expect(before.isApproximatelyEqual(to: tower(pixels).value, absolute: 1e-4, relative: 1e-4))
    for count in [1, 3] {
      #expect(
        ThreadPool.withThreadCount(count) { withoutGradients { tower(pixels) } }.value.scalars
          == before.scalars)
    }
    for parameter in tower.parameters { parameter.update { $0 *= 0.9 } }
    tower.freeze()
    let after = tower(pixels).value
    tower.unfreeze()
    #expect(after.isApproximatelyEqual(to: tower(pixels).value, absolute: 1e-4, relative: 1e-4))
    #expect(!after.isApproximatelyEqual(to: before, absolute: 1e-2, relative: 1e-2))
  }

  @Test func everythingThatDoesNotFitIsListed() throws {
    var state = try SafetensorsFile(exampleData("efficientnet-lite0.safetensors")).tensors()
    state["_bn0.weight"] = nil
    state["_conv_head.weight"] = .zeros([1280, 320])
    state["extra"] = .zeros([1])
    let error = #expect(throws: StateError.self) { try EfficientNetLite0(state: state) }
    #expect(error?.missing == ["_bn0.weight"])
    #expect(error?.unexpected == ["extra"])
    #expect(error?.mismatched.map(\.path) == ["_conv_head.weight"])
  }
}
