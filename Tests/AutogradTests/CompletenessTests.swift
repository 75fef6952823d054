import Foundation
import Testing

/// No operation on the tape goes untested.
@Suite struct CompletenessTests {
  /// Operations whose trap is tested in `NonDifferentiableTests`.
  static let nonDifferentiable: Set<String> = ["sign", "floor", "ceil", "round"]

  @Test func everyRecordedOperationHasSamples() throws {
    let names = try recordedNames(#/(?:record|picked)\(\s*"(\w+)"/#).flatMap(\.names)
    #expect(names.count > 40, "the search for operations found only \(names)")
    let sampled = Set(OperationRegistry.all.filter { !$0.samples.isEmpty }.map(\.name))
    #expect(Set(names).subtracting(sampled) == [], "operations without samples in OperationRegistry")
  }

  @Test func samplesLieInTheFileOfTheOperationsName() throws {
    let folder = root.appendingPathComponent("Tests/AutogradTests/Samples")
    for (file, names) in try recordedNames(#/(?:record|picked)\(\s*"(\w+)"/#) {
      let samples = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      let missing = names.filter { !samples.contains("\"\($0)\"") }
      #expect(missing == [], "operations of \(file) without samples in Samples/\(file)")
    }
  }

  @Test func everyOperationWithoutADerivativeIsKnown() throws {
    let names = try recordedNames(#/recordNonDifferentiable\(\s*"(\w+)"/#).flatMap(\.names)
    #expect(Set(names) == CompletenessTests.nonDifferentiable)
  }

  private var root: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  /// The names that each file of Autograd gives to what a pattern finds, where there are any.
  private func recordedNames(
    _ pattern: Regex<(Substring, Substring)>
  ) throws -> [(file: String, names: Set<String>)] {
    let sources = root.appendingPathComponent("Sources/Autograd")
    let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var found: [(file: String, names: Set<String>)] = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let source = try String(contentsOf: file, encoding: .utf8)
      // Documentation may show calls too.
      let code = source.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
      let names = Set(code.joined(separator: "\n").matches(of: pattern).map { String($0.1) })
      if !names.isEmpty { found.append((file.lastPathComponent, names)) }
    }
    return found
  }
}
