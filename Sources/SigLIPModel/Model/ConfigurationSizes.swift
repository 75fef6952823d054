/// Numbers of a linear layer with a bias.
func linearParameters(_ inputs: Int, _ outputs: Int) -> Int { (inputs + 1) * outputs }

/// Numbers of the four linear layers of an attention.
func attentionParameters(_ width: Int) -> Int { 4 * linearParameters(width, width) }

/// Numbers of an MLP.
func mlpParameters(_ width: Int, _ hidden: Int) -> Int {
  linearParameters(width, hidden) + linearParameters(hidden, width)
}

/// Numbers of a transformer's blocks and its last normalisation.
func encoderParameters(_ width: Int, _ depth: Int, _ hidden: Int) -> Int {
  depth * (attentionParameters(width) + mlpParameters(width, hidden) + 4 * width) + 2 * width
}

/// Multiply-adds of a transformer's block.
func blockMultiplyAdds(tokens: Int, width: Int, hidden: Int) -> Int {
  tokens * (4 * width * width + 2 * width * hidden) + 2 * tokens * tokens * width
}
