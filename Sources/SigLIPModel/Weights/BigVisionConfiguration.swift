import Foundation
import NN

/// big_vision's archives come without a configuration: the arrays' shapes are it.
extension SigLIPConfiguration {
  /// Finds the sizes of both towers, and which of them have their blocks stacked.
  ///
  /// - Throws: ``FileError`` when arrays that decide a size are missing, or their shapes are impossible.
  static func bigVision(
    _ source: any WeightSource
  ) throws -> (configuration: SigLIPConfiguration, isStacked: (image: Bool, text: Bool)) {
    let shapes = BigVisionShapes(source)
    let image = try shapes.tower("img/Transformer")
    let words = try shapes.tower("txt/Encoder_0")
    // NaFlex models have a matrix for patches and a grid of positions, others a convolution and a row of positions.
    let isNaFlex = try shapes["img/embedding/kernel"].count == 2
    let kernel = try shapes.sizes("img/embedding/kernel", axes: isNaFlex ? 2 : 4)
    let positions = try shapes.sizes("img/pos_embedding", axes: 3)
    let patchSize = isNaFlex ? BigVisionShapes.side(of: kernel[0] / 3) : kernel[0]
    let grid = isNaFlex ? positions[0] : BigVisionShapes.side(of: positions[1])
    let table = try shapes.sizes("txt/Embed_0/embedding", axes: 2)
    let context = try shapes.sizes("txt/pos_embedding", axes: 3)
    let head = shapes.has("txt/head/kernel") ? try shapes.sizes("txt/head/kernel", axes: 2)[1] : nil
    // Pixels that fill no patch leave no trace; the published model with this grid is So400m/14 for 384 pixels.
    let imageSize =
      patchSize == 14 && grid == 27 ? 384 : ConfigurationBounds.product(grid, patchSize)
    let configuration = SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: imageSize, patchSize: patchSize, width: image.width, depth: image.depth,
        heads: image.heads, hiddenWidth: image.hiddenWidth, isNaFlex: isNaFlex),
      text: TextConfiguration(
        vocabularySize: table[0], contextLength: context[1], width: words.width, depth: words.depth,
        heads: words.heads, hiddenWidth: words.hiddenWidth, outputWidth: head))
    return (try configuration.checked(path: source.path), (image.isStacked, words.isStacked))
  }
}

private struct BigVisionShapes {
  let source: any WeightSource
  private let names: Set<String>

  init(_ source: any WeightSource) {
    self.source = source
    names = Set(source.names)
  }

  func has(_ name: String) -> Bool { names.contains(name) }

  /// The sizes of an array that a model must have.
  subscript(name: String) -> [Int] {
    get throws {
      if !has(name) {
        throw FileError.notACheckpoint(source.path, "it has no array \(name)")
      }
      return try source.shape(of: name).sizes
    }
  }

  /// The sizes of an array that must have so many axes.
  func sizes(_ name: String, axes: Int) throws -> [Int] {
    let sizes = try self[name]
    if sizes.count != axes { throw problem("\(name) has shape \(sizes), expected \(axes) axes") }
    return sizes
  }

  /// The side of a square, rounded: the shape of the array itself is checked with all others.
  static func side(of area: Int) -> Int { Int(Double(area).squareRoot().rounded()) }

  private func problem(_ text: String) -> FileError { FileError(.malformed, source.path, text) }

  func tower(
    _ prefix: String
  ) throws -> (width: Int, depth: Int, heads: Int, hiddenWidth: Int, isStacked: Bool) {
    let isStacked = has("\(prefix)/encoderblock/LayerNorm_0/scale")
    let block = prefix + (isStacked ? "/encoderblock" : "/encoderblock_0")
    let leading = isStacked ? 1 : 0
    let stacked = try sizes("\(block)/MultiHeadDotProductAttention_0/query/kernel", axes: 3 + leading)
    let hidden = try sizes("\(block)/MlpBlock_0/Dense_0/kernel", axes: 2 + leading)
    let query = Array(stacked.dropFirst(leading))
    var depth = isStacked ? stacked[0] : 1
    if !isStacked { while has("\(prefix)/encoderblock_\(depth)/LayerNorm_0/scale") { depth += 1 } }
    guard query[0] == ConfigurationBounds.product(query[1], query[2]) else {
      throw problem("the queries of \(block) have shape \(query), expected [width, heads, width / heads]")
    }
    return (query[0], depth, query[1], hidden[1 + leading], isStacked)
  }
}
