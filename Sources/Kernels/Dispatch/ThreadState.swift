#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What one thread owns: its table for tests, and buffers that kernel calls use again and again.
final class ThreadState {
  /// Replaces the best table on this thread.
  var table: UnsafePointer<KernelTable>?
  /// Whether this thread runs the body of a parallel region; regions inside are run by this thread alone.
  var isInsideRegion = false
  /// The place where this thread last opened a region of its own.
  var lastRegion = 0
  /// Other regions that were open lately beside those of this thread.
  var neighbourhood = Neighbourhood()
  /// For packed matrices.
  let packing = ScratchBuffer()
  /// For the panels that one task of a product packs.
  let panels = ScratchBuffer()
  /// For one register tile or one row of a product.
  let tile = ScratchBuffer()
  /// For unfolded images and other intermediate values of convolutions.
  let columns = ScratchBuffer()
  /// For sums that are added up later.
  let partials = ScratchBuffer()

  /// The state of the calling thread, made when first asked for and freed when the thread ends.
  static var current: ThreadState {
    if let known = pthread_getspecific(key) {
      return Unmanaged<ThreadState>.fromOpaque(known).takeUnretainedValue()
    }
    let state = ThreadState()
    pthread_setspecific(key, Unmanaged.passRetained(state).toOpaque())
    return state
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    #if canImport(Darwin)
      pthread_key_create(&key) { Unmanaged<ThreadState>.fromOpaque($0).release() }
    #else
      pthread_key_create(&key) { if let state = $0 { Unmanaged<ThreadState>.fromOpaque(state).release() } }
    #endif
    return key
  }()
}

/// Memory that grows to the largest size asked for and is then used again.
final class ScratchBuffer {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Room for `count` numbers, aligned to cache lines; the content is undefined and valid until the next call.
  func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    if memory.count < bytes {
      memory.deallocate()
      memory = .allocate(byteCount: bytes, alignment: 64)
    }
    return memory.baseAddress!.assumingMemoryBound(to: Float.self)
  }

  deinit { memory.deallocate() }
}
