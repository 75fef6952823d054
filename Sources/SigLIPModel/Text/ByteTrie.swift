/// Finds byte strings that begin at a place in a text: a trie whose nodes keep their children sorted, side by side.
struct ByteTrie: Sendable {
  // Children of node n: entries firstChild[n]..<firstChild[n + 1] of the two arrays below.
  private var firstChild: [Int32] = []
  private var labels: [UInt8] = []
  private var values: [Int32] = [-1]
  // Nodes are numbered breadth first, so a child's number is its entry's plus one.

  /// A trie of distinct keys with a value of at least 0 each; of equal keys the first counts.
  init(_ entries: [(key: [UInt8], value: Int32)]) {
    let sorted = entries.enumerated().sorted {
      $0.element.key.lexicographicallyPrecedes($1.element.key)
        || ($0.element.key == $1.element.key && $0.offset < $1.offset)
    }.map(\.element)
    var level: [(range: Range<Int>, depth: Int)] = [(0..<sorted.count, 0)]
    var next: [(range: Range<Int>, depth: Int)] = []
    while !level.isEmpty {
      for (range, depth) in level {
        firstChild.append(Int32(labels.count))
        var start = range.lowerBound
        while start < range.upperBound && sorted[start].key.count == depth { start += 1 }
        while start < range.upperBound {
          let label = sorted[start].key[depth]
          var end = start + 1
          while end < range.upperBound && sorted[end].key[depth] == label { end += 1 }
          labels.append(label)
          values.append(sorted[start].key.count == depth + 1 ? sorted[start].value : -1)
          next.append((start..<end, depth + 1))
          start = end
        }
      }
      level = next
      next = []
    }
    firstChild.append(Int32(labels.count))
  }

  /// Number of the root.
  static let root: Int32 = 0

  /// The child of `node` along `byte`, or -1.
  func child(of node: Int32, along byte: UInt8) -> Int32 {
    var low = Int(firstChild[Int(node)])
    var high = Int(firstChild[Int(node) + 1])
    while low < high {
      let middle = (low + high) / 2
      if labels[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low < Int(firstChild[Int(node) + 1]) && labels[low] == byte ? Int32(low + 1) : -1
  }

  /// The value of the key that ends at `node`, or -1.
  func value(at node: Int32) -> Int32 { values[Int(node)] }
}
