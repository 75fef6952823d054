import Kernels
import Synchronization

/// A matrix `[n, k]` in the order in which products by its transpose read it.
final class PackedMatrix: Sendable {
  /// Which products do.
  let layout: PanelLayout
  private let shape: Shape
  private let memory: Storage
  private let unpackedStorage = Mutex<Storage?>(nil)

  /// Packs a matrix for products of the precision in force.
  init(_ matrix: MatrixView, shape: Shape) {
    let (n, k) = (shape[0], shape[1])
    let (size, layout) = packedSize(rows: k, columns: n)
    (self.layout, self.shape, memory) = (layout, shape, Storage([size]))
    packMatrix(matrix.transposed, rows: k, columns: n, to: memory.pointer)
  }

  /// The panels.
  var pointer: UnsafePointer<Float> { UnsafePointer(memory.pointer) }

  /// Whether products of now find what they read.
  var isUsable: Bool {
    layout == Kernels.table.gemm.layout
      || layout.precision == .int8 && layout == Kernels.table.products.int8.layout
  }

  /// Whether the numbers were unpacked for good.
  var isUnpacked: Bool { unpackedStorage.withLock { $0 != nil } }

  /// The numbers, rounded as they were packed.
  var unpacked: Storage {
    if let known = unpackedStorage.withLock({ $0 }) { return known }
    let result = Storage(shape)
    unpackMatrix(
      pointer, layout, rows: shape[1], columns: shape[0], to: result.pointer, rowStride: 1,
      columnStride: shape[1])
    return result
  }

  /// The same, kept.
  var unpackedForGood: Storage {
    // Not within the lock: what other threads do meanwhile may be what unpacking waits for.
    let result = unpacked
    return unpackedStorage.withLock { known in
      known = known ?? result
      return known!
    }
  }
}
