import Foundation
import Tensor

/// Images and captions in tar archives, as WebDataset, img2dataset and open_clip have them.
///
///     let source = try ShardSource("photos/{000..012}.tar")
///     let order = try BatchOrder(shards: source.shardCounts!, shuffleBuffer: 4096, batchSize: 64, seed: 1)
///
/// Members that follow one another with one key, which is the name up to the first dot behind the last slash, are a sample:
/// `a/007.jpg` (or `.jpeg`, `.png`, `.ppm`) and its caption in `a/007.txt`, or captions in `a/007.json`: an object with
/// `caption`, `captions` or `text`, each a string or a list of them, and maybe `language`. A text goes before an object; other
/// members, links and folders are passed over. A key that is there twice, in one shard or several, is damage.
///
/// Opening reads all headers. Memory holds 8 bytes for each sample, while opening about 100. Nothing of an archive is written
/// anywhere by its names.
///
/// Shards may be compressed with gzip: such a one is unpacked when it is needed into the folder of temporary files, without a
/// name there. Those that were not used for longest are given up when all take more than a number of bytes; an order of shards
/// comes back to each but once in a pass.
public struct ShardSource: ImageTextSource {
  /// The archives.
  public let shards: [String]
  private let files: ShardFiles
  private let index: ShardIndex

  /// Opens shards by patterns: paths in which `{000..012}` stands for numbers and `{a,b}` for texts.
  ///
  /// - Parameter maximumUnpackedBytes: Bytes on the disk that shards compressed with gzip may take, those together that are
  ///   unpacked at one time.
  /// - Throws: ``FileError`` when a shard cannot be opened or is no archive, and when there are no samples.
  public init(_ patterns: [String], maximumUnpackedBytes: Int = 4 << 30) throws {
    shards = try patterns.flatMap(ShardPattern.paths)
    files = ShardFiles(shards, maximumUnpackedBytes: maximumUnpackedBytes)
    var index = ShardIndex()
    var keys = ShardIndex.Keys()
    for shard in shards.indices { try index.add(files.archive(shard), keys: &keys) }
    if index.count == 0 {
      throw FileError(
        .missing, patterns.isEmpty ? "a list of no shards" : patterns.listed(), "samples",
        expected: "images (.jpg, .jpeg, .png, .ppm) and captions (.txt, .json) of the same names")
    }
    self.index = index
  }

  /// Opens the shards of one pattern.
  ///
  /// - Throws: ``FileError``.
  public init(_ pattern: String, maximumUnpackedBytes: Int = 4 << 30) throws {
    try self.init([pattern], maximumUnpackedBytes: maximumUnpackedBytes)
  }

  /// How many samples there are, and damaged ones.
  public var count: Int { index.count }

  /// How many samples each shard has: an order of shards unpacks each of them once.
  public var shardCounts: [Int]? { zip(index.starts.dropFirst(), index.starts).map { $0 - $1 } }

  /// Bytes that unpacked shards take on the disk now.
  public var unpackedBytes: Int { files.unpackedBytes }

  /// How often a shard was unpacked, when opening too.
  public var unpackingCount: Int { files.unpackingCount }

  /// The name of a sample's members without their endings; `byte 512 of photos/000.tar` where that cannot be read.
  public func key(at index: Int) -> String {
    check(index)
    let shard = self.index.shard(of: index)
    let blocks = [self.index.images[index], self.index.captions[index]].filter { $0 != ShardIndex.none }
    for block in blocks {
      let member = try? files.archive(shard).member(at: Int(block) * TarArchive.blockCount)
      if let member, let (key, _) = ShardIndex.split(member.name) { return key }
    }
    return "byte \(Int(blocks[0]) * TarArchive.blockCount) of \(shards[shard])"
  }

  /// The image.
  ///
  /// - Throws: ``FileError`` that names the shard.
  public func image(at index: Int) throws -> SampleImage {
    let limit = ImageReadingOptions().maximumBytes
    guard let (name, bytes) = try member(self.index.images[index], of: index, maximumBytes: limit) else {
      throw damaged(index, "\(key(at: index)) has no image (.jpg, .jpeg, .png or .ppm)")
    }
    return .encoded(bytes, name: "\(name) in \(shards[self.index.shard(of: index)])")
  }

  /// The caption, or captions.
  ///
  /// - Throws: ``FileError`` that names the shard.
  public func captions(at index: Int) throws -> [Caption] {
    let limit = TableRows.maximumBytes
    guard let (name, bytes) = try member(self.index.captions[index], of: index, maximumBytes: limit) else {
      throw damaged(index, "\(key(at: index)) has no captions (.txt or .json)")
    }
    do throws(SampleProblem) {
      return try Caption.checked(
        name.lowercased().hasSuffix(".json") ? Caption.object(bytes) : Caption.text(bytes))
    } catch { throw damaged(index, "\(name): \(error.description)") }
  }

  private func damaged(_ index: Int, _ problem: String) -> FileError {
    FileError(.malformed, shards[self.index.shard(of: index)], problem)
  }

  /// A member of a sample; nil if the sample has none of that kind.
  private func member(
    _ block: UInt32, of index: Int, maximumBytes: Int
  ) throws -> (name: String, bytes: [UInt8])? {
    check(index)
    if let first = self.index.repeated[index] {
      throw damaged(
        index, "\(key(at: index)) is there twice, first in \(shards[self.index.shard(of: first)])")
    }
    if block == ShardIndex.none { return nil }
    let archive = try files.archive(self.index.shard(of: index))
    guard let member = try archive.member(at: Int(block) * TarArchive.blockCount) else {
      throw damaged(index, "it was changed while it was open")
    }
    let (place, count) = (member.contents.lowerBound, member.contents.count)
    let isWhole = member.contents.upperBound <= archive.file.count
    if isWhole && count > maximumBytes {
      throw damaged(index, "\(member.name) has \(count) bytes, expected at most \(maximumBytes)")
    }
    let bytes = isWhole ? try archive.file.bytes(at: place, count: count) : []
    if bytes.count < count { throw archive.ends(in: member.name) }
    return (member.name, bytes)
  }
}

extension Caption {
  /// The caption that a whole file is.
  fileprivate static func text(_ bytes: [UInt8]) throws(SampleProblem) -> [Caption] {
    guard let text = String(validating: withoutMark(bytes), as: UTF8.self) else {
      throw SampleProblem(description: "the caption is not UTF-8")
    }
    return [Caption(text.trimmingCharacters(in: .whitespacesAndNewlines))]
  }

  /// The captions of a JSON object.
  fileprivate static func object(_ bytes: [UInt8]) throws(SampleProblem) -> [Caption] {
    let value: JSONValue
    do { value = try JSONReader.read(Array(withoutMark(bytes)), maximumCount: 1 << 16) } catch {
      throw SampleProblem(description: "not valid JSON: \(error.description)")
    }
    guard case .object(let members) = value else { throw SampleProblem(description: "not a JSON object") }
    let languages = members.filter { TableOptions.usualLanguageColumns.contains($0.name) }
    var language: String?
    if case .string(let text) = languages.first?.value { language = text }
    var captions: [Caption] = []
    for name in ["caption", "captions", "text"] {
      captions += try Caption.list(name, of: members, language: language)
    }
    return captions
  }

  private static func withoutMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
  }
}
