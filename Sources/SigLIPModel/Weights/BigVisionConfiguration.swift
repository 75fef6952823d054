import Foundation
import NN

/// big_vision's archives come without a configuration: the arrays' shapes are it.
extension SigLIPConfiguration {
  /// Finds the sizes of both towers, and which of them have their blocks stacked.
  ///
  /// - Throws: ``CheckpointError`` when arrays that decide a size are missing, or their shapes are impossible.
  static func bigVision(
    _ source: any WeightSource
  ) throws -> (configuration: SigLIPConfiguration, isStacked: (image: Bool, text: Bool)) {
    let shapes = BigVisionShapes(source)
    let image = try shapes.tower("img/Transformer")
    let words = try shapes.tower("txt/Encoder_0")
    let kernel = try shapes["img/embedding/kernel"]
    let positions = try shapes["img/pos_embedding"]
    let isNaFlex = kernel.count == 2
    let patchSize =
      isNaFlex ? Int((Double(kernel[0]) / 3).squareRoot().rounded()) : kernel.first ?? 0
    let grid =
      isNaFlex ? positions.first ?? 0 : Int(Double(positions.dropFirst().first ?? 0).squareRoot().rounded())
    guard patchSize > 0, grid > 0 else {
      throw shapes.problem(
        "img/embedding/kernel of shape \(kernel) and img/pos_embedding of \(positions) make no grid")
    }
    let table = try shapes["txt/Embed_0/embedding"]
    let context = try shapes["txt/pos_embedding"]
    guard table.count == 2, context.count == 3 else {
      throw shapes.problem("txt/Embed_0/embedding has shape \(table), txt/pos_embedding \(context)")
    }
    let head = shapes.has("txt/head/kernel") ? try shapes["txt/head/kernel"].last : nil
    // Pixels that fill no patch leave no trace; the published model with this grid is So400m/14 for 384 pixels.
    let imageSize = patchSize == 14 && grid == 27 ? 384 : grid * patchSize
    let configuration = SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: imageSize, patchSize: patchSize, width: image.width, depth: image.depth,
        heads: image.heads, hiddenWidth: image.hiddenWidth, isNaFlex: isNaFlex),
      text: TextConfiguration(
        vocabularySize: table[0], contextLength: context[1], width: words.width, depth: words.depth,
        heads: words.heads, hiddenWidth: words.hiddenWidth, outputWidth: head))
    guard (head ?? words.width) == image.width else {
      throw shapes.problem("texts have \(head ?? words.width) numbers, images \(image.width)")
    }
    return (configuration, (image.isStacked, words.isStacked))
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

  subscript(name: String) -> [Int] {
    get throws {
      if !has(name) {
        throw CheckpointError.notACheckpoint(path: source.path, reason: "it has no array \(name)")
      }
      return try source.shape(of: name)
    }
  }

  func problem(_ text: String) -> CheckpointError { .malformed(path: source.path, problem: text) }

  func tower(
    _ prefix: String
  ) throws -> (width: Int, depth: Int, heads: Int, hiddenWidth: Int, isStacked: Bool) {
    let isStacked = has("\(prefix)/encoderblock/LayerNorm_0/scale")
    let block = prefix + (isStacked ? "/encoderblock" : "/encoderblock_0")
    var query = try self["\(block)/MultiHeadDotProductAttention_0/query/kernel"]
    let hidden = try self["\(block)/MlpBlock_0/Dense_0/kernel"]
    var depth = isStacked ? query.removeFirst() : 1
    if !isStacked { while has("\(prefix)/encoderblock_\(depth)/LayerNorm_0/scale") { depth += 1 } }
    guard query.count == 3, query[1] > 0, query[0] == query[1] * query[2], let hiddenWidth = hidden.last
    else {
      throw problem("the queries of \(block) have shape \(query), expected [width, heads, width / heads]")
    }
    return (query[0], depth, query[1], hiddenWidth, isStacked)
  }
}
