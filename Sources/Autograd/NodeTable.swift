/// Where each of some nodes stands, by its number: a hash table in one block of memory.
struct NodeTable {
  private var slots = [Slot](repeating: .empty, count: 64)
  private var count = 0

  private struct Slot {
    var id: UInt64
    /// -1 where nothing is.
    var position: Int

    static let empty = Slot(id: 0, position: -1)
  }

  /// The position of a node, or nil.
  subscript(node: Node) -> Int? {
    let slot = slots[place(of: node.id)]
    return slot.position < 0 ? nil : slot.position
  }

  /// Notes a node; false if it was there already.
  @discardableResult
  mutating func insert(_ id: UInt64, at position: Int) -> Bool {
    let place = place(of: id)
    if slots[place].position >= 0 { return false }
    slots[place] = Slot(id: id, position: position)
    count += 1
    if 2 * count > slots.count { grow() }
    return true
  }

  /// Gives a node that is there another position.
  mutating func move(_ id: UInt64, to position: Int) { slots[place(of: id)].position = position }

  /// The slot that holds a number, or the empty one where it belongs.
  private func place(of id: UInt64) -> Int {
    let mask = slots.count - 1
    // The upper half of a product with the golden ratio spreads consecutive numbers.
    var place = Int(truncatingIfNeeded: (id &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    while slots[place].position >= 0 && slots[place].id != id { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: .empty, count: 2 * old.count)
    for slot in old where slot.position >= 0 { slots[place(of: slot.id)] = slot }
  }
}
