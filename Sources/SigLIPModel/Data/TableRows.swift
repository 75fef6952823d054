import Foundation
import Tensor

/// A row of a table.
struct TableRow {
  /// The path of its image.
  let image: String
  let captions: [Caption]
}

/// Reads rows of a table from where they stand among its bytes.
struct TableRows: Sendable {
  /// A row of more bytes is damaged: captions have hundreds, and what is not meant as a quotation mark takes in the rest of
  /// the file.
  static let maximumBytes = 1 << 20

  /// Where rows of fields have what is wanted.
  private struct Columns: Sendable {
    var count: Int
    var image: Int
    var captions: [(column: Int, language: String?)]
    var language: Int?
  }

  private enum Layout: Sendable {
    case delimited(DelimitedText, Columns)
    case jsonLines
  }

  let path: String
  /// Where the first row begins, and in which line.
  let start: (offset: Int, line: Int)
  private let layout: Layout
  private let options: TableOptions

  /// Reads the names of a table's columns.
  init(_ path: String, _ contents: UnsafeBufferPointer<UInt8>, _ options: TableOptions) throws {
    (self.path, self.options) = (path, options)
    if contents.starts(with: [0xFF, 0xFE]) || contents.starts(with: [0xFE, 0xFF]) {
      throw FileError(.unsupported, path, "it is UTF-16", expected: "UTF-8")
    }
    var offset = contents.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    guard case .delimited(let separator, let quotes) = try options.format ?? TableFormat(ofFile: path) else {
      (layout, start) = (.jsonLines, (offset, 1))
      return
    }
    let text = DelimitedText(separator: separator, quotes: quotes)
    var line = 1
    var names: [String] = []
    while names.isEmpty {
      if offset >= contents.count { throw FileError(.missing, path, "rows") }
      let record = text.record(contents, at: offset)
      (offset, line) = (record.end, line + record.lineCount)
      if record.isEmpty { continue }
      names = try record.fields.prefix(1 << 16).map { field in
        guard field.range.count <= Self.maximumBytes, let name = DelimitedText.text(contents, field) else {
          throw FileError(.malformed, path, "the names of its columns are not UTF-8")
        }
        return name.trimmingCharacters(in: .whitespaces)
      }
    }
    start = (offset, line)
    layout = .delimited(text, try TableRows.columns(names, path, options))
  }

  /// Finds the columns that are wanted.
  private static func columns(_ names: [String], _ path: String, _ options: TableOptions) throws -> Columns {
    func place(_ name: String) throws -> Int {
      guard let place = names.firstIndex(of: name) else {
        throw FileError(.missing, path, "column \(name); there are \(names.listed(limit: 20))")
      }
      return place
    }
    func usual(_ usual: [String]) -> Int? {
      usual.lazy.compactMap { usual in names.firstIndex { $0.lowercased() == usual } }.first
    }
    if let name = names.first(where: { name in !name.isEmpty && names.count { $0 == name } > 1 }) {
      throw FileError(.malformed, path, "it has several columns \(name)")
    }
    guard let image = try options.imageColumn.map(place) ?? usual(TableOptions.usualImageColumns) else {
      throw FileError(
        .missing, path, "column of images among \(names.listed(limit: 20))",
        expected: TableOptions.usualImageColumns.joined(separator: " or "))
    }
    let captions =
      try options.captionColumns?.map { (try place($0.name), $0.language) }
      ?? names.indices.filter { TableOptions.isCaption(names[$0].lowercased()) }.map { ($0, nil) }
    if captions.isEmpty {
      throw FileError(
        .missing, path, "column of captions among \(names.listed(limit: 20))",
        expected: TableOptions.usualCaptionColumns.joined(separator: " or "))
    }
    return Columns(
      count: names.count, image: image, captions: captions,
      language: try options.languageColumn.map(place) ?? usual(TableOptions.usualLanguageColumns))
  }

  // MARK: Rows

  /// A row, or what is wrong with it.
  typealias Outcome = Result<TableRow, SampleProblem>

  /// The row that begins at a place, where it ends, and how many lines it has; nil for an empty line.
  ///
  /// - Throws: ``FileError`` when nothing behind it can be read.
  func row(
    _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, line: Int
  ) throws -> (outcome: Outcome?, end: Int, lineCount: Int) {
    switch layout {
    case .delimited(let text, let columns):
      let record = text.record(bytes, at: offset)
      if record.isUnclosed {
        throw FileError(
          .malformed, path, "a quotation mark in the row of line \(line) is not closed",
          advice: "read the table without quotes if they stand for themselves")
      }
      if record.isEmpty { return (nil, record.end, record.lineCount) }
      let outcome = Outcome { () throws(SampleProblem) in
        try row(record, bytes, size: record.end - offset, columns)
      }
      return (outcome, record.end, record.lineCount)
    case .jsonLines:
      let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
      let count = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count
      let end = min(offset + count + 1, bytes.count)
      let object = rest[..<count]
      if object.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return (nil, end, 1) }
      let outcome = Outcome { () throws(SampleProblem) in
        try checkSize(count)
        do {
          return try row(JSONReader.read(Array(object), maximumCount: 1 << 12))
        } catch let problem as JSONReader.Problem {
          throw SampleProblem(description: "not valid JSON: \(problem.description)")
        } catch {
          throw error as? SampleProblem ?? SampleProblem(description: "\(error)")
        }
      }
      return (outcome, end, 1)
    }
  }

  private func row(
    _ record: DelimitedText.Record, _ bytes: UnsafeBufferPointer<UInt8>, size: Int, _ columns: Columns
  ) throws(SampleProblem) -> TableRow {
    try checkSize(size)
    if record.hasTextBehindQuote {
      throw SampleProblem(description: "text behind a closing quotation mark")
    }
    if record.fields.count != columns.count {
      throw SampleProblem(description: "\(record.fields.count) columns, expected \(columns.count)")
    }
    func text(_ column: Int, _ meaning: String) throws(SampleProblem) -> String {
      guard let text = DelimitedText.text(bytes, record.fields[column]) else {
        throw SampleProblem(description: "the \(meaning) is not UTF-8")
      }
      return text
    }
    let image = try text(columns.image, "path of the image")
    let language = try columns.language.map { column throws(SampleProblem) in try text(column, "language") }
    let captions = try columns.captions.map { column, own throws(SampleProblem) in
      Caption(try text(column, "caption"), language: own ?? language)
    }
    return try checked(image, captions)
  }

  private func row(_ value: JSONValue) throws(SampleProblem) -> TableRow {
    guard case .object(let members) = value else { throw SampleProblem(description: "not a JSON object") }
    func string(_ name: String) throws(SampleProblem) -> String? {
      switch members.first(where: { $0.name == name })?.value {
      case .string(let text): return text
      case nil, .null: return nil
      default: throw SampleProblem(description: "\(name.oneLine(limit: 100)) is not a string")
      }
    }
    func first(_ name: String?, _ usual: [String]) throws(SampleProblem) -> String? {
      for name in name.map({ [$0] }) ?? usual { if let text = try string(name) { return text } }
      return nil
    }
    if options.imageColumn == nil, let key = try string(Crossmodal3600.key) {
      return try checked(Crossmodal3600.image(key), Crossmodal3600.captions(of: members))
    }
    guard let image = try first(options.imageColumn, TableOptions.usualImageColumns) else {
      let names = options.imageColumn.map { [$0] } ?? TableOptions.usualImageColumns
      throw SampleProblem(description: "no path of an image, expected \(names.joined(separator: " or "))")
    }
    let language = try first(options.languageColumn, TableOptions.usualLanguageColumns)
    let columns =
      options.captionColumns
      ?? members.map(\.name).filter(TableOptions.isCaption).map { CaptionColumn($0) }
    var captions: [Caption] = []
    for column in columns {
      captions += try Caption.list(column.name, of: members, language: column.language ?? language)
    }
    return try checked(image, captions)
  }

  private func checkSize(_ size: Int) throws(SampleProblem) {
    if size > Self.maximumBytes {
      throw SampleProblem(description: "\(size) bytes, expected at most \(Self.maximumBytes)")
    }
  }

  /// A row whose captions are not empty: of several columns some may be.
  private func checked(_ image: String, _ all: [Caption]) throws(SampleProblem) -> TableRow {
    if image.isEmpty { throw SampleProblem(description: "the path of the image is empty") }
    if image.utf8.contains(0) { throw SampleProblem(description: "the path of the image holds a NUL") }
    return TableRow(image: image, captions: try Caption.checked(all))
  }
}

extension DelimitedText.Record {
  /// Whether it is an empty line.
  fileprivate var isEmpty: Bool { fields.count == 1 && fields[0].range.isEmpty }
}
