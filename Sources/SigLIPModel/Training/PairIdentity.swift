import Foundation

/// By what it is known that images and captions of a batch are the same, on whatever ranks they are.
struct PairIdentity: Sendable, Hashable {
  /// Equal where images are.
  var image: Int
  /// Equal where captions are; nil for one that is equal to nothing.
  var caption: ContentDigest?

  /// A number for each pair, equal for those that share an image or a caption, directly or through others.
  static func classes(of identities: [PairIdentity]) -> [Int] {
    var classes = Array(identities.indices)
    func root(_ place: Int) -> Int {
      var place = place
      while classes[place] != place { place = classes[place] }
      return place
    }
    var captions: [ContentDigest: Int] = [:]
    var images: [Int: Int] = [:]
    for (place, identity) in identities.enumerated() {
      var equals = [images.updateValueIfAbsent(place, forKey: identity.image)]
      if let caption = identity.caption {
        equals.append(captions.updateValueIfAbsent(place, forKey: caption))
      }
      for first in equals {
        let (a, b) = (root(first), root(place))
        classes[max(a, b)] = min(a, b)
      }
    }
    return classes.indices.map(root)
  }
}

extension PairIdentity {
  /// What another rank needs to know.
  var bytes: [UInt8] {
    withUnsafeBytes(of: Int64(image).littleEndian, Array.init) + (caption.map { [1] + $0.bytes } ?? [0])
  }

  /// Reads identities that follow one another; nil where they are something else.
  static func all(of bytes: Data) -> [PairIdentity]? {
    var (rest, all) = (bytes[...], [PairIdentity]())
    while !rest.isEmpty {
      guard rest.count >= 9 else { return nil }
      let image = rest.prefix(8).withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
      let hasCaption = rest[rest.startIndex + 8] == 1
      rest = rest.dropFirst(9)
      var identity = PairIdentity(image: Int(image), caption: nil)
      if hasCaption {
        guard rest.count >= ContentDigest.byteCount else { return nil }
        identity.caption = rest.prefix(ContentDigest.byteCount).withUnsafeBytes { ContentDigest(bytes: $0) }
        rest = rest.dropFirst(ContentDigest.byteCount)
      }
      all.append(identity)
    }
    return all
  }
}

extension Dictionary {
  /// The value of a key, which is the given one where there was none.
  fileprivate mutating func updateValueIfAbsent(_ value: Value, forKey key: Key) -> Value {
    if let known = self[key] { return known }
    self[key] = value
    return value
  }
}
