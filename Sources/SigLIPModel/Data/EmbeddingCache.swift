import Foundation
import NN
import Synchronization

/// What a locked tower makes of images, computed once and kept in a folder that several runs and programs share.
///
///     let cache = try EmbeddingCache(folder: "features", tower: key, width: 1280)
///     let digests = try cache.fill(reader, preprocessing: preprocessing) { withoutGradients { tower($0) } }
///     let features = try cache.features(of: digests.compactMap { $0 })
///
/// There is one file for each tower. A record of it is the digest of an image, its features and a checksum, and never
/// changes: what was written stays, whenever a program is killed. A record that was not finished is cut off by the next
/// one that writes, and one that was damaged is found when it is read; both are computed again. Programs write one after
/// another, each at the end.
///
/// Features stay in the file. Memory holds about 90 bytes for each image, 130 while it grows.
public final class EmbeddingCache: Sendable {
  /// The file.
  public let path: String
  /// Numbers of an image.
  public let width: Int
  private let tower: ContentDigest
  private let descriptor: Int32
  private let index: Mutex<Index>

  /// Where the records of images are.
  private struct Index {
    /// Numbers of records, by image.
    var records: [ContentDigest: Int] = [:]
    /// Records that were looked through.
    var count = 0
  }

  private static let magic = Array("PWEMBED1".utf8)
  private static let headerByteCount = 64
  private static let checksumByteCount = 16

  /// Opens the file of a tower, which is made if it is not there.
  ///
  /// - Parameters:
  ///   - folder: Where the files of all towers are; it is made too.
  ///   - tower: All that decides features but the image: ``key(of:_:preprocessing:options:)``.
  ///   - width: Numbers of an image, from 1 to 16,384.
  /// - Throws: ``FileError``.
  public init(folder: String, tower: ContentDigest, width: Int) throws {
    if let problem = ConfigurationBounds.problem([("a width", width, ConfigurationBounds.width)]) {
      programmerError("EmbeddingCache: \(problem)")
    }
    path = URL(fileURLWithPath: folder).appendingPathComponent("\(tower).embeddings").path
    (self.tower, self.width) = (tower, width)
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch { throw FileError(.unwritable, folder, "the folder cannot be made") }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else { throw FileError(.unwritable, path, systemReason()) }
    index = Mutex(Index())
    try lookForRecordsOfOthers()
  }

  deinit { close(descriptor) }

  /// Images whose features are there.
  public var count: Int { index.withLock { $0.records.count } }

  /// Whether an image's features are there; those of damaged records are until they are read.
  public func contains(_ image: ContentDigest) -> Bool { index.withLock { $0.records[image] != nil } }

  /// Whether an image's features are there and undamaged.
  ///
  /// - Throws: ``FileError`` when the file cannot be read.
  public func verifies(_ image: ContentDigest) throws -> Bool {
    try contains(image) && features(of: [image]) != nil
  }

  /// The features of images, `[images, width]`; nil where those of one are not there, or are damaged, which then is as if
  /// they had never been.
  ///
  /// - Throws: ``FileError`` when the file cannot be read.
  public func features(of images: [ContentDigest]) throws -> Tensor? {
    try index.withLock { index in
      var places: [Int] = []
      for image in images {
        guard let place = index.records[image] else { return nil }
        places.append(place)
      }
      var damaged: Set<ContentDigest> = []
      var record = [UInt8](repeating: 0, count: recordByteCount)
      let result = try Tensor(uninitialized: [images.count, width]) { numbers in
        for (row, (image, place)) in zip(images, places).enumerated() {
          guard try read(place, into: &record), isWhole(record, of: image) else {
            damaged.insert(image)
            continue
          }
          record.withUnsafeBytes { bytes in
            let target = UnsafeMutableRawBufferPointer(
              UnsafeMutableBufferPointer(rebasing: numbers[row * width..<(row + 1) * width]))
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[featureBytes]))
          }
        }
      }
      for image in damaged { index.records[image] = nil }
      return damaged.isEmpty ? result : nil
    }
  }

  /// Adds the features of images, `[images, width]`.
  ///
  /// - Throws: ``FileError`` when they cannot be written; then nothing was added.
  public func append(_ features: Tensor, of images: [ContentDigest]) throws {
    if features.shape != [images.count, width] {
      programmerError(
        "EmbeddingCache: features of shape \(features.shape), expected [\(images.count), \(width)]")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(images.count * recordByteCount)
    features.withUnsafeScalars { scalars in
      for (row, image) in images.enumerated() {
        let start = bytes.count
        bytes += image.bytes
        bytes += UnsafeRawBufferPointer(
          UnsafeBufferPointer(rebasing: scalars[row * width..<(row + 1) * width]))
        bytes += checksum(bytes[start...])
      }
    }
    try index.withLock { index in
      try locked {
        try prepareFile()
        try write(bytes, at: try size())
        try refresh(&index)
      }
    }
  }

  // MARK: The file

  /// Finds what other programs have written, and prepares the file to be written to.
  func lookForRecordsOfOthers() throws {
    try index.withLock { index in
      try locked {
        try prepareFile()
        try refresh(&index)
      }
    }
  }

  private var recordByteCount: Int {
    ContentDigest.byteCount + width * MemoryLayout<Float>.size + EmbeddingCache.checksumByteCount
  }

  /// Where a record's features are in it.
  private var featureBytes: Range<Int> {
    ContentDigest.byteCount..<recordByteCount - EmbeddingCache.checksumByteCount
  }

  private var header: [UInt8] {
    let start =
      EmbeddingCache.magic + withUnsafeBytes(of: UInt64(width).littleEndian, Array.init) + tower.bytes
    return start + ContentDigest { $0.update(start) }.bytes.prefix(EmbeddingCache.checksumByteCount)
  }

  /// Of a record's bytes before it, and of the tower.
  private func checksum(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    ContentDigest {
      $0.update(tower.bytes)
      $0.update(bytes)
    }.bytes.prefix(EmbeddingCache.checksumByteCount)
  }

  private func isWhole(_ record: [UInt8], of image: ContentDigest) -> Bool {
    record.starts(with: image.bytes)
      && checksum(record[..<featureBytes.upperBound]) == record[featureBytes.upperBound...]
  }

  /// Does work while no other program writes.
  private func locked(_ work: () throws -> Void) throws {
    while flock(descriptor, LOCK_EX) != 0 {
      if errno != EINTR { throw FileError(.unwritable, path, systemReason()) }
    }
    defer { flock(descriptor, LOCK_UN) }
    try work()
  }

  /// Gives a new file its header, and cuts off what was not finished. A header that was damaged makes the file a new one.
  private func prepareFile() throws {
    let (header, count) = (header, try size())
    var found = [UInt8](repeating: 0, count: header.count)
    let isThere = try read(from: 0, into: &found)
    if isThere && found == header {
      let rest = (count - header.count) % recordByteCount
      if rest != 0 { try cut(to: count - rest) }
      return
    }
    let prefix = found.prefix(min(count, EmbeddingCache.magic.count))
    if !EmbeddingCache.magic.starts(with: prefix) {
      throw FileError(
        .unsupported, path, "it is not a cache of embeddings", advice: "remove it or choose another folder")
    }
    try cut(to: 0)
    try write(header, at: 0)
  }

  /// Looks through records that are new, of whichever program.
  private func refresh(_ index: inout Index) throws {
    let count = (try size() - EmbeddingCache.headerByteCount) / recordByteCount
    if count < index.count { index = Index() }
    var digest = [UInt8](repeating: 0, count: ContentDigest.byteCount)
    for record in index.count..<count {
      guard try read(from: offset(of: record), into: &digest) else { break }
      index.records[digest.withUnsafeBytes(ContentDigest.init(bytes:))] = record
    }
    index.count = count
  }

  private func offset(of record: Int) -> Int { EmbeddingCache.headerByteCount + record * recordByteCount }

  private func read(_ record: Int, into bytes: inout [UInt8]) throws -> Bool {
    try read(from: offset(of: record), into: &bytes)
  }

  /// Fills an array from a place of the file; false if the file ends before.
  private func read(from offset: Int, into bytes: inout [UInt8]) throws -> Bool {
    try bytes.withUnsafeMutableBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
        if count < 0 && errno == EINTR { continue }
        if count < 0 { throw FileError(.unreadable, path, systemReason()) }
        if count == 0 { return false }
        done += count
      }
      return true
    }
  }

  /// Writes at the end of the file; what is there if that fails is cut off again.
  private func write(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = pwrite(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
        if count < 0 && errno == EINTR { continue }
        if count <= 0 {
          let reason = systemReason()
          ftruncate(descriptor, off_t(offset))
          throw FileError(.unwritable, path, reason)
        }
        done += count
      }
    }
  }

  private func cut(to size: Int) throws {
    if ftruncate(descriptor, off_t(size)) != 0 { throw FileError(.unwritable, path, systemReason()) }
  }

  private func size() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.unreadable, path, systemReason()) }
    if status.st_mode & S_IFMT != S_IFREG { throw FileError(.unreadable, path, "it is not a file") }
    return Int(status.st_size)
  }
}
