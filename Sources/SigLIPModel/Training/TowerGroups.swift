import NN
import Optim

extension TrainingConfiguration {
  /// The settings of all parameters of a model.
  ///
  /// - Throws: ``ConfigurationError``; ``ParameterGroup/ConfigurationError`` for groups that fit nothing.
  func parameterGroups(of model: SigLIP, _ sizes: SigLIPConfiguration) throws -> [ParameterGroup] {
    var groups: [ParameterGroup] = [
      .decayOnlyKernels,
      ParameterGroup(
        where: { $0.hasPrefix("logit") },
        learningRateMultiplier: optimizer.logitLearningRateMultiplier),
    ]
    // Features that were computed before leave no image tower to be trained.
    if !cachesFeatures { groups += try towers.image.groups("towers.image", TowerPaths(image: sizes)) }
    groups += try towers.text.groups("towers.text", TowerPaths(text: sizes))
    return try groups + ParameterGroup.groups(optimizer.groups, for: model)
  }
}

/// Where the parts of a tower are in a model.
private struct TowerPaths {
  /// What all of its paths begin with.
  let tower: String
  /// The list of blocks.
  let blocks: String
  /// How many there are.
  let count: Int
  /// What the paths of all that stands before the first block begin with.
  let inputs: [String]

  init(image sizes: SigLIPConfiguration) {
    tower = sizes.imageTowerPath + "."
    count = sizes.vision.depth
    let isConvolutional = sizes.vision.architecture == .efficientNetLite0
    blocks = tower + (isConvolutional ? "blocks" : "encoder.blocks")
    inputs = (isConvolutional ? ["stem"] : ["patchEmbedding", "positionEmbedding"]).map { [tower] in
      tower + $0
    }
  }

  init(text sizes: SigLIPConfiguration) {
    (tower, blocks, count) = ("text.", "text.encoder.blocks", sizes.text.depth)
    inputs = ["text.tokenEmbedding", "text.tokenProjection", "text.positionEmbedding"]
  }

  func isInput(_ path: String) -> Bool { inputs.contains(where: path.hasPrefix) }

  /// Whether a path is of one of the first blocks.
  func isBlock(_ path: String, below end: Int) -> Bool {
    (0..<end).contains { path.hasPrefix("\(blocks).\($0).") }
  }
}

extension TowerConfiguration {
  /// The settings of a tower's parameters.
  ///
  /// - Parameter key: Of these settings, for errors.
  fileprivate func groups(_ key: String, _ paths: TowerPaths) throws -> [ParameterGroup] {
    var groups = [
      ParameterGroup(
        where: { $0.hasPrefix(paths.tower) }, learningRateMultiplier: learningRateMultiplier,
        weightDecayMultiplier: decays ? 1 : 0, isFrozen: training == .locked)
    ]
    if case .lastBlocks(let count) = training {
      if count > paths.count {
        throw ConfigurationError("\(key).training", "is \(count), but the tower has \(paths.count) blocks")
      }
      groups.append(
        ParameterGroup(
          where: { paths.isInput($0) || paths.isBlock($0, below: paths.count - count) }, isFrozen: true))
    }
    if let layerwiseDecay {
      let inputs = paths.inputs.map { $0.replacing(".", with: "\\.") }.joined(separator: "|")
      groups += ParameterGroup.layerwiseDecay(
        layerwiseDecay, blocks: paths.blocks, count: paths.count, inputs: try Regex("(\(inputs)).*"))
    }
    return groups
  }
}
