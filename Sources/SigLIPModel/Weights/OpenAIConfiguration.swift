import Foundation
import NN

/// OpenAI's CLIP files come without a configuration: the arrays' shapes are it.
extension SigLIPConfiguration {
  /// Finds the sizes of both towers. Attention has 64 numbers a head, and GELU is the quick one, as in all that OpenAI published.
  ///
  /// - Throws: ``FileError`` when arrays that decide a size are missing, or their shapes are impossible.
  static func openAI(_ source: any WeightSource) throws -> SigLIPConfiguration {
    let names = Set(source.names)
    func sizes(_ name: String, axes: Int) throws -> [Int] {
      guard names.contains(name) else {
        throw FileError.notACheckpoint(source.path, "it has no array \(name), and no configuration beside it")
      }
      let sizes = try source.shape(of: name).sizes
      if sizes.count != axes {
        throw FileError(.malformed, source.path, "\(name) has shape \(sizes), expected \(axes) axes")
      }
      return sizes
    }
    /// How many parts have names with numbers from 0 on.
    func count(_ prefix: String, _ suffix: String) -> Int {
      (0...).first { !names.contains("\(prefix)\($0)\(suffix)") }!
    }
    func side(_ positions: Int) -> Int { Int(Double(max(positions - 1, 0)).squareRoot().rounded()) }

    let embedding = try sizes("text_projection", axes: 2)[1]
    let vision: VisionConfiguration
    if names.contains("visual.proj") {
      let kernel = try sizes("visual.conv1.weight", axes: 4)
      let grid = side(try sizes("visual.positional_embedding", axes: 2)[0])
      vision = VisionConfiguration(
        imageSize: ConfigurationBounds.product(kernel[3], grid), patchSize: kernel[3], width: kernel[0],
        depth: count("visual.transformer.resblocks.", ".ln_1.weight"), heads: max(kernel[0] / 64, 1),
        hiddenWidth: try sizes("visual.transformer.resblocks.0.mlp.c_fc.weight", axes: 2)[0],
        activation: .quickGelu, pooling: .classToken, normEpsilon: 1e-5)
    } else {
      let stages = (1...4).map { count("visual.layer\($0).", ".conv1.weight") }
      let channels = try sizes("visual.layer1.0.conv1.weight", axes: 4)[0]
      let grid = side(try sizes("visual.attnpool.positional_embedding", axes: 2)[0])
      guard ConfigurationBounds.width.contains(channels),
        stages.allSatisfy(ConfigurationBounds.depth.contains)
      else {
        throw FileError(.unsupported, source.path, "its residual network has stages of \(stages) blocks")
      }
      vision = .resNet(
        imageSize: ConfigurationBounds.product(32, grid), stages: stages, channels: channels, width: embedding
      )
    }
    let table = try sizes("token_embedding.weight", axes: 2)
    return try SigLIPConfiguration(
      vision: vision,
      imageProjection: vision.architecture == .resNet ? nil : ImageProjection(width: embedding),
      text: TextConfiguration(
        vocabularySize: table[0], contextLength: try sizes("positional_embedding", axes: 2)[0],
        width: table[1], depth: count("transformer.resblocks.", ".ln_1.weight"), heads: max(table[1] / 64, 1),
        hiddenWidth: try sizes("transformer.resblocks.0.mlp.c_fc.weight", axes: 2)[0],
        outputWidth: embedding, activation: .quickGelu, pooling: .endToken, isCausal: true,
        projectionHasBias: false, normEpsilon: 1e-5),
      family: .clip
    ).checked(path: source.path)
  }
}
