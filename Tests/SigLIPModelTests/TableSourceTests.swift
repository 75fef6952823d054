import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Tables of images and captions, as they should be and as they should not.
@Suite struct TableSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func table(
    _ text: String, _ name: String = "table.csv", options: TableOptions = TableOptions()
  ) throws -> TableSource {
    try table(Array(text.utf8), name, options: options)
  }

  private func table(
    _ bytes: [UInt8], _ name: String = "table.csv", options: TableOptions = TableOptions()
  ) throws -> TableSource {
    try TableSource(folder.write(bytes, to: name), options: options)
  }

  /// Keys with their captions, or what is thrown in the captions' place, without the folder.
  private func contents(_ source: TableSource) -> [String] {
    (0..<source.count).map { index in
      let captions = Result { try source.captions(at: index) }
      switch captions {
      case .success(let captions):
        let texts = captions.map { $0.text + ($0.language.map { "[\($0)]" } ?? "") }
        return "\(source.key(at: index)): " + texts.joined(separator: "|")
      case .failure(let error): return "\(source.key(at: index)): ! " + plain(error)
      }
    }
  }

  private func plain(_ error: any Error) -> String {
    "\(error)".replacing(folder.path("x").dropLast(), with: "")
  }

  private func refusal(_ text: String, _ name: String = "table.csv", options: TableOptions = .init())
    -> String
  {
    do {
      _ = try table(text, name, options: options)
      return "nothing thrown"
    } catch { return plain(error) }
  }

  // MARK: What is right

  @Test func fieldsAreQuotedAsRFC4180Says() throws {
    let source = try table(
      "\u{FEFF}image,caption\r\n\r\na.jpg,\"one, two\"\r\n\"b,\"\".jpg\",\"a\r\nb\"\n\nc.jpg,5\" screen\r\n"
        + "d.jpg,\"\"\"x\"\"\"\"\"\r\ne.jpg,last\r"
    )
    #expect(
      contents(source) == [
        "a.jpg: one, two", "b,\".jpg: a\r\nb", "c.jpg: 5\" screen", "d.jpg: \"x\"\"", "e.jpg: last",
      ])
    #expect(source.rowCount == 5 && source.damagedRowCount == 0)
  }

  @Test func rowsAndColumnsOfAnImageAreItsCaptions() throws {
    let source = try table(
      "caption_1\tpath\tlang\tcaption_2\nA\ta.jpg\ten\tB\nC\tb.jpg\t\t\nD\ta.jpg\tde\t \n", "table.TSV")
    #expect(contents(source) == ["a.jpg: A[en]|B[en]|D[de]", "b.jpg: C"])
    #expect(source.rowCount == 3 && source.repeatedImageCount == 1)
  }

  @Test func columnsAreThoseThatAreNamed() throws {
    let options = TableOptions(
      imageColumn: "code", captionColumns: ["en", CaptionColumn("de", language: "de")], languageColumn: "text"
    )
    let source = try table("code,en,de,text,image\na,x,y,xx,no\n", options: options)
    #expect(contents(source) == ["a: x[xx]|y[de]"])
  }

  @Test func quotationMarksStandForThemselvesWhereAsked() throws {
    let options = TableOptions(format: .delimited(separator: UInt8(ascii: "\t"), quotes: false))
    let source = try table("image\tcaption\na.jpg\t\"Hello\nb.jpg\t\"\"\n", options: options)
    #expect(contents(source) == ["a.jpg: \"Hello", "b.jpg: \"\""])
  }

  @Test func objectsHaveOneCaptionOrMany() throws {
    let source = try table(
      """
      \u{FEFF}{"image": "a.jpg", "caption": "A\\nb", "language": "en", "width": 3}\r

      {"file_name": "b.jpg", "captions": ["x", "", "y"], "text": null}
         \t
      {"image": "a.jpg", "text": "again"}
      """, "table.jsonl")
    #expect(contents(source) == ["a.jpg: A\nb[en]|again", "b.jpg: x|y"])
  }

  @Test func imagesAreReadFromTheFolder() throws {
    let image = RGBImage(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    try image.writePPM(to: folder.path("a.ppm"))
    let source = try table("image,caption\na.ppm,A\nnone.ppm,B\n\(folder.path("a.ppm")),C\n")
    #expect(try source.image(at: 0).decoded() == image)
    #expect(try source.sample(at: 2).image.decoded() == image)
    #expect(throws: FileError.self) { try source.image(at: 1) }
    do { _ = try source.image(at: 1) } catch {
      #expect(plain(error) == "Cannot read none.ppm: No such file or directory (line 3 of table.csv).")
    }
  }

  /// A file that is written anew while it is read: rows are others, or damaged, and nothing else happens.
  @Test(arguments: ["csv", "jsonl"]) func aTableThatIsChangedHasOtherRows(format: String) throws {
    func text(_ captions: [String]) -> String {
      let rows = captions.enumerated().map { number, caption in
        format == "csv"
          ? "\(number).jpg,\(caption)" : "{\"image\": \"\(number).jpg\", \"caption\": \"\(caption)\"}"
      }
      return ((format == "csv" ? ["image,caption"] : []) + rows).joined(separator: "\n") + "\n"
    }
    let long = String(repeating: "x", count: 5000)
    let source = try table(text(["one", long, long, "four"]), "table.\(format)")
    _ = try folder.write(Array(text(["two"]).utf8), to: "table.\(format)")
    #expect(contents(source).first == "0.jpg: two")
    for line in contents(source).dropFirst() {
      #expect(line.hasPrefix("line ") && line.contains(": the file was changed"), "\(line)")
    }
    _ = try folder.write(Array(text(["one", String(long.dropLast(10))]).utf8), to: "table.\(format)")
    #expect(contents(source)[0] == "0.jpg: one")
    #expect(contents(source).dropFirst(2).allSatisfy { $0.contains(": the file was changed") })
  }

  // MARK: What is wrong

  @Test func damagedRowsAreNamedByFileAndLine() throws {
    var bytes = Array("image,caption\nok.jpg,\"two\nlines\"\nx.jpg\nx.jpg,a,b\nx.jpg,\n,caption\nx.jpg,".utf8)
    bytes +=
      [0xFF, 0xC3] + Array("\nx\0.jpg,c\nx.jpg,c\0d\nx.jpg,\"a\"b\n\"\u{E9}\",\" \"\nlast.jpg,fine".utf8)
    let source = try table(bytes)
    #expect(
      contents(source) == [
        "ok.jpg: two\nlines",
        "line 4: ! table.csv is damaged: line 4: 1 columns, expected 2.",
        "line 5: ! table.csv is damaged: line 5: 3 columns, expected 2.",
        "line 6: ! table.csv is damaged: line 6: the caption is empty.",
        "line 7: ! table.csv is damaged: line 7: the path of the image is empty.",
        "line 8: ! table.csv is damaged: line 8: the caption is not UTF-8.",
        "line 9: ! table.csv is damaged: line 9: the path of the image holds a NUL.",
        "line 10: ! table.csv is damaged: line 10: the caption or its language holds a NUL.",
        "line 11: ! table.csv is damaged: line 11: text behind a closing quotation mark.",
        "line 12: ! table.csv is damaged: line 12: the caption is empty.",
        "last.jpg: fine",
      ])
    #expect(source.damagedRowCount == 9)
    #expect(throws: FileError.self) { try source.image(at: 3) }
  }

  @Test func damagedObjectsAreNamed() throws {
    let source = try table(
      """
      {"image": "a.jpg", "caption": "A"
      ["a.jpg", "A"]
      {"caption": "A"}
      {"image": "a.jpg", "caption": 3}
      {"image": "a.jpg", "caption": ["A", 3]}
      {"image": "a.jpg", "caption": []}
      {"image": ["a.jpg"], "caption": "A"}
      {"image": "a\\u0000.jpg", "caption": "A"}
      {"image": "a.jpg", "image": "b.jpg", "caption": "A"}
      """, "table.jsonl")
    #expect(source.count == 9 && source.damagedRowCount == 9)
    let problems = [
      "not valid JSON", "not a JSON object", "no path of an image", "caption is no string",
      "not a list of strings", "the caption is empty", "image is not a string", "holds a NUL", "occurs twice",
    ]
    for (index, (line, problem)) in zip(contents(source), problems).enumerated() {
      #expect(line.hasPrefix("line \(index + 1): ! table.jsonl is damaged: line \(index + 1): "), "\(line)")
      #expect(line.contains(problem), "\(line)")
    }
  }

  @Test func imagesThereTwiceAreDamageWhereAsked() throws {
    let source = try table(
      "image,caption\na.jpg,A\nb.jpg,B\na.jpg,C\n", options: TableOptions(mergesRows: false))
    #expect(
      contents(source) == [
        "a.jpg: A", "b.jpg: B", "line 4: ! table.csv is damaged: line 4: its image is that of line 2.",
      ])
    #expect(source.damagedRowCount == 1)
  }

  @Test func namesThatLookAlikeAreDifferent() throws {
    let source = try table("image,caption\n\u{E9}.jpg,A\ne\u{301}.jpg,B\n")
    #expect(source.count == 2)
  }

  @Test func longFieldsAreDamage() throws {
    let long = String(repeating: "x", count: 1 << 20)
    let source = try table("image,caption\na.jpg,\"\(long)\"\nb.jpg,B\n")
    #expect(
      contents(source) == [
        "line 2: ! table.csv is damaged: line 2: 1048585 bytes, expected at most 1048576.", "b.jpg: B",
      ])
  }

  @Test func tablesWithoutWhatIsNeededAreRefused() throws {
    #expect(refusal("") == "table.csv has no rows.")
    #expect(refusal("\n\r\n") == "table.csv has no rows.")
    #expect(refusal("image,caption\n\n") == "table.csv has no rows.")
    #expect(refusal("", "table.jsonl") == "table.jsonl has no rows.")
    #expect(
      refusal("a,caption\nx,y").hasPrefix(
        "table.csv has no column of images among a, caption, expected image"))
    #expect(
      refusal("image,a\nx,y").hasPrefix(
        "table.csv has no column of captions among image, a, expected caption"))
    #expect(
      refusal("image,a\nx,y", options: TableOptions(captionColumns: ["b"]))
        == "table.csv has no column b; there are image, a.")
    #expect(refusal("image,a,a\nx,y,z") == "table.csv is damaged: it has several columns a.")
    #expect(refusal("image,caption\na,b\nc,\"d\ne,f\n").contains("line 3 "))
    #expect(refusal("image,caption\na,b\nc,\"d\ne,f\n").contains("is not closed"))
    #expect(
      refusal("x", "table.txt")
        == "table.txt: its name does not tell its format, expected .csv, .tsv or .jsonl.")
    #expect(throws: FileError.self) { try TableSource(folder.path("none.csv")) }
    #expect(throws: FileError.self) { try table([0xFF, 0xFE, 0x69, 0]) }
  }

  @Test func everyBeginningOfATableIsReadOrRefused() throws {
    let text = "\u{FEFF}image,caption,lang\r\na.jpg,\"x\"\"\r\n\",en\r\nb.jpg,\u{1F600},\r\n"
    #expect(try table(text).count == 2)
    for count in 0...text.utf8.count {
      guard let source = try? table(Array(text.utf8.prefix(count))) else { continue }
      for index in 0..<source.count { _ = (source.key(at: index), try? source.sample(at: index)) }
    }
  }
}
