/// Which negative pairs the sigmoid loss is made of, for each image: the masks of the study of negatives (Zhai et al. 2023,
/// section 4.8).
///
/// The logarithm of the negatives' ratio is what the bias makes up for at first, so it should start at minus that. To see
/// as many pairs as without a selection, train as many times longer as pairs are left out.
public enum NegativeSelection: Sendable {
  /// All of them.
  case all
  /// A share of them, drawn by chance: the same for the same generator.
  case random(share: Double, Random)
  /// The share with the largest logits, the first of equal ones.
  case hardest(share: Double)
  /// The share with the smallest logits, the first of equal ones.
  case easiest(share: Double)

  /// How many of some negatives are kept: the share, rounded, and one at least.
  public func count(of negatives: Int) -> Int {
    guard let share else { return negatives }
    return Swift.min(negatives, Swift.max(1, Int((share * Double(negatives)).rounded())))
  }

  private var share: Double? {
    switch self {
    case .all: nil
    case .random(let share, _), .hardest(let share), .easiest(let share): share
    }
  }

  package var isAll: Bool { share == nil }

  /// Traps unless the share is above 0 and at most 1.
  func check(of operation: StaticString) {
    if let share, !(share > 0 && share <= 1) {
      programmerError("\(operation): a share of \(share) of the negatives, expected above 0 and at most 1")
    }
  }

  /// Replaces the dot products of what is not selected by ``PairwiseLoss/absent``, which the products of other pairs than
  /// negatives are already.
  ///
  /// - Parameters:
  ///   - image: The row's number, on which chance depends.
  ///   - keys: Memory that is used again for every row.
  func apply(to products: UnsafeMutableBufferPointer<Float>, image: Int, _ keys: inout [UInt64]) {
    if isAll { return }
    // What is wanted most has the smallest key; of equal keys, the first column's. NaN, which the loss is to show, is wanted.
    var chance: Random? = nil
    if case .random(_, let random) = self { chance = random.part(image) }
    keys.removeAll(keepingCapacity: true)
    for column in products.indices where products[column] != PairwiseLoss.absent {
      let key =
        switch self {
        case .all, .random: UInt32(truncatingIfNeeded: chance!.nextUInt64())
        case .hardest: ~NegativeSelection.order(products[column], ofNaN: .max)
        case .easiest: NegativeSelection.order(products[column], ofNaN: 0)
        }
      keys.append(UInt64(key) << 32 | UInt64(column))
    }
    let kept = count(of: keys.count)
    NegativeSelection.partition(&keys, smallest: kept)
    for key in keys[kept...] { products[Int(key & 0xffff_ffff)] = PairwiseLoss.absent }
  }

  /// A number whose order is that of the values.
  private static func order(_ value: Float, ofNaN: UInt32) -> UInt32 {
    if value.isNaN { return ofNaN }
    // -0 is 0.
    let bits = (value + 0).bitPattern
    return bits >> 31 == 1 ? ~bits : bits | 1 << 31
  }

  /// Puts the `count` smallest first, in any order (Hoare 1961); no two are equal.
  private static func partition(_ keys: inout [UInt64], smallest count: Int) {
    var (low, high) = (0, keys.count)
    while count > low, count < high {
      let pivot = keys[low + (high - low) / 2]
      var (left, right) = (low, high - 1)
      while left <= right {
        while keys[left] < pivot { left += 1 }
        while keys[right] > pivot { right -= 1 }
        if left <= right {
          keys.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if count <= right { high = right + 1 } else if count >= left { low = left } else { return }
    }
  }
}
