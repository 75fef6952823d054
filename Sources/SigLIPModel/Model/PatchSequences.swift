import NN

/// Patches of images of any size and shape, padded to one number: what NaFlex models read.
public struct PatchSequences: Sendable {
  /// `[batch, patches, patch · patch · 3]`: rows of patches one after another, each patch as (row, column, channel), values
  /// in [-1, 1]; what follows an image's last patch is padding.
  public let patches: Tensor
  /// Patches down and across each image.
  public let grids: [(height: Int, width: Int)]

  /// Sequences as preprocessing leaves them; traps when an image has more patches than there is room for, or none.
  public init(patches: Tensor, grids: [(height: Int, width: Int)]) {
    guard patches.rank == 3, patches.shape[0] == grids.count else {
      programmerError(
        "patch sequences: patches of shape \(patches.shape) for \(grids.count) grids, expected [batch, patches, values]"
      )
    }
    for (height, width) in grids where height < 1 || width < 1 || height * width > patches.shape[1] {
      programmerError("patch sequences: a grid of \(height) x \(width) in \(patches.shape[1]) patches")
    }
    self.patches = patches
    self.grids = grids
  }

  /// The sequences of some of the images.
  subscript(range: Range<Int>) -> PatchSequences {
    PatchSequences(patches: patches[range], grids: Array(grids[range]))
  }

  /// Cuts images, `[3, height, width]` with values in [-1, 1], into patches; traps when a side is not a multiple of
  /// `patchSize`.
  ///
  /// - Parameter count: Patches that every sequence is padded to; as many as the largest image has if not given.
  public init(images: [Tensor], patchSize: Int, count: Int? = nil) {
    let sequences = images.map { image in
      guard image.rank == 3 else { programmerError("patch sequences: an image of shape \(image.shape)") }
      return PatchSequences.cut(Variable(image.unsqueeze(0)), patchSize: patchSize).value
    }
    let room = count ?? sequences.map { $0.shape[1] }.max() ?? 0
    let padded = sequences.map { sequence in
      if sequence.shape[1] > room {
        programmerError("patch sequences: an image of \(sequence.shape[1]) patches, expected at most \(room)")
      }
      return sequence.pad([(0, 0), (0, room - sequence.shape[1]), (0, 0)])
    }
    self.init(
      patches: Tensor.concatenate(padded),
      grids: images.map { ($0.shape[1] / patchSize, $0.shape[2] / patchSize) })
  }

  /// Pixels `[batch, 3, height, width]` to patches `[batch, patches, patch · patch · 3]`.
  static func cut(_ pixels: Variable, patchSize: Int) -> Variable {
    let shape = pixels.shape
    guard shape.count == 4, shape[1] == 3, shape[2] % patchSize == 0, shape[3] % patchSize == 0 else {
      programmerError(
        "patches: pixels of shape \(shape); expected [batch, 3, height, width] in multiples of \(patchSize)")
    }
    let (height, width) = (shape[2] / patchSize, shape[3] / patchSize)
    return pixels.reshape([shape[0], 3, height, patchSize, width, patchSize]).permute([0, 2, 4, 3, 5, 1])
      .reshape([shape[0], height * width, patchSize * patchSize * 3])
  }

  /// 0 for patches, -infinity for padding, `[batch, 1, 1, patches]`; nil when there is no padding.
  var mask: Tensor? {
    let room = patches.shape[1]
    let isFull = grids.allSatisfy { $0.height * $0.width == room }
    if isFull { return nil }
    let rows = grids.flatMap { height, width in
      (0..<room).map { $0 < height * width ? Float(0) : -.infinity }
    }
    return Tensor(rows, shape: [grids.count, 1, 1, room])
  }
}
