import Tensor

/// Where the samples of shards stand: 8 bytes for each.
struct ShardIndex: Sendable {
  /// In the place of what a sample lacks.
  static let none = UInt32.max

  /// Of each sample: where the headers of its image and of its captions begin, in blocks of the archive.
  private(set) var images: [UInt32] = []
  private(set) var captions: [UInt32] = []
  /// Where each shard's samples begin, and the end.
  private(set) var starts = [0]
  /// Samples whose key an earlier one has, and which that is.
  private(set) var repeated: [Int: Int] = [:]

  var count: Int { images.count }

  /// The shard of a sample.
  func shard(of sample: Int) -> Int {
    var shards = 0..<starts.count - 1
    while shards.count > 1 {
      let middle = (shards.lowerBound + shards.upperBound) / 2
      shards = starts[middle] <= sample ? middle..<shards.upperBound : shards.lowerBound..<middle
    }
    return shards.lowerBound
  }

  // MARK: Building

  /// Members of one key that follow one another, and where they begin.
  private struct Group {
    /// Nil if it cannot be read.
    let key: String?
    var image: Int?
    var text: Int?
    var json: Int?
  }

  /// What a member is to its sample.
  private static func part(_ ending: String) -> WritableKeyPath<Group, Int?>? {
    switch ending {
    case "jpg", "jpeg", "png", "ppm": \.image
    case "txt": \.text
    case "json": \.json
    default: nil
    }
  }

  /// A member's name up to the first dot behind the last slash, and what is behind that dot.
  static func split(_ name: String) -> (key: String, ending: String)? {
    let base = name.utf8.lastIndex(of: UInt8(ascii: "/")).map(name.utf8.index(after:)) ?? name.startIndex
    guard let dot = name.utf8[base...].firstIndex(of: UInt8(ascii: ".")), dot > base else { return nil }
    return (String(name[..<dot]), name[name.utf8.index(after: dot)...].lowercased())
  }

  /// Keys that there are, by 128 bits of them: other keys do not have the same.
  struct Keys {
    fileprivate var samples: [SIMD2<Int>: UInt32] = [:]

    /// The sample that has a key already; if there is none, the key is that of `sample`.
    fileprivate mutating func first(_ key: String, _ sample: Int) -> Int? {
      var key = key
      let hash = key.withUTF8 { bytes in
        func hash(_ seed: Int) -> Int {
          var hasher = Hasher()
          hasher.combine(seed)
          hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
          return hasher.finalize()
        }
        return SIMD2(hash(1), hash(2))
      }
      if let first = samples[hash] { return Int(first) }
      samples[hash] = UInt32(sample)
      return nil
    }
  }

  /// Adds the samples of the next shard. Where it is damaged or cut off, the samples before are right, and one is added that
  /// says so when it is read, unless the last one does.
  ///
  /// - Throws: ``FileError`` when it is no archive.
  mutating func add(_ archive: TarArchive, keys: inout Keys) throws {
    var group: Group?
    var place = 0
    var damage: Int?
    do {
      while let member = try archive.member(at: place) {
        if member.isFile, let (key, ending) = Self.split(member.name), let part = Self.part(ending) {
          // The second image of a key is another sample, whose key is there twice.
          if let last = group, last.key != key || last[keyPath: part] != nil {
            try append(last, &keys, archive)
            group = nil
          }
          group = group ?? Group(key: key)
          group![keyPath: part] = place
        }
        if member.contents.upperBound > archive.file.count {
          damage = place
          break
        }
        place = member.end
      }
    } catch let error as FileError where error.kind == .malformed { damage = place }
    if archive.file.count == 0 || damage == 0 && group == nil {
      throw FileError(.malformed, archive.file.path, archive.cut ?? "it is not a tar archive")
    }
    if var last = group {
      last.image = last.image ?? damage
      last.text = last.text ?? last.json ?? damage
      try append(last, &keys, archive)
      if last.image == damage || last.text == damage { damage = nil }
    }
    if let damage { try append(Group(key: nil, image: damage, text: damage), &keys, archive) }
    starts.append(count)
  }

  private mutating func append(_ group: Group, _ keys: inout Keys, _ archive: TarArchive) throws {
    func block(_ place: Int?) throws -> UInt32 {
      guard let place else { return Self.none }
      guard let block = UInt32(exactly: place / TarArchive.blockCount), block < Self.none else {
        throw FileError(
          .unsupported, archive.file.path, "a sample at byte \(place)", expected: "2 TiB at most")
      }
      return block
    }
    if count == Int(Self.none) {
      throw FileError(.unsupported, archive.file.path, "more than \(count) samples")
    }
    if let key = group.key { repeated[count] = keys.first(key, count) }
    images.append(try block(group.image))
    captions.append(try block(group.text ?? group.json))
  }
}
