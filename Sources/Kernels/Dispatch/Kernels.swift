@_exported import KernelInterface
import KernelsBaseline

/// The kernels of the best instruction-set level that this CPU runs.
public enum Kernels {
  /// The table in use.
  public static let table: KernelTable = KernelsBaseline.kernelTable
}
