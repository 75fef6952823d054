import NN

/// Something that turns rows of token ids into embeddings `[texts, width]`.
public protocol TextTower: Module {
  /// Embeds token ids `[texts, context]`; embeddings are not normalised.
  func callAsFunction(_ tokens: IndexTensor) -> Variable
  /// The blocks of a tower that is a transformer, whose ``TransformerEncoder/rematerializesBlocks`` may be set at any time;
  /// nil for others.
  var transformer: TransformerEncoder? { get }
}

extension TextConfiguration {
  /// A tower of these sizes, with random weights.
  public func tower(random: inout Random) -> any TextTower {
    switch architecture {
    case .transformer: TextTransformer(self, random: &random)
    case .bagOfWords: BagOfWords(self, random: &random)
    }
  }

  /// The last layer of a tower, if it has one.
  func projection(random: inout Random) -> Linear? {
    outputWidth.map {
      Linear(weight: random.lecunNormal([$0, width]), bias: projectionHasBias ? .zeros([$0]) : nil)
    }
  }

  /// Traps for token ids that are no texts padded to the full context.
  func check(_ tokens: IndexTensor) {
    if tokens.shape.count != 2 || tokens.shape[1] != contextLength {
      programmerError("text tower: tokens of shape \(tokens.shape); expected [batch, \(contextLength)]")
    }
  }
}

extension IndexTensor {
  /// The rows of `[batch, context]`.
  var rows: [ArraySlice<Int32>] {
    let length = shape[1]
    return (0..<shape[0]).map { values[($0 * length)..<(($0 + 1) * length)] }
  }
}

extension ArraySlice<Int32> {
  /// How far behind the beginning the first of the largest stands, which is the end of a text in CLIP's vocabulary.
  var placeOfLargest: Int { firstIndex(of: self.max()!)! - startIndex }
}
