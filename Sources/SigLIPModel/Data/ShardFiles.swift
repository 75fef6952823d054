import Synchronization
import Tensor

/// The files of shards: some of them open, those that are compressed unpacked into files that have no names.
final class ShardFiles: Sendable {
  /// Open files at a time, so that the system's limit is not met.
  private static let maximumCount = 64

  let paths: [String]
  /// What files that were unpacked have together, at most.
  let maximumUnpackedBytes: Int
  private let cache = Mutex(Cache())
  /// Held by who unpacks a shard: the others read on meanwhile.
  private let unpacking = Mutex(())

  /// A shard that can be read.
  private struct Shard: Sendable {
    let archive: TarArchive
    /// Bytes that it takes on the disk; none if it is not compressed.
    let unpackedBytes: Int
  }

  /// Shards by number, those that were used last at the end.
  private struct Cache {
    var shards: [(number: Int, shard: Shard)] = []
    /// How often a shard was unpacked.
    var unpackingCount = 0

    var unpackedBytes: Int { shards.reduce(0) { $0 + $1.shard.unpackedBytes } }

    mutating func use(_ number: Int) -> Shard? {
      guard let place = shards.lastIndex(where: { $0.number == number }) else { return nil }
      shards.append(shards.remove(at: place))
      return shards.last?.shard
    }

    /// Closes what was not used for longest, until the others have at most so many bytes.
    mutating func shrink(to bytes: Int, count: Int) {
      var total = unpackedBytes
      while total > bytes || shards.count > count { total -= shards.removeFirst().shard.unpackedBytes }
    }
  }

  init(_ paths: [String], maximumUnpackedBytes: Int) {
    (self.paths, self.maximumUnpackedBytes) = (paths, maximumUnpackedBytes)
  }

  /// What unpacked shards take on the disk now.
  var unpackedBytes: Int { cache.withLock(\.unpackedBytes) }

  /// How often a shard was unpacked.
  var unpackingCount: Int { cache.withLock(\.unpackingCount) }

  /// A shard, opened or unpacked if it is not yet.
  ///
  /// - Throws: ``FileError``.
  func archive(_ number: Int) throws -> TarArchive { try shard(number).archive }

  private func shard(_ number: Int) throws -> Shard {
    if let shard = cache.withLock({ $0.use(number) }) { return shard }
    let file = try OpenFile(paths[number])
    if !Gzip.isGzip(try file.bytes(at: 0, count: 2)) {
      return keep(Shard(archive: TarArchive(file: file), unpackedBytes: 0), number)
    }
    return try unpacking.withLock { _ in
      // Another thread may have unpacked it.
      if let shard = cache.withLock({ $0.use(number) }) { return shard }
      return keep(try unpacked(paths[number]), number)
    }
  }

  private func keep(_ shard: Shard, _ number: Int) -> Shard {
    cache.withLock { cache in
      if let known = cache.use(number) { return known }
      cache.shrink(to: maximumUnpackedBytes - shard.unpackedBytes, count: Self.maximumCount - 1)
      cache.shards.append((number, shard))
      return shard
    }
  }

  /// Unpacks a shard; one that is cut off as far as it goes.
  private func unpacked(_ path: String) throws -> Shard {
    cache.withLock { $0.unpackingCount += 1 }
    let packed = try mapFile(path)
    let plausible = Inflate.plausibleCount(from: packed.count)
    var cut: String?
    var count = 0
    let file = try OpenFile(temporaryFor: path) { append in
      do {
        try packed.withUnsafeBytes { packed in
          try Gzip.decompress(packed, isMapped: true) { part in
            count += part.count
            if count > plausible {
              throw FileError(
                .unsupported, path, "its \(packed.count) bytes unpack to more than \(plausible)",
                expected: "a hundred times as many at most")
            }
            if count > self.maximumUnpackedBytes {
              throw FileError(
                .unsupported, path,
                "it unpacks to more than the \(self.maximumUnpackedBytes) bytes that it may",
                advice: "allow more, make smaller shards, or unpack it with gzip -d")
            }
            // What is unpacked already makes room.
            self.cache.withLock { $0.shrink(to: self.maximumUnpackedBytes - count, count: Self.maximumCount) }
            try append(part)
          }
        }
      } catch let problem as Gzip.Problem {
        if !problem.isCut { throw FileError(.malformed, path, problem.description) }
        cut = problem.description
      }
    }
    return Shard(archive: TarArchive(file: file, cut: cut), unpackedBytes: file.count)
  }
}
