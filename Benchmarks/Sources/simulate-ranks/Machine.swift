import ArgumentParser
import Foundation

/// What processes run on, and how fast that was measured to be.
struct Machine: Codable {
  /// A way between ranks.
  struct Link: Codable {
    /// In each direction.
    var bytesPerSecond: Double
    /// Seconds until a message's first byte is there.
    var latency: Double
  }

  /// Less than one where several nodes are tried on one machine.
  var coresPerNode = 64.0
  var ranksPerNode = 2
  var threadsPerRank = 32
  /// Between nodes, for all ranks of a node together.
  var network = Link(bytesPerSecond: 12.5e9, latency: 2e-6)
  /// Between ranks of a node, for each of them.
  var node = Link(bytesPerSecond: 8e9, latency: 1e-6)
  /// A rank's time to begin and end one message.
  var secondsPerMessage = 1e-6
  /// Whether bytes travel while a rank computes. Without a network card that takes them from memory by itself they wait until
  /// the rank waits for them.
  var overlaps = true

  /// Of one thread, in towers: a forward pass is one of three, a backward pass two.
  var multiplyAddsPerSecond = 79e9
  /// What a pass of both towers takes however few pairs it has, forward and backward.
  var secondsPerPass = 0.0
  /// Of one thread, in products of matrices alone, which most of the loss is.
  var productMultiplyAddsPerSecond = 118e9
  /// Of one thread, what the loss takes beside its products for each pair of an image and a text.
  var secondsPerComparison = 4e-9
  /// Reading and writing of one rank.
  var memoryBytesPerSecond = 60e9
  /// The same of one thread, into memory that is new: gradients are copied to their buckets and from there so.
  var copyBytesPerSecond = 14e9
  /// What telling which pairs belong together takes for each pair of the batch, on one thread.
  var secondsPerIdentity = 1e-6
  /// What a step takes beside all that, such as lines of metrics.
  var secondsPerStep = 0.0

  /// Reads what a file says; the rest stays as it is here.
  init(path: String?) throws {
    self.init()
    guard let path else { return }
    let own = try JSONSerialization.jsonObject(with: JSONEncoder().encode(self)) as! [String: Any]
    guard let text = FileManager.default.contents(atPath: path),
      let read = try? JSONSerialization.jsonObject(with: text) as? [String: Any]
    else { throw ValidationError("\(path): a file with an object of JSON was expected") }
    if let odd = read.keys.first(where: { own[$0] == nil }) {
      throw ValidationError(
        "\(path): a machine has no \(odd), but \(own.keys.sorted().joined(separator: ", "))")
    }
    let merged = own.merging(read) { $1 }
    self = try JSONDecoder().decode(Machine.self, from: JSONSerialization.data(withJSONObject: merged))
  }

  private init() {}

  /// Ranks on each node where there are so many in all.
  func ranksHere(of ranks: Int) -> Int { min(ranks, ranksPerNode) }

  /// The share of a core that each of a rank's threads has.
  func coreShare(ranks: Int) -> Double {
    min(1, coresPerNode / Double(ranksHere(of: ranks) * threadsPerRank))
  }

  /// Seconds in which every rank sends `bytes` to each of the others.
  func toAll(_ bytes: Double, ranks: Int) -> Double {
    if ranks == 1 { return 0 }
    let here = Double(ranksHere(of: ranks))
    let others = Double(ranks) - here
    return travel(between: here * others * bytes, within: (here - 1) * bytes, ranks)
      + secondsPerMessage * Double(ranks - 1) / coreShare(ranks: ranks)
  }

  /// Seconds in which every rank sends `bytes` to the one at a distance in the circle.
  func toNeighbour(_ bytes: Double, distance: Int, ranks: Int) -> Double {
    let here = ranksHere(of: ranks)
    let leaving = ranks > here ? min(here, distance, ranks - distance) : 0
    return travel(
      between: Double(leaving) * bytes, within: leaving < here ? bytes : 0, ranks)
      + secondsPerMessage / coreShare(ranks: ranks)
  }

  private func travel(between: Double, within: Double, _ ranks: Int) -> Double {
    let outside = between > 0 ? network.latency + between / network.bytesPerSecond : 0
    // Cores copy these.
    let inside =
      within > 0 ? node.latency + within / (node.bytesPerSecond * coreShare(ranks: ranks)) : 0
    return max(outside, inside)
  }
}
