import NN

/// Patches of images of several sizes, padded to the same number, as NaFlex towers take them (SigLIP 2, section 2.4.2).
public struct PatchBatch: Sendable {
  /// Normalised pixels, `[batch, maximumPatches, patchSize * patchSize * 3]`: patches row by row, in each its pixels row
  /// by row, in each pixel red, green and blue; zeros after the last patch.
  public let patches: Tensor
  /// 1 for a patch, 0 for padding, `[batch, maximumPatches]`.
  public let mask: Tensor
  /// Rows and columns of patches of every image.
  public let gridSizes: [(height: Int, width: Int)]

  /// Cuts images, whose sides are multiples of the patch size, into patches; traps when an image has too many.
  public init(
    _ images: [RGBImage], patchSize: Int, maximumPatches: Int, normalization: PixelNormalization = .siglip
  ) {
    let width = patchSize * patchSize * 3
    let table = normalization.table
    gridSizes = images.map { image in
      let grid = (height: image.height / patchSize, width: image.width / patchSize)
      if image.height % patchSize != 0 || image.width % patchSize != 0
        || grid.height * grid.width > maximumPatches
      {
        programmerError(
          "patches: an image of \(image.width) x \(image.height), expected multiples of \(patchSize) "
            + "and at most \(maximumPatches) patches")
      }
      return grid
    }
    let gridSizes = gridSizes
    patches = Tensor(uninitialized: [images.count, maximumPatches, width]) { out in
      out.update(repeating: 0)
      for (index, image) in images.enumerated() {
        let columns = gridSizes[index].width
        for y in 0..<image.height {
          // One row of pixels gives one row to each patch of a row of patches.
          let patchRow = index * maximumPatches + y / patchSize * columns
          for i in 0..<(image.width * 3) {
            let column = i / (patchSize * 3)
            let target = (patchRow + column) * width + y % patchSize * patchSize * 3 + i % (patchSize * 3)
            out[target] = table[i % 3 * 256 + Int(image.pixels[y * image.width * 3 + i])]
          }
        }
      }
    }
    mask = Tensor(
      gridSizes.flatMap { grid in (0..<maximumPatches).map { $0 < grid.height * grid.width ? Float(1) : 0 } },
      shape: [images.count, maximumPatches])
  }
}

/// The sizes that NaFlex gives images.
public enum NaFlex {
  /// The largest size, in multiples of a patch, that has about the image's proportions and at most so many patches.
  ///
  /// The search and its tolerance are those of big_vision and transformers, whose sizes these are.
  public static func imageSize(
    width: Int, height: Int, patchSize: Int, maximumPatches: Int
  ) -> (width: Int, height: Int) {
    func patches(_ size: Int, _ scale: Double) -> Int {
      max(1, Int((Double(size) * scale / Double(patchSize)).rounded(.up)))
    }
    let tolerance = 1e-5
    var (low, high) = (tolerance / 10, 100.0)
    while high - low >= tolerance {
      let scale = (low + high) / 2
      if patches(width, scale) * patches(height, scale) <= maximumPatches {
        low = scale
      } else {
        high = scale
      }
    }
    return (patches(width, low) * patchSize, patches(height, low) * patchSize)
  }
}
