import Foundation
import NN

/// What is learned from, or measured on: a path, or one source or several.
///
///     "data": "photos.csv"
///     "data": [{"path": "photos.csv", "weight": 3}, {"path": "shards/{000..012}.tar"}]
public struct DataConfiguration: Sendable, Hashable, Codable {
  /// The sources, of which each pass has shares by their weights.
  public var sources: [SourceConfiguration]

  /// Data of some sources.
  public init(_ sources: [SourceConfiguration]) { self.sources = sources }

  /// Data of one path.
  public init(path: String) { self.init([SourceConfiguration(path: path)]) }

  /// Decodes a path, a source or a list of them.
  public init(from decoder: any Decoder) throws {
    if let list = try? decoder.unkeyedContainer() {
      sources = []
      var list = list
      while !list.isAtEnd { sources.append(try list.decode(SourceConfiguration.self)) }
    } else {
      sources = [try SourceConfiguration(from: decoder)]
    }
    if sources.isEmpty {
      throw ConfigurationError(decoder.codingPath.place, "there are no sources")
    }
  }

  /// Encodes a list.
  public func encode(to encoder: any Encoder) throws { try sources.encode(to: encoder) }

  /// Opens the data.
  ///
  /// - Parameter seed: Decides which samples of a mixture stand where.
  /// - Throws: ``FileError``, ``ConfigurationError``, and what else a source throws.
  func open(seed: UInt64) throws -> OpenedData {
    let opened = try sources.map { try $0.open() }
    let source =
      opened.count == 1
      ? opened[0].samples
      : try SourceMixture(
        zip(opened, sources).map { (source: $0.samples, weight: $1.weight ?? Double($0.samples.count)) },
        seed: seed)
    return OpenedData(source: source, images: opened.map(\.images), shuffleBuffer: sources[0].shuffleBuffer)
  }
}

/// Data that are open.
struct OpenedData {
  /// What is learned from, sample by sample.
  let source: any ImageTextSource
  /// The same images, each source by itself and each image once.
  let images: [any ImageTextSource]
  fileprivate let shuffleBuffer: Int?

  /// How many images there are, damaged ones too.
  var imageCount: Int { images.reduce(0) { $0 + $1.count } }

  /// The order of batches.
  ///
  /// - Throws: ``BatchOrder/SizeError``.
  func order(batchSize: Int, seed: UInt64) throws -> BatchOrder {
    guard let shards = source.shardCounts else {
      return try BatchOrder(sampleCount: source.count, batchSize: batchSize, seed: seed)
    }
    return try BatchOrder(
      shards: shards, shuffleBuffer: shuffleBuffer ?? 10_000, batchSize: batchSize, seed: seed)
  }
}

/// Images with captions in one place.
public struct SourceConfiguration: Sendable, Hashable, Codable {
  /// How images and captions are kept.
  public enum Kind: String, Sendable, CaseIterable, Codable, CaseNames {
    /// A list of image files: see ``TableSource``.
    case table
    /// A folder for each class: see ``ClassFolderSource``.
    case classFolders
    /// WebDataset's tar files: see ``ShardSource``.
    case shards
    /// MNIST's files: see ``IDXSource``.
    case idx
    /// The emoji that the package carries: see ``EmojiSource``.
    case emoji
  }

  /// Whether a sample is an image, of whose captions each pass has another, or a caption.
  public enum Samples: String, Sendable, CaseIterable, Codable, CaseNames {
    case images, captions
  }

  /// The file or folder; of shards a pattern such as `data/{000..012}.tar`.
  public var path: String
  /// How it is kept; told by the path if not given.
  public var kind: Kind?
  /// The share of a pass; the number of samples if not given.
  public var weight: Double?
  /// What a sample is.
  public var samples = Samples.images
  /// The languages whose captions are used; all if not given.
  public var languages: [String]?
  /// Of a table: the column of images' paths.
  public var imageColumn: String?
  /// Of a table: the columns of captions.
  public var captionColumns: [String]?
  /// Of a table: the column of languages.
  public var languageColumn: String?
  /// Of a table: the folder that paths begin at.
  public var imageFolder: String?
  /// Of classes: captions with `{}` in the place of the name.
  public var templates: [String]?
  /// Of IDX files: the names of the labels; of folders: not needed.
  public var classes: [String]?
  /// Of IDX files: the file of labels; `path` is that of images.
  public var labels: String?
  /// Of shards: places that a sample may move from where its shard has it, 10,000 if not given; see ``BatchOrder``.
  public var shuffleBuffer: Int?
  /// Of emoji: what is trained on if not given, or what is held out.
  public var split: EmojiSource.Split?

  /// A source of a path.
  public init(path: String) { self.path = path }

  enum CodingKeys: CodingKey, CaseIterable {
    case path, kind, weight, samples, languages, imageColumn, captionColumns, languageColumn, imageFolder
    case templates, classes, labels, shuffleBuffer, split
  }

  /// Decodes a path, or an object.
  public init(from decoder: any Decoder) throws {
    if let path = try? decoder.singleValueContainer().decode(String.self) {
      self.path = path
      return
    }
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    path = try fields.required(.path)
    try fields.readOptional(.kind, into: &kind)
    try fields.readOptional(.weight, into: &weight, .positive)
    try fields.read(.samples, into: &samples)
    try fields.readOptional(.languages, into: &languages)
    try fields.readOptional(.imageColumn, into: &imageColumn)
    try fields.readOptional(.captionColumns, into: &captionColumns)
    try fields.readOptional(.languageColumn, into: &languageColumn)
    try fields.readOptional(.imageFolder, into: &imageFolder)
    try fields.readOptional(.templates, into: &templates)
    try fields.readOptional(.classes, into: &classes)
    try fields.readOptional(.labels, into: &labels)
    try fields.readOptional(.shuffleBuffer, into: &shuffleBuffer, .range(1...1 << 24))
    try fields.readOptional(.split, into: &split)
  }

  /// Refuses values that say nothing of a kind.
  private func check(_ kind: Kind) throws {
    let values: [(key: String, isGiven: Bool, kinds: [Kind])] = [
      ("imageColumn", imageColumn != nil, [.table]), ("captionColumns", captionColumns != nil, [.table]),
      ("languageColumn", languageColumn != nil, [.table]), ("imageFolder", imageFolder != nil, [.table]),
      ("templates", templates != nil, [.classFolders, .idx]), ("classes", classes != nil, [.idx]),
      ("labels", labels != nil, [.idx]), ("shuffleBuffer", shuffleBuffer != nil, [.shards]),
      ("split", split != nil, [.emoji]),
    ]
    for value in values where value.isGiven && !value.kinds.contains(kind) {
      let kinds = value.kinds.map(\.rawValue).joined(separator: " and ")
      throw ConfigurationError(
        "data", "\(path): \(value.key) is for data of the kind \(kinds), not \(kind.rawValue)")
    }
  }

  /// How a path looks.
  private func inferredKind() throws -> Kind {
    let name = URL(filePath: path).lastPathComponent.lowercased()
    if [".csv", ".tsv", ".tab", ".jsonl", ".ndjson"].contains(where: name.hasSuffix) { return .table }
    if [".tar", ".tar.gz", ".tgz"].contains(where: name.hasSuffix) { return .shards }
    if name.contains("idx") && [".gz", "ubyte"].contains(where: name.hasSuffix) { return .idx }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      return EmojiSource.isThere(path) ? .emoji : .classFolders
    }
    throw FileError(
      .unsupported, path, "what kind of data it is cannot be told",
      expected: "a table (.csv, .tsv, .jsonl), shards (.tar, .tar.gz), a folder of classes, or a \"kind\"")
  }

  /// Files that decide what it holds.
  var files: [String] {
    EmojiSource.isThere(path)
      ? EmojiData.fileNames.map { "\(path)/\($0)" } : [path, labels].compactMap { $0 }
  }

  /// Opens the source: as samples, and as images each of which is there once.
  func open() throws -> (samples: any ImageTextSource, images: any ImageTextSource) {
    var source: any ImageTextSource
    let kind = try kind ?? inferredKind()
    try check(kind)
    switch kind {
    case .table:
      source = try TableSource(
        path,
        options: TableOptions(
          imageColumn: imageColumn, captionColumns: captionColumns?.map { CaptionColumn($0) },
          languageColumn: languageColumn, imageFolder: imageFolder))
    case .classFolders:
      source = try ClassFolderSource(path, templates: templates ?? ["a photo of a {}"])
    case .shards: source = try ShardSource(path)
    case .idx:
      guard let labels, let classes else {
        throw ConfigurationError("data", "\(path): IDX files need \"labels\" and \"classes\"")
      }
      source = try IDXSource(
        images: path, labels: labels, classes: classes, templates: templates ?? ["a photo of a {}"])
    case .emoji: source = try EmojiSource(folder: path, split: split ?? .training)
    }
    if let languages { source = try LanguageSource(source, languages: languages) }
    return (samples == .captions ? try CaptionSource(source) : source, source)
  }
}
