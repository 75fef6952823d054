import Kernels
import Synchronization

/// Reference-counted memory of a tensor and the shape that it was made with: 64-byte aligned and returned to the pool when the last tensor lets go.
///
/// Writes happen only through a uniquely referenced storage, so sharing between threads is safe.
@usableFromInline
final class Storage: @unchecked Sendable {
  /// Nil for a matrix that is there in panels alone.
  private let memory: UnsafeMutablePointer<Float>?
  /// Of a tensor that takes all of it, contiguous.
  let layout: Tensor.Layout
  /// Elements of that tensor.
  let count: Int
  private let sizeClass: MemoryPool.SizeClass
  /// The numbers as products read them, a second time or alone. A storage that has them is not written to.
  let panels: PackedMatrix?

  /// The first number. Those of a matrix that is there in panels alone are unpacked for good when they are first asked for.
  @usableFromInline var pointer: UnsafeMutablePointer<Float> { memory ?? panels!.unpackedForGood.pointer }

  /// Whether it is a matrix that was made in panels alone.
  var isPacked: Bool { memory == nil }

  /// Whether numbers can be read where they are.
  @usableFromInline var hasNumbers: Bool { memory != nil || panels!.isUnpacked }

  /// More elements than any address space holds, and few enough to compute with their bytes.
  private static let largestCount = 1 << 56

  /// Uninitialised memory for a tensor.
  convenience init(_ shape: Shape) { self.init(shape, panels: nil, hasMemory: true) }

  /// A matrix in panels, and with uninitialised memory for the numbers if they are to be there too.
  init(_ shape: Shape, panels: PackedMatrix?, hasMemory: Bool) {
    let (strides, count) = shape.contiguousLayout
    if count > Storage.largestCount { programmerError("tensor: shape \(shape) fits no memory") }
    layout = Tensor.Layout(shape: shape, strides: strides, offset: 0)
    self.count = count
    self.panels = panels
    sizeClass = MemoryPool.SizeClass(bytes: count * MemoryLayout<Float>.stride)
    memory = hasMemory ? MemoryPool.shared.take(sizeClass).assumingMemoryBound(to: Float.self) : nil
  }

  /// One number that is not a number, for tensors whose numbers nobody reads.
  static let one: Storage = {
    let storage = Storage([1])
    storage.pointer.pointee = .nan
    return storage
  }()

  deinit {
    if let memory { MemoryPool.shared.give(back: memory, sizeClass) }
  }
}

/// Keeps freed tensor memory for the next tensors, so that a training step after the first asks the system for nothing.
///
/// Small blocks are kept by size, large ones are cut from ranges of pages (``FreeRanges``). The pool holds at most ``cacheLimit`` unused bytes; what is freed beyond goes back to the system.
public final class MemoryPool: Sendable {
  /// The pool of every tensor.
  public static let shared = MemoryPool()

  /// Small sizes are rounded up to one of eight steps for each power of two: at most an eighth is unused. Large sizes are
  /// rounded up to pages.
  struct SizeClass {
    let index: Int
    let bytes: Int

    /// Index of all sizes that ``FreeRanges`` serves.
    static let large = 8 * 14

    init(bytes: Int) {
      let smallest = 128
      if bytes <= smallest {
        index = 0
        self.bytes = smallest
        return
      }
      if bytes >= FreeRanges.smallestBlock {
        index = Self.large
        self.bytes = FreeRanges.roundedUp(bytes)
        return
      }
      let exponent = Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount
      let step = 1 << (exponent - 3)
      let steps = (bytes + step - 1) / step
      self.bytes = steps * step
      index = (exponent - 7) * 8 + steps - 8
    }
  }

  /// The address of a block that nobody uses, 0 for none. The block begins with the address of the next one of its size.
  private typealias FreeBlock = UInt

  private struct State: ~Copyable {
    let free = UnsafeMutableBufferPointer<FreeBlock>.allocate(capacity: SizeClass.large)
    var ranges = FreeRanges()
    var cachedSmallBytes = 0
    var cachedBytes: Int { cachedSmallBytes + ranges.bytes }
    var usedBytes = 0
    var peakBytes = 0
    var limit = 4 << 30

    init() { free.initialize(repeating: 0) }

    deinit { free.deallocate() }

    mutating func take(_ sizeClass: SizeClass) -> FreeBlock {
      usedBytes += sizeClass.bytes
      peakBytes = max(peakBytes, usedBytes)
      if sizeClass.index == SizeClass.large { return ranges.take(sizeClass.bytes) }
      let block = popBlock(sizeClass.index)
      if block != 0 { cachedSmallBytes -= sizeClass.bytes }
      return block
    }

    /// False if the pool is full.
    mutating func give(back block: FreeBlock, _ sizeClass: SizeClass) -> Bool {
      usedBytes -= sizeClass.bytes
      guard cachedBytes + sizeClass.bytes <= limit else { return false }
      if sizeClass.index == SizeClass.large {
        ranges.give(back: block, sizeClass.bytes)
        return true
      }
      cachedSmallBytes += sizeClass.bytes
      UnsafeMutablePointer(bitPattern: block)?.pointee = free[sizeClass.index]
      free[sizeClass.index] = block
      return true
    }

    func popBlock(_ index: Int) -> FreeBlock {
      let block = free[index]
      if let next = UnsafePointer<FreeBlock>(bitPattern: block) { free[index] = next.pointee }
      return block
    }
  }

  private let state = Mutex(State())

  /// Bytes that tensors hold now.
  public var usedBytes: Int { state.withLock { $0.usedBytes } }

  /// Largest number of bytes that tensors held at once since the start or ``resetPeak()``.
  public var peakBytes: Int { state.withLock { $0.peakBytes } }

  /// Unused bytes kept for reuse.
  public var cachedBytes: Int { state.withLock { $0.cachedBytes } }

  /// Most unused bytes to keep: 4 GiB unless set.
  public var cacheLimit: Int {
    get { state.withLock { $0.limit } }
    set {
      state.withLock { $0.limit = newValue }
      if cachedBytes > newValue { releaseUnused() }
    }
  }

  /// Starts ``peakBytes`` anew from what is held now.
  public func resetPeak() { state.withLock { $0.peakBytes = $0.usedBytes } }

  /// Returns all unused memory to the system.
  public func releaseUnused() {
    state.withLock { state in
      for index in state.free.indices {
        while let block = UnsafeMutableRawPointer(bitPattern: state.popBlock(index)) { block.deallocate() }
      }
      state.cachedSmallBytes = 0
      state.ranges.releaseAll()
    }
  }

  func take(_ sizeClass: SizeClass) -> UnsafeMutableRawPointer {
    let reused = state.withLock { $0.take(sizeClass) }
    if let block = UnsafeMutableRawPointer(bitPattern: reused) { return block }
    return .allocate(byteCount: sizeClass.bytes, alignment: 64)
  }

  func give(back pointer: UnsafeMutableRawPointer, _ sizeClass: SizeClass) {
    let block = UInt(bitPattern: pointer)
    if state.withLock({ $0.give(back: block, sizeClass) }) { return }
    if sizeClass.index == SizeClass.large {
      FreeRanges.unmap(block, sizeClass.bytes)
    } else {
      pointer.deallocate()
    }
  }
}
