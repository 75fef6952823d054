import Foundation
import Tensor

/// Images and captions that a table lists: CSV, TSV or JSON lines.
///
///     image,caption,language                    {"image": "a.jpg", "caption": "A cat."}
///     a.jpg,"A cat, asleep.",en                 {"image": "b.jpg", "caption": ["A dog.", "Ein Hund."]}
///     a.jpg,Eine Katze schläft.,de
///
/// The captions of Crossmodal-3600 (XM3600), `captions.jsonl` beside the folder `images`, are such a table too: each in its
/// language, those prepared for tokenizers left out.
///
/// Rows of one image are one sample, at the place of the first. What is wrong with a row makes it a sample of its own, which
/// throws when it is read. Images are opened when they are read.
///
/// The table stays in its file: memory holds 16 bytes for each row and 4 for each sample. In a file that is changed meanwhile
/// rows are damaged or others than they were.
public struct TableSource: ImageTextSource {
  /// The table.
  public let path: String
  /// Rows, those that are damaged too; empty lines aside.
  public var rowCount: Int { index.offsets.count }
  /// Rows that are damaged, images aside.
  public var damagedRowCount: Int { index.damagedRowCount }
  /// Rows whose image an earlier row has.
  public var repeatedImageCount: Int { index.repeatedImageCount }
  private let rows: TableRows
  private let file: OpenFile
  private let index: TableIndex
  private let imageFolder: String

  /// Opens a table and reads it once.
  ///
  /// - Throws: ``FileError`` when there is none, it lacks a column or all rows, or a quotation mark is not closed.
  public init(_ path: String, options: TableOptions = TableOptions()) throws {
    self.path = path
    file = try OpenFile(path)
    let contents = try mapFile(path)
    (rows, index) = try contents.withUnsafeBytes { contents in
      let bytes = contents.assumingMemoryBound(to: UInt8.self)
      let rows = try TableRows(path, bytes, options)
      return (rows, try TableIndex(rows, bytes, mergesRows: options.mergesRows))
    }
    imageFolder = options.imageFolder ?? URL(filePath: path).deletingLastPathComponent().path
  }

  /// How many images there are, and damaged rows.
  public var count: Int { index.starts.count - 1 }

  /// The path of a sample's image as the table has it; `line 7` for a damaged row.
  public func key(at index: Int) -> String {
    check(index)
    let row = self.index.rows(of: index).first!
    return (try? self.row(row).image) ?? "line \(self.index.lines[row])"
  }

  /// The image's file.
  ///
  /// - Throws: ``FileError`` that names the line too.
  public func image(at index: Int) throws -> SampleImage {
    check(index)
    let row = self.index.rows(of: index).first!
    let image = try self.row(row).image
    do {
      return try .file(image.hasPrefix("/") ? image : imageFolder + "/" + image)
    } catch let error as FileError {
      throw FileError(
        error.kind, error.path, "\(error.found) (line \(self.index.lines[row]) of \(path))",
        expected: error.expected, advice: error.advice)
    }
  }

  /// The captions of all rows of an image, in their order.
  ///
  /// - Throws: ``FileError`` that names the line.
  public func captions(at index: Int) throws -> [Caption] {
    check(index)
    return try self.index.rows(of: index).flatMap { try row($0).captions }
  }

  private func row(_ row: Int) throws -> TableRow {
    let line = Int(index.lines[row])
    func damaged(_ problem: String) -> FileError { FileError(.malformed, path, "line \(line): \(problem)") }
    if let first = index.refused[UInt32(row)] {
      throw damaged("its image is that of line \(index.lines[Int(first)])")
    }
    let start = index.offsets[row]
    let end = row + 1 < rowCount ? index.offsets[row + 1] : file.count
    let outcome = try file.bytes(at: start, count: end - start).withUnsafeBufferPointer { bytes in
      bytes.isEmpty ? nil : try rows.row(bytes, at: 0, line: line).outcome
    }
    switch outcome {
    case .success(let row): return row
    case .failure(let problem): throw damaged(problem.description)
    case nil: throw damaged("the file was changed")
    }
  }
}

/// Where the rows of a table are, and which of them make a sample.
private struct TableIndex: Sendable {
  /// Of each row: where it begins, and in which line.
  private(set) var offsets: [Int] = []
  private(set) var lines: [UInt32] = []
  /// Rows by sample, and where each sample's begin among them.
  private var order: [UInt32] = []
  private(set) var starts: [UInt32] = []
  /// Rows with the image of an earlier one, where that is damage, and which that is.
  private(set) var refused: [UInt32: UInt32] = [:]
  private(set) var damagedRowCount = 0
  private(set) var repeatedImageCount = 0

  init(_ rows: TableRows, _ bytes: UnsafeBufferPointer<UInt8>, mergesRows: Bool) throws {
    var samples = SampleNumbers(rows, bytes)
    var sampleOfRow: [UInt32] = []
    var (position, line) = rows.start
    var released = 0
    while position < bytes.count {
      let (outcome, end, lineCount) = try rows.row(bytes, at: position, line: line)
      if line > Int(Int32.max) { throw FileError(.unsupported, rows.path, "more than \(Int32.max) lines") }
      if let outcome {
        let row = UInt32(offsets.count)
        offsets.append(position)
        lines.append(UInt32(line))
        if case .success(let content) = outcome {
          let (sample, first) = samples.number(ofRow: row, content.image, offsets, lines)
          if let first {
            repeatedImageCount += 1
            if !mergesRows { refused[row] = first }
          }
          sampleOfRow.append(first != nil && !mergesRows ? samples.next() : sample)
        } else {
          sampleOfRow.append(samples.next())
        }
        if (try? outcome.get()) == nil || refused[row] != nil { damagedRowCount += 1 }
      }
      (position, line) = (end, line + lineCount)
      if position - released > 1 << 24 || position == bytes.count {
        // Pages that were read are memory of this process until others need it.
        releaseMappedPages(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[released..<position])))
        released = position
      }
    }
    if offsets.isEmpty { throw FileError(.missing, rows.path, "rows") }
    sort(sampleOfRow, count: Int(samples.count))
  }

  /// Rows by sample, in the order of the file (a counting sort).
  private mutating func sort(_ sampleOfRow: [UInt32], count: Int) {
    starts = Array(repeating: 0, count: count + 1)
    for sample in sampleOfRow { starts[Int(sample) + 1] += 1 }
    for sample in 0..<count { starts[sample + 1] += starts[sample] }
    var next = starts
    order = Array(repeating: 0, count: sampleOfRow.count)
    for (row, sample) in sampleOfRow.enumerated() {
      order[Int(next[Int(sample)])] = UInt32(row)
      next[Int(sample)] += 1
    }
    // Without the room in which they grew.
    offsets = offsets.withUnsafeBufferPointer { Array($0) }
    lines = lines.withUnsafeBufferPointer { Array($0) }
  }

  func rows(of sample: Int) -> some RandomAccessCollection<Int> {
    order[Int(starts[sample])..<Int(starts[sample + 1])].lazy.map { Int($0) }
  }
}

/// Gives each image a number.
private struct SampleNumbers {
  private let rows: TableRows
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Sample and first row by the hash of the image's path.
  private var known: [UInt64: (sample: UInt32, row: UInt32)] = [:]
  private(set) var count: UInt32 = 0

  init(_ rows: TableRows, _ bytes: UnsafeBufferPointer<UInt8>) { (self.rows, self.bytes) = (rows, bytes) }

  /// A number that no image has.
  mutating func next() -> UInt32 {
    count += 1
    return count - 1
  }

  /// The number of a row's image, and the first row that has it, if another one.
  mutating func number(
    ofRow row: UInt32, _ image: String, _ offsets: [Int], _ lines: [UInt32]
  ) -> (sample: UInt32, first: UInt32?) {
    var hasher = Hasher()
    for byte in image.utf8 { hasher.combine(byte) }
    var hash = UInt64(truncatingIfNeeded: hasher.finalize())
    while let (sample, first) = known[hash] {
      let other = try? rows.row(bytes, at: offsets[Int(first)], line: Int(lines[Int(first)])).outcome?.get()
      if let other, ExactString(other.image) == ExactString(image) { return (sample, first) }
      hash &+= 1
    }
    let sample = next()
    known[hash] = (sample, row)
    return (sample, nil)
  }
}
