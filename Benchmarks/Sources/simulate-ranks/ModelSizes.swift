import SigLIPModel

/// What a step does and sends, of one model.
struct ModelSizes {
  /// Some parameters whose gradients a backward sweep leaves one after the other.
  struct Layer {
    let parameters: Int
    /// Of a forward pass, for one pair.
    let multiplyAdds: Int
    /// Tensors that the parameters are; each is asked for news of other ranks when its gradient is there.
    let tensors: Int
  }

  let name: String
  let parameters: Int
  /// Numbers of an embedding.
  let width: Int
  /// In the order in which the backward sweep comes to them: texts are embedded last.
  let text, image: [Layer]
  /// What a block keeps of each pair for the backward sweep: numbers of a token's width, over all blocks.
  let tokenNumbers: Int

  /// Multiply-adds of a forward pass for one pair.
  var multiplyAdds: Int { (text + image).reduce(0) { $0 + $1.multiplyAdds } }

  /// The sizes of a model, all of them what its configuration says: a layer is what one more of them would add.
  init(_ name: String, _ configuration: SigLIPConfiguration) {
    self.name = name
    parameters = configuration.parameterCount
    width = configuration.embeddingWidth
    let (vision, text) = (configuration.vision, configuration.text)
    tokenNumbers =
      vision.tokenCount * vision.width * vision.depth + text.contextLength * text.width * text.depth
    func added(_ change: (inout SigLIPConfiguration) -> Void) -> Layer {
      var larger = configuration
      change(&larger)
      return Layer(
        parameters: larger.parameterCount - configuration.parameterCount,
        multiplyAdds: larger.imageMultiplyAdds - configuration.imageMultiplyAdds
          + larger.textMultiplyAdds - configuration.textMultiplyAdds,
        tensors: 16)
    }
    let row = added { $0.text.vocabularySize += 1 }
    let table = Layer(parameters: row.parameters * text.vocabularySize, multiplyAdds: 0, tensors: 1)
    let textBlocks = Array(repeating: added { $0.text.depth += 1 }, count: text.depth)
    let imageBlocks = Array(repeating: added { $0.vision.depth += 1 }, count: vision.depth)
    // Positions, projections, heads and the embedding of patches, as if all came before the blocks.
    let textRest = Layer(
      parameters: (text.contextLength + 2) * text.width + (text.width + 1) * (text.outputWidth ?? 0),
      multiplyAdds: textBlocks.reduce(configuration.textMultiplyAdds) { $0 - $1.multiplyAdds }, tensors: 5)
    self.text = [textRest] + textBlocks + [table]
    let imageRest = Layer(
      parameters: (self.text + imageBlocks).reduce(parameters) { $0 - $1.parameters },
      multiplyAdds: imageBlocks.reduce(configuration.imageMultiplyAdds) { $0 - $1.multiplyAdds }, tensors: 20)
    image = [imageRest] + imageBlocks
  }
}
