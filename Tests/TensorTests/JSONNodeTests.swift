import Tensor
import Testing

/// Values of a JSON file, and problems that name their place.
@Suite struct JSONNodeTests {
  private let file: JSONNode

  init() throws {
    let text = """
      {"model": {"merges": ["a b", "b", 3]}, "width": 24.0, "ratio": 2.5, "huge": 1e30, "side": [3, 3],
       "odd": [3, 4], "none": null, "flag": false, "small": 0}
      """
    file = try JSONNode(Array(text.utf8), name: "x.json")
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was thrown"
  }

  @Test func valuesAreRead() throws {
    #expect(try file["model"]["merges"].elements()[1].string() == "b")
    #expect(try file["width"].integer() == 24 && file["width"].size() == 24 && file["ratio"].number() == 2.5)
    #expect(try file["side"].side() == 3 && file["width"].side() == 24)
    #expect(try !file["flag"].flag(else: true))
    for absent in [file["none"], file["nothing"], file["nothing"]["at all"]] {
      #expect(absent.isAbsent)
      #expect(try absent.integer(else: 1) == 1 && absent.size(else: 2) == 2 && absent.side(else: 3) == 3)
      #expect(try absent.number(else: 4) == 4 && absent.flag(else: true) && absent.optionalString() == nil)
      #expect(try absent.object().isAbsent)
    }
  }

  @Test func problemsNameTheirPlace() {
    #expect(
      message { _ = try file["model"]["merges"].elements()[2].string() }
        == "x.json is damaged: model.merges[2] is 3, expected a string.")
    #expect(
      message { _ = try file["model"]["vocab"].members() }
        == "x.json is damaged: model.vocab is missing, expected an object.")
    #expect(
      message { _ = try file["small"].size() }
        == "x.json is damaged: small is 0, expected a whole number above 0.")
    #expect(
      message { _ = try file["odd"].side() } == "x.json: odd is [3, 4], expected a square.")
    for (name, found) in [("ratio", "2.5"), ("huge", "1e+30"), ("none", "null"), ("flag", "false")] {
      #expect(
        message { _ = try file[name].integer() }
          == "x.json is damaged: \(name) is \(found), expected a whole number.")
    }
    #expect(
      message { _ = try file["ratio"].object() } == "x.json is damaged: ratio is 2.5, expected an object.")
  }

  @Test func whatIsNoObjectIsRefused() {
    #expect(
      message { _ = try JSONNode(Array("[]".utf8), name: "x.json") }
        == "x.json is damaged: it is a list, expected a JSON object.")
    #expect(
      message { _ = try JSONNode(Array(#"{"a": 1, "a": 2}"#.utf8), name: "x.json") }.contains(
        "is not valid JSON: the name \"a\" occurs twice"))
  }

  @Test func errorsOfFilesAreSentences() {
    #expect("\(FileError(.unreadable, "a", "No such file"))" == "Cannot read a: No such file.")
    #expect("\(FileError(.unwritable, "", "No such file"))" == "Cannot write a file: its path is empty.")
    #expect("\(FileError(.missing, "a", "array named \"b\""))" == "a has no array named \"b\".")
    #expect(
      "\(FileError(.unsupported, "a", "it is grey", expected: "three colours", advice: "convert it"))"
        == "a: it is grey, expected three colours; convert it.")
  }
}
