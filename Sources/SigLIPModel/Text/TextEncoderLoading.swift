import Foundation

extension TextEncoder {
  /// Reads the tokenizer of a checkpoint and takes over the checkpoint's conventions.
  ///
  /// - Parameters:
  ///   - path: A checkpoint's directory, or a file: SentencePiece's `.model`, Hugging Face's `tokenizer.json`, or
  ///     CLIP's `bpe_simple_vocab_16e6.txt.gz`.
  ///   - contextLength: Ids in a row; by default what the directory's configuration says, else 64, CLIP's being 77.
  ///   - punctuation: What happens to case and punctuation; by default what the checkpoint's own code does.
  /// - Throws: ``FileError`` when there is no tokenizer, or it cannot be read.
  public init(path: String, contextLength: Int? = nil, punctuation: PunctuationMode? = nil) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw FileError(.unreadable, path, "there is no such file or folder")
    }
    let checkpoint = try isDirectory.boolValue ? CheckpointText(directory: path) : CheckpointText(file: path)
    try self.init(checkpoint, contextLength: contextLength, punctuation: punctuation)
  }

  /// Files that make up a tokenizer, and mean the same beside weights of every format.
  static let fileNames =
    tokenizerFileNames + [
      "tokenizer_config.json", "special_tokens_map.json",
    ]

  private static let modelFileNames = ["spiece.model", "tokenizer.model", "sentencepiece.model"]
  private static let clipFileName = "bpe_simple_vocab_16e6.txt.gz"
  fileprivate static let tokenizerFileNames = ["tokenizer.json"] + modelFileNames + [clipFileName]
  fileprivate static let tokenizerFileNamesOfVersionOne = modelFileNames + ["tokenizer.json", clipFileName]

  /// What a tokenizer's file is called in a checkpoint's folder.
  static func fileName(of file: String) throws -> String {
    switch try mapFile(file).first {
    case UInt8(ascii: "{"): "tokenizer.json"
    case 0x1F: clipFileName
    default: "tokenizer.model"
    }
  }

  private init(_ checkpoint: CheckpointText, contextLength: Int?, punctuation: PunctuationMode?) throws {
    let bytes = try readTokenizer(checkpoint.file)
    let tokenizer: any Tokenizer
    var startID: Int32?
    var endID: Int32?
    switch bytes.first {
    case UInt8(ascii: "{"):
      // Version 2 puts everything in lower case inside the tokenizer, as `Siglip2Tokenizer` does.
      let lowercases = punctuation == nil && checkpoint.isSecondVersion
      let file = try HuggingFaceTokenizer(bytes, name: checkpoint.file, lowercases: lowercases)
      tokenizer = file
      startID = file.template.prefix.first
      endID = file.template.suffix.last
    case 0x1F:
      let clip = try CLIPTokenizer(bytes, name: checkpoint.file)
      tokenizer = clip
      startID = clip.startID
      endID = clip.endID
    default: tokenizer = try SentencePieceTokenizer(bytes, name: checkpoint.file)
    }
    let family = Family(tokenizer)
    guard let endID = try endID ?? checkpoint.id(of: "eos_token", tokenizer) ?? family?.endID(tokenizer)
    else {
      throw FileError(
        .unsupported, checkpoint.file, "it has no token that ends a text",
        expected: "</s>, <eos> or <|endoftext|>")
    }
    let padID = try checkpoint.id(of: "pad_token", tokenizer) ?? family?.padID(tokenizer) ?? endID
    let fallback: PunctuationMode =
      switch family {
      case .clip: .none
      case .versionTwo: checkpoint.isSecondVersion && bytes.first == UInt8(ascii: "{") ? .none : .bigVision
      case .versionOne, nil: checkpoint.versionOneMode
      }
    self.init(
      tokenizer: tokenizer,
      contextLength: max(
        contextLength ?? checkpoint.contextLength ?? (family == .clip ? 77 : 64), startID == nil ? 1 : 2),
      startID: startID, endID: endID, padID: padID,
      punctuation: punctuation ?? checkpoint.punctuation ?? fallback)
  }

  /// The conventions that go with a vocabulary.
  private enum Family {
    case versionOne, versionTwo, clip

    init?(_ tokenizer: any Tokenizer) {
      if tokenizer is CLIPTokenizer || tokenizer.id(of: "<|endoftext|>") != nil {
        self = .clip
      } else if tokenizer.id(of: "</s>") != nil {
        self = .versionOne
      } else if tokenizer.id(of: "<eos>") != nil {
        self = .versionTwo
      } else {
        return nil
      }
    }

    func endID(_ tokenizer: any Tokenizer) -> Int32? {
      switch self {
      case .versionOne: tokenizer.id(of: "</s>")
      case .versionTwo: tokenizer.id(of: "<eos>")
      case .clip: tokenizer.id(of: "<|endoftext|>")
      }
    }

    /// Version 1 and CLIP's files at Hugging Face pad with the end token, CLIP's own code with id 0.
    func padID(_ tokenizer: any Tokenizer) -> Int32? {
      switch self {
      case .versionOne: nil
      case .versionTwo: tokenizer.id(of: "<pad>")
      case .clip: tokenizer is CLIPTokenizer ? 0 : nil
      }
    }
  }
}

/// Where a checkpoint's tokenizer is, and what the checkpoint says about texts.
private struct CheckpointText {
  let file: String
  private var configuration: JSONNode?
  private(set) var contextLength: Int?
  private(set) var versionOneMode = PunctuationMode.bigVision
  /// What the checkpoint says itself.
  private(set) var punctuation: PunctuationMode?

  init(file: String) throws {
    self.file = file
  }

  init(directory: String) throws {
    func path(_ name: String) -> String? {
      let path = URL(filePath: directory).appending(path: name).path
      return FileManager.default.fileExists(atPath: path) ? path : nil
    }
    func json(_ name: String) throws -> JSONNode? {
      try path(name).map { try JSONNode(file: $0) }
    }
    configuration = try json("tokenizer_config.json")
    let isVersionOne = try configuration?["tokenizer_class"].optionalString() == "SiglipTokenizer"
    let known =
      isVersionOne ? TextEncoder.tokenizerFileNamesOfVersionOne : TextEncoder.tokenizerFileNames
    guard let file = known.lazy.compactMap(path).first else {
      throw FileError(
        .unsupported, directory, "it holds no tokenizer", expected: "one of \(known.joined(separator: ", "))")
    }
    self.file = file
    if let own = path(PairwiseDescription.fileName) {
      let description = try PairwiseDescription(path: own)
      punctuation = description.punctuation
      contextLength = description.configuration.text.contextLength
    } else if let openCLIP = try json("open_clip_config.json") {
      versionOneMode = .bigVisionEvaluator
      contextLength = openCLIP["model_cfg"]["text_cfg"]["context_length"].length
    } else if configuration != nil {
      versionOneMode = .huggingFaceV1
    }
    contextLength =
      try contextLength ?? json("config.json")?["text_config"]["max_position_embeddings"].length
      ?? configuration?["model_max_length"].length
  }

  /// Whether the checkpoint's own tokenizer puts texts in lower case.
  var isSecondVersion: Bool {
    guard let name = try? configuration?["tokenizer_class"].optionalString() else { return false }
    return ["Siglip2Tokenizer", "GemmaTokenizer", "GemmaTokenizerFast"].contains(name)
  }

  /// The id of a token that the configuration names, as a string or an object with its content.
  func id(of name: String, _ tokenizer: any Tokenizer) throws -> Int32? {
    guard let node = configuration?[name], !node.isAbsent else { return nil }
    let content = try node["content"].optionalString() ?? node.string()
    guard let id = tokenizer.id(of: content) else {
      throw node.malformed("is \"\(content)\", which is not in the vocabulary of \(file)")
    }
    return id
  }
}

extension JSONNode {
  /// A number of tokens; files say that there is no limit with a very large one.
  fileprivate var length: Int? {
    guard case .integer(let length) = value, 1...65536 ~= length else { return nil }
    return length
  }
}
