import NN

extension PatchSequences {
  /// Cuts images, whose sides are multiples of the patch size, into patches, and pads with zeros (SigLIP 2, section
  /// 2.4.2); traps when an image has too many.
  public init(
    _ images: [RGBImage], patchSize: Int, maximumPatches: Int, normalization: PixelNormalization = .siglip
  ) {
    let width = patchSize * patchSize * 3
    let table = normalization.table
    let grids = images.map { image in
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
    let patches = Tensor(uninitialized: [images.count, maximumPatches, width]) { out in
      out.update(repeating: 0)
      for (index, image) in images.enumerated() {
        let columns = grids[index].width
        for y in 0..<image.height {
          // One row of pixels gives one row to each patch of a row of patches.
          let first = index * maximumPatches + y / patchSize * columns
          for column in 0..<columns {
            let source = (y * image.width + column * patchSize) * 3
            let target = (first + column) * width + y % patchSize * patchSize * 3
            for i in 0..<(patchSize * 3) {
              out[target + i] = table[i % 3 * 256 + Int(image.pixels[source + i])]
            }
          }
        }
      }
    }
    self.init(patches: patches, grids: grids)
  }
}

/// The sizes that NaFlex gives images.
public enum NaFlex {
  /// The largest size, in multiples of a patch, that has about the image's proportions and at most so many patches.
  ///
  /// The search and its tolerance are those of big_vision and transformers, whose sizes these are. Traps on a patch size or
  /// a number of patches below 1.
  public static func imageSize(
    width: Int, height: Int, patchSize: Int, maximumPatches: Int
  ) -> (width: Int, height: Int) {
    if patchSize < 1 || maximumPatches < 1 {
      programmerError("NaFlex: at most \(maximumPatches) patches of \(patchSize) pixels, expected at least 1")
    }
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
    var (columns, rows) = (patches(width, low), patches(height, low))
    // A very long image has too many patches at the smallest scale that is tried.
    if columns > rows {
      columns = min(columns, max(maximumPatches / rows, 1))
    } else {
      rows = min(rows, max(maximumPatches / columns, 1))
    }
    return (columns * patchSize, rows * patchSize)
  }
}
