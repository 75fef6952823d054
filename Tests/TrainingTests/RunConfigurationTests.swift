import Foundation
import Optim
import Testing
import Training

@Suite struct RunConfigurationTests {
  private struct Recipe: Codable {
    var seed: UInt64 = 1
    var steps = 400
    var rate: Float = 1e-3
    var languages: [String]? = nil
    var text = Text()
    struct Text: Codable {
      var depth = 2
      var name = "a/b"
    }
  }

  private func configuration(_ change: (inout Recipe) -> Void = { _ in }) throws -> RunConfiguration {
    var recipe = Recipe()
    change(&recipe)
    return try RunConfiguration(recipe, mayChange: ["steps"])
  }

  private func record(_ recipe: Recipe = Recipe()) throws -> String {
    String(decoding: try JSONEncoder().encode(recipe), as: UTF8.self)
  }

  @Test func valuesHaveTheirKeys() throws {
    #expect(
      try configuration().values == [
        "seed": "1", "steps": "400", "rate": "0.001", "text.depth": "2", "text.name": "\"a/b\"",
      ])
    #expect(try RunConfiguration(["a": [String: Int]()]).values == ["a": "{}"])
    #expect(throws: EncodingError.self) { try RunConfiguration(["a": Double.nan]) }
  }

  @Test func whatDiffersIsNamed() throws {
    let recorded = try record()
    let same = try configuration { $0.steps = 800 }.check(isThatOf: recorded, in: "c")
    #expect(same.isEmpty)
    let error = #expect(throws: ConfigurationMismatch.self) {
      try configuration {
        $0.seed = 2
        $0.text.depth = 3
        $0.languages = ["en", "de"]
      }.check(isThatOf: recorded, in: "runs/a")
    }
    #expect(
      error?.description
        == "runs/a was trained with languages not given (now [\"en\",\"de\"]), seed 1 (now 2), text.depth 2 (now 3): "
        + "give the same, choose another folder, or allow what is to change (languages, seed, text.depth)")
    let before = #expect(throws: ConfigurationMismatch.self) {
      try RunConfiguration(["seed": 1]).check(isThatOf: recorded, in: "c")
    }
    #expect(before?.differences.map(\.key) == ["rate", "steps", "text.depth", "text.name"])
    for nothing in [nil, "", "{", "\"seed"] {
      #expect(throws: FileError.self) { try configuration().check(isThatOf: nothing, in: "c") }
    }
  }

  /// What may always change is named whole, or a value of the same last name would change with it.
  @Test func onlyWhatIsNamedMayAlwaysChange() throws {
    let recorded = String(decoding: try JSONEncoder().encode(["a": ["steps": 1]]), as: UTF8.self)
    func check(_ mayChange: Set<String>) throws {
      try RunConfiguration(["a": ["steps": 2]], mayChange: mayChange).check(isThatOf: recorded, in: "c")
    }
    for name in ["a", "a.steps"] { try check([name]) }
    for name in ["steps", "ste", "a.ste"] {
      #expect(throws: ConfigurationMismatch.self) { try check([name]) }
    }
  }

  @Test func whatIsAllowedMayDiffer() throws {
    let now = try configuration {
      $0.seed = 2
      $0.text.depth = 3
    }
    let recorded = try record()
    for allowed: Set<String> in [["seed", "text"], ["seed", "depth"], ["seed", "text.depth"]] {
      let differences = try now.check(isThatOf: recorded, in: "c", allowing: allowed)
      #expect(differences.map(\.description) == ["seed 1 (now 2)", "text.depth 2 (now 3)"])
      try now.check(allowed: allowed)
    }
    for allowed: Set<String> in [
      ["seed"], ["text"], [], ["see", "text"], ["seed", "tex"], ["seed", "pth"],
    ] {
      #expect(throws: ConfigurationMismatch.self) {
        try now.check(isThatOf: recorded, in: "c", allowing: allowed)
      }
    }
    let error = #expect(throws: UnknownConfigurationKey.self) { try now.check(allowed: ["seed", "sede"]) }
    #expect(
      error?.description.hasPrefix("sede is no part of the configuration; there are rate, seed") ?? false)
  }
}
