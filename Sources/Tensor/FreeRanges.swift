#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Memory for large tensors, cut from ranges of pages and merged again with its neighbours when it is freed: what
/// activations leave becomes gradients, so that the pages a step touches are little more than what it holds at once.
///
/// A block is taken from the smallest range that it fits into: a step of SigLIP B/16 then touches less than from the first
/// that fits.
struct FreeRanges: ~Copyable {
  /// Blocks of fewer bytes than this are not worth a search.
  static let smallestBlock = 1 << 20

  private struct Range {
    var start: UInt
    var bytes: Int
    var end: UInt { start + UInt(bytes) }
  }

  /// In ascending order, no two of them touching.
  private var ranges: [Range] = []
  /// Bytes of all free ranges.
  private(set) var bytes = 0

  /// `bytes` rounded up to what a block of that size occupies.
  static func roundedUp(_ bytes: Int) -> Int {
    let page = 1 << 14
    return (bytes + page - 1) / page * page
  }

  /// The address of a block, from the free ranges or from the system; stops the program when the system has no more memory.
  mutating func take(_ count: Int) -> UInt {
    let index = smallest(holding: count) ?? grow(by: count)
    ranges[index].bytes -= count
    // From the end: the beginning of a new range stays untouched, and so not resident, for as long as can be.
    let start = ranges[index].end
    if ranges[index].bytes == 0 { ranges.remove(at: index) }
    bytes -= count
    return start
  }

  /// Makes a block free, and joins it with free neighbours.
  mutating func give(back address: UInt, _ count: Int) {
    insert(Range(start: address, bytes: count))
  }

  /// Returns all free ranges to the system.
  mutating func releaseAll() {
    for range in ranges { Self.unmap(range.start, range.bytes) }
    ranges = []
    bytes = 0
  }

  /// Returns one block to the system.
  static func unmap(_ address: UInt, _ bytes: Int) {
    guard munmap(UnsafeMutableRawPointer(bitPattern: address), bytes) == 0 else {
      programmerError("memory: the system did not take back \(bytes) bytes")
    }
  }

  /// Position of the smallest range of at least `count` bytes.
  private func smallest(holding count: Int) -> Int? {
    var best: Int?
    for index in ranges.indices where ranges[index].bytes >= count {
      if let best, ranges[best].bytes <= ranges[index].bytes { continue }
      best = index
    }
    return best
  }

  /// Adds at least `count` free bytes in one range and gives its position. Pages are resident once they are written to.
  private mutating func grow(by count: Int) -> Int {
    let length = max(count, 16 << 20)
    let mapped = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard let mapped, mapped != MAP_FAILED else {
      programmerError("memory: the system has no \(length) bytes left")
    }
    #if os(Linux)
      // A pass over large tensors then needs few address translations. A system that does not follow changes nothing.
      madvise(mapped, length, MADV_HUGEPAGE)
    #endif
    return insert(Range(start: UInt(bitPattern: mapped), bytes: length))
  }

  @discardableResult private mutating func insert(_ range: Range) -> Int {
    bytes += range.bytes
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].start < range.start { low = middle + 1 } else { high = middle }
    }
    let joinsNext = low < ranges.count && ranges[low].start == range.end
    if low > 0, ranges[low - 1].end == range.start {
      ranges[low - 1].bytes += range.bytes + (joinsNext ? ranges[low].bytes : 0)
      if joinsNext { ranges.remove(at: low) }
      return low - 1
    }
    if joinsNext {
      ranges[low].start = range.start
      ranges[low].bytes += range.bytes
    } else {
      ranges.insert(range, at: low)
    }
    return low
  }
}
