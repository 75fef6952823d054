/// Finds byte strings that begin at a place in a text: a double-array trie (Aoe 1989), one look-up for each byte.
struct ByteTrie: Sendable {
  /// A node; the child along a byte stands at `base ^ byte` if that one's `parent` is this node.
  struct Node: Sendable {
    var base: Int32 = 0
    var parent: Int32 = -1
    var value: Int32 = -1
  }

  /// Walks a trie whose memory someone else holds on to.
  struct Walker {
    private let nodes: UnsafePointer<Node>

    fileprivate init(_ nodes: UnsafePointer<Node>) { self.nodes = nodes }

    /// The child of `node` along `byte`, or -1.
    @inline(__always)
    func child(of node: Int32, along byte: UInt8) -> Int32 {
      let child = nodes[Int(node)].base ^ Int32(byte)
      return nodes[Int(child)].parent == node ? child : -1
    }

    /// The value of the key that ends at `node`, or -1.
    @inline(__always)
    func value(at node: Int32) -> Int32 { nodes[Int(node)].value }

    /// The node that `bytes` lead to from `node`, or -1.
    @inline(__always)
    func descendant(of node: Int32, along bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int32 {
      var node = node
      for byte in bytes {
        node = child(of: node, along: byte)
        if node < 0 { break }
      }
      return node
    }

    /// The longest key that begins at `position`: its value and length.
    func longestMatch(_ text: UnsafeBufferPointer<UInt8>, from position: Int) -> (value: Int32, length: Int)?
    {
      var node = ByteTrie.root
      var best: (Int32, Int)?
      for end in position..<text.count {
        node = child(of: node, along: text[end])
        if node < 0 { break }
        if value(at: node) >= 0 { best = (value(at: node), end + 1 - position) }
      }
      return best
    }
  }

  /// Number of the root.
  static let root: Int32 = 0

  private let nodes: [Node]

  /// A trie of distinct keys with a value of at least 0 each; of equal keys the first counts.
  init(_ entries: [(key: [UInt8], value: Int32)]) {
    var builder = Builder()
    builder.build(
      entries.enumerated().sorted {
        $0.element.key.lexicographicallyPrecedes($1.element.key)
          || ($0.element.key == $1.element.key && $0.offset < $1.offset)
      }.map(\.element))
    nodes = builder.nodes
  }

  /// Calls `body` with a walker that is valid until it returns.
  @inline(__always)
  func withWalker<Result>(_ body: (Walker) throws -> Result) rethrows -> Result {
    try nodes.withUnsafeBufferPointer { try body(Walker($0.baseAddress!)) }
  }

  /// The value of a key, or -1.
  func value(of key: some Sequence<UInt8>) -> Int32 {
    withWalker { walker in
      var node = ByteTrie.root
      for byte in key {
        node = walker.child(of: node, along: byte)
        if node < 0 { return -1 }
      }
      return walker.value(at: node)
    }
  }
}

extension ByteTrie {
  /// Places the children of every node where all of them find room.
  private struct Builder {
    private static let blockSize = 256
    /// Free places in older blocks are given up, so that the search for room stays short.
    private static let openBlocks = 16

    var nodes: [Node] = []
    // The free places of the open blocks form a ring through entry 0, which is the root's and never free.
    private var nextFree: [Int32] = []
    private var previousFree: [Int32] = []

    mutating func build(_ entries: [(key: [UInt8], value: Int32)]) {
      addBlock()
      take(0)
      nodes[0].parent = -2
      var pending: [(node: Int32, range: Range<Int>, depth: Int)] = [(ByteTrie.root, 0..<entries.count, 0)]
      var labels: [UInt8] = []
      var ranges: [Range<Int>] = []
      var done = 0
      while done < pending.count {
        let (node, range, depth) = pending[done]
        done += 1
        var start = range.lowerBound
        if start < range.upperBound && entries[start].key.count == depth {
          nodes[Int(node)].value = entries[start].value
        }
        while start < range.upperBound && entries[start].key.count == depth { start += 1 }
        labels.removeAll(keepingCapacity: true)
        ranges.removeAll(keepingCapacity: true)
        while start < range.upperBound {
          let label = entries[start].key[depth]
          var end = start + 1
          while end < range.upperBound && entries[end].key[depth] == label { end += 1 }
          labels.append(label)
          ranges.append(start..<end)
          start = end
        }
        if labels.isEmpty { continue }
        let base = room(for: labels)
        nodes[Int(node)].base = base
        for (label, range) in zip(labels, ranges) {
          let child = base ^ Int32(label)
          take(child)
          nodes[Int(child)].parent = node
          pending.append((child, range, depth + 1))
        }
        if done == 1 << 16 {
          pending.removeFirst(done)
          done = 0
        }
      }
    }

    private mutating func room(for labels: [UInt8]) -> Int32 {
      var place = nextFree[0]
      while place != 0 {
        let base = place ^ Int32(labels[0])
        if labels.allSatisfy({ nodes[Int(base ^ Int32($0))].parent == -1 }) { return base }
        place = nextFree[Int(place)]
      }
      let base = Int32(nodes.count)
      addBlock()
      return base
    }

    private mutating func addBlock() {
      let start = Int32(nodes.count)
      let end = start + Int32(Self.blockSize)
      nodes += Array(repeating: Node(), count: Self.blockSize)
      nextFree += (start + 1)...end
      previousFree += (start - 1)..<(end - 1)
      if start == 0 {
        nextFree[Self.blockSize - 1] = 0
        previousFree[0] = end - 1
      } else {
        let last = previousFree[0]
        nextFree[Int(last)] = start
        previousFree[Int(start)] = last
        nextFree[Int(end) - 1] = 0
        previousFree[0] = end - 1
      }
      let closed = start - Int32(Self.blockSize * Self.openBlocks)
      if closed >= 0 {
        for place in max(closed, 1)..<(closed + Int32(Self.blockSize)) where nodes[Int(place)].parent == -1 {
          unlink(place)
        }
      }
    }

    /// Removes a place from the ring.
    private mutating func unlink(_ place: Int32) {
      let (previous, next) = (previousFree[Int(place)], nextFree[Int(place)])
      nextFree[Int(previous)] = next
      previousFree[Int(next)] = previous
    }

    private mutating func take(_ place: Int32) {
      if place != 0 { unlink(place) }
    }
  }
}
