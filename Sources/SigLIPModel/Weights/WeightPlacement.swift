import Foundation
import NN

/// The formats in which SigLIP's weights are published, and this package's own.
public enum WeightFormat: String, Sendable, CaseIterable, Codable {
  /// A folder that transformers reads: `config.json`, `model.safetensors` or its parts.
  case huggingFace = "huggingface"
  /// big_vision's NumPy archive.
  case bigVision = "npz"
  /// A folder that open_clip reads: `open_clip_config.json`, `open_clip_model.safetensors`.
  case openClip = "open_clip"
  /// A folder that says all that can be said of a model here: `pairwise_config.json`, `model.safetensors` with the module's
  /// own paths, `preprocessing.json`.
  case pairwise
}

/// Where one parameter lies in a file, and how it is stored there.
struct WeightPlacement {
  /// How a stored array becomes a parameter.
  enum Layout {
    /// The same numbers in the same order.
    case same
    /// A matrix of inputs by outputs, some of these in two axes: transposed here.
    case transposed
    /// A convolution's weight as (height, width, inputs, outputs): (outputs, inputs, height, width) here.
    case convolution
  }

  /// The parameter and its shape.
  let path: String
  let shape: Shape
  /// The array in the file, and its shape.
  let name: String
  let arrayShape: [Int]
  /// Rows of the array's first axis that hold this parameter; all of an array without axes.
  let rows: Range<Int>?
  /// Shape of these rows without the axis of stacked blocks.
  let storedShape: Shape
  let layout: Layout

  /// The parameter from the stored numbers.
  func decode(_ stored: Tensor) -> Tensor {
    switch layout {
    case .same: stored.reshape(shape)
    case .transposed: stored.reshape([shape[1], shape[0]]).transpose().contiguous()
    case .convolution: stored.reshape(storedShape).permute([3, 2, 0, 1]).contiguous()
    }
  }

  /// The numbers to store, in the shape of ``storedShape``.
  func encode(_ value: Tensor) -> Tensor {
    switch layout {
    case .same: value.reshape(storedShape)
    case .transposed: value.transpose().reshape(storedShape)
    case .convolution: value.permute([2, 3, 1, 0])
    }
  }
}

/// All placements of a model in a format.
struct WeightMapping {
  let format: WeightFormat
  let configuration: SigLIPConfiguration
  /// Whether the blocks of a tower are stacked in one array, as big_vision has them where it scans over blocks.
  var isStacked: (image: Bool, text: Bool) = (false, false)

  private var names: [String: WeightNames] { WeightNames.table(of: configuration.family) }

  /// One placement for each parameter of the model, and in the package's own format for each buffer.
  func placements(of model: SigLIP) -> [WeightPlacement] {
    model.namedParameters().map { placement(of: $0.path, shape: $0.parameter.shape) }
      + model.namedBuffers().map { placement(of: $0.path, shape: $0.buffer.value.shape) }
  }

  /// Names that may be in a file without being a parameter.
  func isIgnored(_ name: String) -> Bool {
    switch format {
    case .huggingFace: name.hasSuffix(".embeddings.position_ids")
    // How many batches a normalisation has seen matters to none whose momentum is a number; sizes, which OpenAI's files
    // hold too, are known from shapes.
    case .openClip:
      configuration.family == .clip
        && (configuration.vision.architecture == .resNet && name.hasSuffix(".num_batches_tracked")
          || ["input_resolution", "context_length", "vocab_size"].contains(name))
    case .bigVision, .pairwise: false
    }
  }

  private func placement(of path: String, shape: Shape) -> WeightPlacement {
    func whole(_ name: String) -> WeightPlacement {
      WeightPlacement(
        path: path, shape: shape, name: name, arrayShape: Array(shape), rows: shape.first.map { 0..<$0 },
        storedShape: shape, layout: .same)
    }
    if format == .pairwise { return whole(path) }
    if configuration.vision.architecture == .resNet, path.hasPrefix("image.") {
      return whole(ResNetNames(configuration.vision).name(of: String(path.dropFirst("image.".count))))
    }
    let (template, block) = WeightMapping.template(path)
    let cut = template.lastIndex(of: ".") ?? template.endIndex
    let leaf = String(template[cut...].dropFirst())
    if let row = names[template], let name = row.name(in: format) {
      return place(path, shape, row, name, leaf: nil, block: block)
    }
    guard let row = names[String(template[..<cut])], let name = row.name(in: format) else {
      programmerError("weights: \(format.rawValue) has no name for \(path)")
    }
    return place(path, shape, row, name, leaf: leaf, block: block)
  }

  /// `encoder.blocks.7.norm1.scale` as `encoder.blocks.{i}.norm1.scale` and 7.
  private static func template(_ path: String) -> (String, block: Int?) {
    let path = path.hasPrefix("image.tower.") ? "image." + path.dropFirst("image.tower.".count) : path
    var parts = path.split(separator: ".").map(String.init)
    guard let index = parts.firstIndex(of: "blocks"), let block = Int(parts[index + 1]) else {
      return (path, nil)
    }
    parts[index + 1] = "{i}"
    return (parts.joined(separator: "."), block)
  }

  private func place(
    _ path: String, _ shape: Shape, _ row: WeightNames, _ name: String, leaf: String?, block: Int?
  ) -> WeightPlacement {
    let isImage = path.hasPrefix("image.")
    var (name, part) = WeightMapping.parse(name)
    if let leaf, !(format == .openClip && row.kind == .projection) { name = join(name, leaf) }
    let (storedShape, layout) = stored(shape, row.kind, leaf: leaf, isImage: isImage)
    var arrayShape = Array(storedShape)
    var rows = storedShape.first.map { 0..<$0 }
    if let part {
      rows = part.index * storedShape[0]..<(part.index + 1) * storedShape[0]
      arrayShape[0] *= part.count
    }
    if let block {
      if isImage ? isStacked.image : isStacked.text {
        name.replace("_{i}", with: "")
        rows = block..<block + 1
        arrayShape.insert(isImage ? configuration.vision.depth : configuration.text.depth, at: 0)
      } else {
        name.replace("{i}", with: "\(block)")
      }
    }
    return WeightPlacement(
      path: path, shape: shape, name: name, arrayShape: arrayShape, rows: rows, storedShape: storedShape,
      layout: layout)
  }

  /// `attn.qkv[1/3]` as `attn.qkv` and (1, 3).
  private static func parse(_ name: String) -> (String, part: (index: Int, count: Int)?) {
    guard let bracket = name.firstIndex(of: "[") else { return (name, nil) }
    let numbers = name[bracket...].split { !$0.isNumber }.compactMap { Int($0) }
    return (String(name[..<bracket]), (numbers[0], numbers[1]))
  }

  /// A part's name with what its arrays are called in the format.
  private func join(_ name: String, _ leaf: String) -> String {
    if format == .bigVision {
      return "\(name)/\(leaf == "weight" ? "kernel" : leaf == "offset" ? "bias" : leaf)"
    }
    let leaf = leaf == "scale" ? "weight" : leaf == "offset" ? "bias" : leaf
    return name.hasSuffix("_") ? name + leaf : "\(name).\(leaf)"
  }

  private func stored(
    _ shape: Shape, _ kind: WeightNames.Kind, leaf: String?, isImage: Bool
  ) -> (Shape, WeightPlacement.Layout) {
    let heads = isImage ? configuration.vision.heads : configuration.text.heads
    let isWeight = leaf == "weight"
    switch (format, kind) {
    case (.huggingFace, .scalar) where configuration.family == .clip: return ([], .same)
    case (.huggingFace, _), (.pairwise, _): return (shape, .same)
    case (.openClip, .imagePositions): return ([1] + shape, .same)
    case (.openClip, .projection): return ([shape[1], shape[0]], .transposed)
    case (.openClip, .scalar): return ([], .same)
    case (.openClip, _): return (shape, .same)
    case (.bigVision, .linear) where isWeight: return ([shape[1], shape[0]], .transposed)
    case (.bigVision, .toHeads):
      let perHead: Shape = [heads, shape[0] / heads]
      return isWeight ? ([shape[1]] + perHead, .transposed) : (perHead, .same)
    case (.bigVision, .fromHeads) where isWeight:
      return ([heads, shape[1] / heads, shape[0]], .transposed)
    case (.bigVision, .patches) where isWeight:
      if configuration.vision.isNaFlex { return ([shape[1], shape[0]], .transposed) }
      return ([shape[2], shape[3], shape[1], shape[0]], .convolution)
    case (.bigVision, .imagePositions) where configuration.vision.isNaFlex:
      let side = configuration.vision.gridSize
      return ([side, side, shape[1]], .same)
    case (.bigVision, .imagePositions), (.bigVision, .textPositions): return ([1] + shape, .same)
    case (.bigVision, _): return (shape, .same)
    }
  }
}
