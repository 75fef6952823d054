import Foundation
import Tensor

/// How a table of images and captions is written.
public enum TableFormat: Sendable, Hashable {
  /// Fields between separators, the first row with their names. With `quotes`, a field in quotation marks may hold
  /// separators, line breaks and doubled quotation marks (RFC 4180); without, they stand for themselves.
  case delimited(separator: UInt8, quotes: Bool)
  /// A JSON object a line.
  case jsonLines

  /// Fields between commas.
  public static let csv = delimited(separator: UInt8(ascii: ","), quotes: true)
  /// Fields between tabs, quoted as in `csv`: as pandas writes them, and open_clip reads them.
  public static let tsv = delimited(separator: UInt8(ascii: "\t"), quotes: true)

  /// The format that the ending of a file's name tells.
  ///
  /// - Throws: ``FileError``.
  public init(ofFile path: String) throws {
    switch URL(filePath: path).pathExtension.lowercased() {
    case "csv": self = .csv
    case "tsv", "tab": self = .tsv
    case "jsonl", "ndjson": self = .jsonLines
    default:
      throw FileError(
        .unsupported, path, "its name does not tell its format", expected: ".csv, .tsv or .jsonl")
    }
  }
}

/// A column of captions.
public struct CaptionColumn: Sendable, Hashable, ExpressibleByStringLiteral {
  /// Its name in the first row, or that of a member of JSON objects.
  public var name: String
  /// The language of its captions, where no column tells it.
  public var language: String?

  /// A column of a name.
  public init(_ name: String, language: String? = nil) { (self.name, self.language) = (name, language) }

  /// A column of a name.
  public init(stringLiteral name: String) { self.init(name) }
}

/// What the columns of a table are.
public struct TableOptions: Sendable, Hashable {
  /// How it is written; by the ending of its name if nil.
  public var format: TableFormat?
  /// The column of images' paths; the first of ``usualImageColumns`` if nil.
  public var imageColumn: String?
  /// The columns of captions; those of ``usualCaptionColumns`` if nil.
  public var captionColumns: [CaptionColumn]?
  /// The column of captions' language; the one of ``usualLanguageColumns``, if any, if nil.
  public var languageColumn: String?
  /// The folder that paths begin at; that of the table if nil.
  public var imageFolder: String?
  /// Whether rows of one image are that image's captions; if not, its second row is damaged.
  public var mergesRows = true

  /// Options; what is not set is found by the usual names.
  public init(
    format: TableFormat? = nil, imageColumn: String? = nil, captionColumns: [CaptionColumn]? = nil,
    languageColumn: String? = nil, imageFolder: String? = nil, mergesRows: Bool = true
  ) {
    (self.format, self.imageColumn, self.captionColumns) = (format, imageColumn, captionColumns)
    (self.languageColumn, self.imageFolder, self.mergesRows) = (languageColumn, imageFolder, mergesRows)
  }

  /// Names of the column of images.
  public static let usualImageColumns = [
    "image", "filepath", "file_name", "filename", "image_path", "path", "file",
  ]
  /// Names of columns of captions; `caption_` with a number or language after it is one too.
  public static let usualCaptionColumns = ["caption", "captions", "title", "text"]
  /// Names of the column of languages.
  public static let usualLanguageColumns = ["language", "lang"]

  /// Whether a column that nobody named is one of captions.
  static func isCaption(_ name: String) -> Bool {
    usualCaptionColumns.contains(name) || name.hasPrefix("caption_")
  }
}
