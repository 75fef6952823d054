/// Byte-pair encoding as Google does it: neighbours merge when together they are a piece, the highest score first.
final class PieceMerging: Sendable {
  private let trie: ByteTrie
  private let symbols: ByteTrie?
  private let ranks: [UInt32]
  private let isUnused: [Bool]
  private let hasUnused: Bool
  /// Whether no piece reaches over the beginning of a word: then words can be merged one by one.
  private let splitsWords: Bool
  private let unknownID: Int32

  /// A model of pieces.
  ///
  /// - Parameters:
  ///   - pieces: Those that can occur in a text, unused ones included.
  ///   - scores: The score of every id.
  ///   - isUnused: For every id, whether its piece is taken apart again.
  ///   - symbols: Those that the user defined: they are found first and never merged.
  init(
    pieces: [(key: [UInt8], value: Int32)], scores: [Float], isUnused: [Bool], symbols: ByteTrie?,
    unknownID: Int32
  ) {
    trie = ByteTrie(pieces)
    self.symbols = symbols
    let ordered = Set(scores).sorted(by: >)
    let rankOfScore = Dictionary(uniqueKeysWithValues: zip(ordered, UInt32(0)...))
    ranks = scores.map { rankOfScore[$0] ?? 0 }
    self.isUnused = isUnused
    hasUnused = isUnused.contains(true)
    splitsWords =
      symbols == nil
      && pieces.allSatisfy { piece in
        piece.key.withUnsafeBufferPointer { PieceMerging.wordEnd($0, from: 0) } == piece.key.count
      }
    self.unknownID = unknownID
  }

  /// Looks neighbours up in the trie; a symbol's state is its node.
  private struct Rules: MergeRules {
    let text: UnsafeBufferPointer<UInt8>
    let trie: ByteTrie.Walker
    let ranks: UnsafeBufferPointer<UInt32>
    let unused: UnsafeBufferPointer<Bool>?
    /// Of unused pieces, by node: how long the left part was.
    var parts: [Int32: Int32] = [:]

    @inline(__always)
    func merged(_ left: MergeSymbol, _ right: MergeSymbol) -> (rank: UInt32, state: Int32)? {
      // A state below -1 is a symbol that stays as it is.
      if left.state < 0 || right.state < -1 { return nil }
      let start = Int(right.start)
      let node = trie.descendant(of: left.state, along: text[start..<(start + Int(right.length))])
      guard node >= 0, trie.value(at: node) >= 0 else { return nil }
      return (ranks[Int(trie.value(at: node))], node)
    }

    @inline(__always)
    func stillMerges(_ left: MergeSymbol, _ right: MergeSymbol, to state: Int32, length: Int32) -> Bool {
      // The bytes are the same, and only they count.
      left.length + right.length == length
    }

    @inline(__always)
    mutating func found(_ left: MergeSymbol, _ right: MergeSymbol, state: Int32) {
      guard let unused, unused[Int(trie.value(at: state))] else { return }
      parts[state] = left.length
    }
  }

  /// Writes the pieces into memory for as many as the text has bytes; returns those written, in order.
  func pieces(
    of text: UnsafeBufferPointer<UInt8>, _ storage: UnsafeMutableBufferPointer<TextPiece>
  ) -> UnsafeBufferPointer<TextPiece> {
    let count = withUnsafeTemporaryAllocation(of: MergeSymbol.self, capacity: text.count) { memory in
      trie.withWalker { trie in
        ranks.withUnsafeBufferPointer { ranks in
          isUnused.withUnsafeBufferPointer { unused in
            var rules = Rules(text: text, trie: trie, ranks: ranks, unused: hasUnused ? unused : nil)
            return pieces(of: text, &rules, memory, storage)
          }
        }
      }
    }
    return UnsafeBufferPointer(rebasing: storage[..<count])
  }

  private func pieces(
    of text: UnsafeBufferPointer<UInt8>, _ rules: inout Rules,
    _ memory: UnsafeMutableBufferPointer<MergeSymbol>, _ storage: UnsafeMutableBufferPointer<TextPiece>
  ) -> Int {
    var count = 0
    var start = 0
    while start < text.count {
      let end = splitsWords ? PieceMerging.wordEnd(text, from: start) : text.count
      let symbols = UnsafeMutableBufferPointer(
        rebasing: memory[..<split(text, start..<end, rules.trie, memory)])
      BytePairMerging.run(symbols, &rules)
      var index: Int32 = 0
      while index >= 0 {
        let symbol = symbols[Int(index)]
        emit(symbol.start..<(symbol.start + symbol.length), symbol: symbol.state, rules, storage, &count)
        index = symbol.next
      }
      start = end
    }
    return count
  }

  /// Where the word that begins at `start` ends: before a mark of a space that follows something else.
  private static func wordEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var position = start
    var followsMark = true
    while position < text.count {
      let isMark =
        text[position] == 0xE2 && position + 2 < text.count && text[position + 1] == 0x96
        && text[position + 2] == 0x81
      if isMark && !followsMark { return position }
      followsMark = isMark
      position += min(characterLength(text[position]), text.count - position)
    }
    return position
  }

  /// The symbols that a part of the text begins as: those of the user, and characters.
  private func split(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ trie: ByteTrie.Walker,
    _ storage: UnsafeMutableBufferPointer<MergeSymbol>
  ) -> Int {
    if let symbols {
      return symbols.withWalker { split(text, range, trie, symbols: $0, storage) }
    }
    return split(text, range, trie, symbols: nil, storage)
  }

  @inline(__always)
  private func split(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ trie: ByteTrie.Walker,
    symbols: ByteTrie.Walker?, _ storage: UnsafeMutableBufferPointer<MergeSymbol>
  ) -> Int {
    var position = range.lowerBound
    var count = 0
    while position < range.upperBound {
      let state: Int32
      let length: Int
      if let match = symbols?.longestMatch(text, from: position) {
        state = -2 - match.value
        length = match.length
      } else {
        length = min(characterLength(text[position]), text.count - position)
        state = trie.descendant(of: ByteTrie.root, along: text[position..<(position + length)])
      }
      storage[count] = MergeSymbol(state: state, start: Int32(position), length: Int32(length))
      count += 1
      position += length
    }
    return count
  }

  private func emit(
    _ range: Range<Int32>, symbol: Int32, _ rules: borrowing Rules,
    _ storage: UnsafeMutableBufferPointer<TextPiece>, _ count: inout Int
  ) {
    let id = symbol < -1 ? -2 - symbol : symbol < 0 ? unknownID : rules.trie.value(at: symbol)
    if symbol >= 0, id >= 0, let unused = rules.unused, unused[Int(id)], let left = rules.parts[symbol] {
      // An unused piece only helps to build longer ones.
      let middle = range.lowerBound + left
      for part in [range.lowerBound..<middle, middle..<range.upperBound] {
        let node = rules.trie.descendant(
          of: ByteTrie.root, along: rules.text[Int(part.lowerBound)..<Int(part.upperBound)])
        emit(part, symbol: node, rules, storage, &count)
      }
      return
    }
    storage[count] = TextPiece(
      id: id < 0 ? unknownID : id, start: range.lowerBound, end: range.upperBound)
    count += 1
  }
}
