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
  public func tower(random: inout Random) -> any TextTower { TextTransformer(self, random: &random) }
}
