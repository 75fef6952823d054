/// What OpenAI and open_clip call the arrays of a ``ModifiedResNet``.
struct ResNetNames {
  /// The stage and the place in it of each block.
  private let blocks: [(stage: Int, index: Int)]

  init(_ configuration: VisionConfiguration) {
    blocks = configuration.stageDepths.enumerated().flatMap { stage, depth in
      (0..<depth).map { (stage + 1, $0) }
    }
  }

  /// The name of the array at a path in the image tower, such as `blocks.3.reduce.norm.scale`.
  func name(of path: String) -> String {
    let parts = path.split(separator: ".").map(String.init)
    let leaf = ResNetNames.leaves[parts.last!] ?? parts.last!
    switch parts[0] {
    case "stem":
      let kind = parts[2] == "norm" ? "bn" : "conv"
      return "visual.\(kind)\(Int(parts[1])! + 1).\(leaf)"
    case "blocks":
      let block = blocks[Int(parts[1])!]
      let prefix = "visual.layer\(block.stage).\(block.index)"
      if parts[2] == "shortcut" { return "\(prefix).downsample.\(parts[3] == "norm" ? 1 : 0).\(leaf)" }
      let kind = parts[3] == "norm" ? "bn" : "conv"
      return "\(prefix).\(kind)\(ResNetNames.units.firstIndex(of: parts[2])! + 1).\(leaf)"
    default:
      if parts.count == 2 { return "visual.attnpool.positional_embedding" }
      return "visual.attnpool.\(ResNetNames.projections[parts[2]]!).\(leaf)"
    }
  }

  private static let units = ["reduce", "spatial", "expand"]
  private static let projections = [
    "query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "c_proj",
  ]
  private static let leaves = [
    "scale": "weight", "offset": "bias", "runningMean": "running_mean", "runningVariance": "running_var",
  ]
}
