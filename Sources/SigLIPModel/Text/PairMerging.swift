/// Byte-pair encoding by a list of merges: which two ids become which, the earlier in the list the earlier.
struct PairMerging: Sendable {
  /// What a character or byte that the vocabulary lacks becomes.
  struct Fallback: Sendable {
    /// Id of the unknown token; without one, such characters vanish.
    var unknownID: Int32?
    /// Whether neighbouring unknown characters are one token.
    var fusesUnknown = false
    /// Ids of the 256 bytes, tried before the unknown token; -1 where there is none.
    var byteIDs: [Int32] = []
  }

  /// Ids of single characters, by their bytes.
  struct Alphabet: Sendable {
    let inside: ByteTrie
    /// Ids of characters that end a word, where these differ.
    let last: ByteTrie?
  }

  private let merges: MergeTable
  private let alphabet: Alphabet
  private let fallback: Fallback

  init(merges: MergeTable, alphabet: Alphabet, fallback: Fallback) {
    self.merges = merges
    self.alphabet = alphabet
    self.fallback = fallback
  }

  private struct Rules: MergeRules {
    let merges: MergeTable.View

    @inline(__always)
    func merged(_ left: MergeSymbol, _ right: MergeSymbol) -> (rank: UInt32, state: Int32)? {
      merges.merged(left.state, right.state)
    }

    @inline(__always)
    func stillMerges(_ left: MergeSymbol, _ right: MergeSymbol, to state: Int32, length: Int32) -> Bool {
      merges.merged(left.state, right.state)?.state == state
    }

    @inline(__always)
    func found(_ left: MergeSymbol, _ right: MergeSymbol, state: Int32) {}
  }

  /// Appends the ids of a word.
  ///
  /// - Parameter isByteLevel: Whether the alphabet's characters are bytes rather than scalars.
  func encode(_ word: UnsafeBufferPointer<UInt8>, isByteLevel: Bool, into ids: inout [Int32]) {
    if word.isEmpty { return }
    // A character that falls back to bytes becomes as many symbols as it has bytes.
    withUnsafeTemporaryAllocation(of: MergeSymbol.self, capacity: word.count) { storage in
      let count = alphabet.inside.withWalker { inside in
        alphabet.last?.withWalker { split(word, isByteLevel, inside, last: $0, storage) }
          ?? split(word, isByteLevel, inside, last: inside, storage)
      }
      let symbols = UnsafeMutableBufferPointer(rebasing: storage[..<count])
      if count == 0 { return }
      merges.withView { view in
        var rules = Rules(merges: view)
        BytePairMerging.run(symbols, &rules)
      }
      var index: Int32 = 0
      while index >= 0 {
        ids.append(symbols[Int(index)].state)
        index = symbols[Int(index)].next
      }
    }
  }

  private func split(
    _ word: UnsafeBufferPointer<UInt8>, _ isByteLevel: Bool, _ inside: ByteTrie.Walker, last: ByteTrie.Walker,
    _ storage: UnsafeMutableBufferPointer<MergeSymbol>
  ) -> Int {
    var count = 0
    func append(_ id: Int32, at start: Int) {
      storage[count] = MergeSymbol(state: id, start: Int32(truncatingIfNeeded: start), length: 1)
      count += 1
    }
    var position = 0
    // The unknown token that has not been appended yet, as Hugging Face's: bytes that follow overtake it.
    var pending: (id: Int32, start: Int)?
    while position < word.count {
      let start = position
      position += isByteLevel ? 1 : min(characterLength(word[start]), word.count - start)
      let character = word[start..<position]
      let trie = position == word.count ? last : inside
      let node = trie.descendant(of: ByteTrie.root, along: character)
      let id = node < 0 ? -1 : trie.value(at: node)
      if id >= 0 {
        if let unknown = pending { append(unknown.id, at: unknown.start) }
        pending = nil
        append(id, at: start)
      } else if !fallback.byteIDs.isEmpty, character.allSatisfy({ fallback.byteIDs[Int($0)] >= 0 }) {
        for (offset, byte) in character.enumerated() {
          append(fallback.byteIDs[Int(byte)], at: start + offset)
        }
      } else if let unknownID = fallback.unknownID {
        if fallback.fusesUnknown && pending != nil { continue }
        if let unknown = pending { append(unknown.id, at: unknown.start) }
        pending = (unknownID, start)
      }
    }
    if let unknown = pending { append(unknown.id, at: unknown.start) }
    return count
  }
}

/// Merges by their two ids: a hash table with open addressing.
struct MergeTable: Sendable {
  private struct Slot: Sendable {
    var pair: UInt64
    var rank: UInt32
    var result: Int32
  }

  /// The key of a free slot: no two ids make it, since ids are not negative.
  private static let free = UInt64.max

  private let slots: [Slot]
  private let shift: UInt64

  /// A table of merges in their order; of equal pairs the last counts.
  init(_ merges: [(left: Int32, right: Int32, result: Int32)]) {
    var bits = UInt64(4)
    while 1 << bits < 2 * merges.count { bits += 1 }
    shift = 64 - bits
    var slots = Array(repeating: Slot(pair: MergeTable.free, rank: 0, result: -1), count: 1 << bits)
    let mask = slots.count - 1
    for (rank, merge) in merges.enumerated() {
      let pair = MergeTable.key(merge.left, merge.right)
      var place = MergeTable.place(pair, shift)
      while slots[place].pair != MergeTable.free && slots[place].pair != pair { place = (place + 1) & mask }
      slots[place] = Slot(pair: pair, rank: UInt32(rank), result: merge.result)
    }
    self.slots = slots
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Multiplication by the golden ratio (Knuth, volume 3, 6.4): the upper bits depend on all of the key's.
  @inline(__always)
  private static func place(_ pair: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: ((pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// Looks merges up in memory that someone else holds on to.
  struct View {
    fileprivate let slots: UnsafeRawPointer
    fileprivate let mask: Int
    fileprivate let shift: UInt64

    /// What two ids become, and how early.
    @inline(__always)
    func merged(_ left: Int32, _ right: Int32) -> (rank: UInt32, state: Int32)? {
      let pair = MergeTable.key(left, right)
      var place = MergeTable.place(pair, shift)
      let slots = slots.assumingMemoryBound(to: Slot.self)
      while true {
        if slots[place].pair == pair { return (slots[place].rank, slots[place].result) }
        if slots[place].pair == MergeTable.free { return nil }
        place = (place + 1) & mask
      }
    }
  }

  /// Calls `body` with a view that is valid until it returns.
  @inline(__always)
  func withView<Result>(_ body: (View) -> Result) -> Result {
    slots.withUnsafeBufferPointer {
      body(View(slots: UnsafeRawPointer($0.baseAddress!), mask: slots.count - 1, shift: shift))
    }
  }
}
