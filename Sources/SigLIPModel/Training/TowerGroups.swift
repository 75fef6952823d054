import NN
import Optim

extension TrainingConfiguration {
  /// The settings of all parameters of a model.
  ///
  /// - Throws: ``ConfigurationError``; ``ParameterGroup/ConfigurationError`` for groups that fit nothing.
  func parameterGroups(of model: SigLIP, _ sizes: SigLIPConfiguration) throws -> [ParameterGroup] {
    let (image, text) = (sizes.imageTowerPath, "text")
    // Features that were computed before leave no image tower to be trained.
    let hasImageTower = !cachesFeatures
    var groups: [ParameterGroup] = [
      .decayOnlyKernels,
      ParameterGroup(
        where: { $0.hasPrefix("logit") },
        learningRateMultiplier: optimizer.logitLearningRateMultiplier),
    ]
    if hasImageTower {
      groups += try towers.image.groups(
        "towers.image", path: image,
        blocks: sizes.vision.architecture == .efficientNetLite0 ? 0 : sizes.vision.depth,
        inputs: ["patchEmbedding", "positionEmbedding"],
        isPart: { !$0.hasPrefix("image.projection.") })
    }
    groups += try towers.text.groups(
      "towers.text", path: text, blocks: sizes.text.depth,
      inputs: ["tokenEmbedding", "tokenProjection", "positionEmbedding"], isPart: { _ in true })
    return try groups + ParameterGroup.groups(optimizer.groups, for: model)
  }
}

extension TowerConfiguration {
  /// The settings of a tower's parameters.
  ///
  /// - Parameters:
  ///   - key: Of these settings, for errors.
  ///   - path: Of the tower in the model.
  ///   - blocks: How many it has; none for a tower without.
  ///   - inputs: The names of what stands before the first block.
  ///   - isPart: Whether a path below the tower's is one of the tower's own.
  fileprivate func groups(
    _ key: String, path: String, blocks: Int, inputs: [String], isPart: @escaping (String) -> Bool
  ) throws -> [ParameterGroup] {
    let prefix = path + "."
    func isInTower(_ name: String) -> Bool { name.hasPrefix(prefix) && isPart(name) }
    func isInput(_ name: String) -> Bool { inputs.contains { name.hasPrefix("\(prefix)\($0)") } }
    func isBlock(_ name: String, below count: Int) -> Bool {
      (0..<count).contains { name.hasPrefix("\(prefix)encoder.blocks.\($0).") }
    }
    var groups = [
      ParameterGroup(
        where: isInTower, learningRateMultiplier: learningRateMultiplier,
        weightDecayMultiplier: decays ? 1 : 0, isFrozen: training == .locked)
    ]
    if case .lastBlocks(let count) = training {
      if count > blocks {
        throw ConfigurationError("\(key).training", "is \(count), but the tower has \(blocks) blocks")
      }
      groups.append(
        ParameterGroup(where: { isInput($0) || isBlock($0, below: blocks - count) }, isFrozen: true))
    }
    if let layerwiseDecay {
      if blocks == 0 { throw ConfigurationError("\(key).layerwiseDecay", "the tower has no blocks") }
      let names = inputs.joined(separator: "|")
      groups += ParameterGroup.layerwiseDecay(
        layerwiseDecay, blocks: "\(prefix)encoder.blocks", count: blocks,
        inputs: try Regex("\(prefix.replacing(".", with: "\\."))(\(names)).*"))
    }
    return groups
  }
}
