import Autograd
import Foundation
import Testing

/// No operation on the tape goes untested.
@Suite struct CompletenessTests {
  /// Operations whose trap is tested in `NonDifferentiableTests`.
  static let nonDifferentiable: Set<String> = ["sign", "floor", "ceil", "round"]

  @Test func everyRecordedOperationHasSamples() throws {
    let names = try recordedNames(#/(?:record|picked)\(\s*"(\w+)"/#)
    #expect(names.count > 40, "the search for operations found only \(names)")
    let sampled = Set(OperationRegistry.all.filter { !$0.samples.isEmpty }.map(\.name))
    #expect(names.subtracting(sampled) == [], "operations without samples in OperationRegistry")
  }

  @Test func everyOperationWithoutADerivativeIsKnown() throws {
    #expect(try recordedNames(#/recordNonDifferentiable\(\s*"(\w+)"/#) == CompletenessTests.nonDifferentiable)
  }

  private func recordedNames(_ pattern: Regex<(Substring, Substring)>) throws -> Set<String> {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/Autograd")
    let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
    var names: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let source = try String(contentsOf: file, encoding: .utf8)
      // Documentation may show calls too.
      let code = source.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
      names.formUnion(code.joined(separator: "\n").matches(of: pattern).map { String($0.1) })
    }
    return names
  }
}
