/// A part of a text during byte-pair encoding, linked to its neighbours.
struct MergeSymbol {
  /// What stands here, in the terms of a ``MergeRules``; negative when nothing can be merged with it.
  var state: Int32
  var start: Int32
  /// Bytes; 0 once a neighbour on the left has taken this part in.
  var length: Int32
  var previous: Int32 = -1
  var next: Int32 = -1
}

/// Says which neighbours become one symbol, and how early.
protocol MergeRules {
  /// What two neighbours become, and its rank, the lowest first; nil when they stay apart.
  func merged(_ left: MergeSymbol, _ right: MergeSymbol) -> (rank: UInt32, state: Int32)?

  /// Whether neighbours that are all of `length` bytes still become `state`, as their left part did with another one.
  func stillMerges(_ left: MergeSymbol, _ right: MergeSymbol, to state: Int32, length: Int32) -> Bool

  /// Sees a merge that may come.
  mutating func found(_ left: MergeSymbol, _ right: MergeSymbol, state: Int32)
}

/// Byte-pair encoding (Sennrich et al. 2016): merges the neighbours of the lowest rank, the leftmost of equal ones,
/// until none is left.
struct BytePairMerging {
  /// A merge that waits, ordered by rank and place.
  private struct Candidate {
    var order: UInt64
    var state: Int32
    /// Bytes of both symbols.
    var length: Int32
  }

  private let symbols: UnsafeMutableBufferPointer<MergeSymbol>
  private let heap: UnsafeMutableBufferPointer<Candidate>
  private var count = 0

  /// Merges symbols that follow each other in memory, linking them; the first one stays the first.
  @inline(__always)
  static func run<Rules: MergeRules>(
    _ symbols: UnsafeMutableBufferPointer<MergeSymbol>, _ rules: inout Rules
  ) {
    for index in symbols.indices {
      symbols[index].previous = Int32(truncatingIfNeeded: index - 1)
      symbols[index].next = index + 1 < symbols.count ? Int32(truncatingIfNeeded: index + 1) : -1
    }
    if symbols.count < 2 { return }
    // Every merge takes one symbol away and finds at most two others.
    withUnsafeTemporaryAllocation(of: Candidate.self, capacity: 3 * symbols.count) { heap in
      var merging = BytePairMerging(symbols: symbols, heap: heap)
      for index in 1..<symbols.count { merging.look(Int32(truncatingIfNeeded: index - 1), &rules) }
      while let candidate = merging.popFirst() { merging.apply(candidate, &rules) }
    }
  }

  private init(
    symbols: UnsafeMutableBufferPointer<MergeSymbol>, heap: UnsafeMutableBufferPointer<Candidate>
  ) {
    self.symbols = symbols
    self.heap = heap
  }

  /// Notes what the symbol at `left` and the next one would become.
  @inline(__always)
  private mutating func look<Rules: MergeRules>(_ left: Int32, _ rules: inout Rules) {
    let next = symbols[Int(left)].next
    if next < 0 { return }
    guard let (rank, state) = rules.merged(symbols[Int(left)], symbols[Int(next)]) else { return }
    rules.found(symbols[Int(left)], symbols[Int(next)], state: state)
    push(
      Candidate(
        order: UInt64(rank) << 32 | UInt64(UInt32(bitPattern: left)), state: state,
        length: symbols[Int(left)].length + symbols[Int(next)].length))
  }

  @inline(__always)
  private mutating func apply<Rules: MergeRules>(_ candidate: Candidate, _ rules: inout Rules) {
    let left = Int(UInt32(truncatingIfNeeded: candidate.order))
    let right = Int(symbols[left].next)
    // Since it was noted, one of the two may have been merged with another neighbour.
    guard symbols[left].length > 0, right >= 0,
      rules.stillMerges(symbols[left], symbols[right], to: candidate.state, length: candidate.length)
    else { return }
    symbols[left].state = candidate.state
    symbols[left].length += symbols[right].length
    symbols[left].next = symbols[right].next
    symbols[right].length = 0
    let next = symbols[left].next
    if next >= 0 { symbols[Int(next)].previous = Int32(truncatingIfNeeded: left) }
    if symbols[left].previous >= 0 { look(symbols[left].previous, &rules) }
    look(Int32(truncatingIfNeeded: left), &rules)
  }

  // MARK: The heap

  @inline(__always)
  private mutating func push(_ candidate: Candidate) {
    var place = count
    count += 1
    while place > 0 {
      let parent = (place - 1) / 2
      if heap[parent].order <= candidate.order { break }
      heap[place] = heap[parent]
      place = parent
    }
    heap[place] = candidate
  }

  @inline(__always)
  private mutating func popFirst() -> Candidate? {
    if count == 0 { return nil }
    let first = heap[0]
    count -= 1
    let last = heap[count]
    var place = 0
    while true {
      var child = 2 * place + 1
      if child >= count { break }
      if child + 1 < count && heap[child + 1].order < heap[child].order { child += 1 }
      if heap[child].order >= last.order { break }
      heap[place] = heap[child]
      place = child
    }
    heap[place] = last
    return first
  }
}
