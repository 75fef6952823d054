import Foundation
import SigLIPModel
import TestSupport
import Testing

/// What scikit-learn, CLIP_benchmark and scipy found on some data: a case of `Fixtures/evaluation.py`.
struct EvaluationReference: CustomStringConvertible {
  let name: String
  private let file: SafetensorsFile

  var description: String { name }

  /// The cases of one kind: those of the fixture, and of the file that `PAIRWISE_EVALUATION_REFERENCE` names, where the same
  /// script has put many more.
  static func cases(_ kind: String) throws -> [EvaluationReference] {
    let more = ProcessInfo.processInfo.environment["PAIRWISE_EVALUATION_REFERENCE"]
    return try ([fixture("evaluation.safetensors")] + [more].compactMap { $0 }).flatMap { path in
      let file = try SafetensorsFile(path)
      let found = Set(file.names.filter { $0.hasPrefix(kind + "/") }.map { $0.split(separator: "/")[1] })
      try #require(!found.isEmpty, "\(path) holds no case of \(kind)")
      return found.sorted().map { EvaluationReference(name: "\(kind)/\($0)", file: file) }
    }
  }

  func tensor(_ array: String) throws -> Tensor { try file.tensor(named: "\(name)/\(array)") }

  func integers(_ array: String) throws -> [Int] {
    try file.indices(named: "\(name)/\(array)").values.map { Int($0) }
  }

  func integer(_ array: String) throws -> Int { try integers(array)[0] }

  func flags(_ array: String) throws -> [Bool] { try file.bytes(named: "\(name)/\(array)").map { $0 != 0 } }

  func text(_ array: String) throws -> String {
    String(decoding: try file.bytes(named: "\(name)/\(array)"), as: UTF8.self)
  }

  /// Numbers of double precision, all digits of them.
  func doubles(_ array: String) throws -> [Double] {
    let key = "\(name)/\(array)"
    guard file[key]?.elementType == .float64 else { return try tensor(array).scalars.map(Double.init) }
    return try file.bytes(named: key).withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 8).map { offset in
        Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      }
    }
  }

  func double(_ array: String) throws -> Double { try doubles(array)[0] }

  /// For each row of a matrix of truth values, the columns that are true.
  func places(_ array: String) throws -> [[Int]] {
    let (flags, columns) = (try flags(array), try #require(file["\(name)/\(array)"]).shape[1])
    return stride(from: 0, to: flags.count, by: columns).map { start in
      (0..<columns).filter { flags[start + $0] }
    }
  }

  /// Equal to a millionth.
  func expect(
    _ found: [Double], equals array: String, within tolerance: Double = 1e-6,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try doubles(array)
    try #require(found.count == expected.count, "\(name)/\(array)", sourceLocation: location)
    let worst = zip(found, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    #expect(worst <= tolerance, "\(name)/\(array)", sourceLocation: location)
  }

  func expect(
    _ found: Tensor, equals array: String, within tolerance: Double = 1e-6,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    try expect(found.scalars.map(Double.init), equals: array, within: tolerance, at: location)
  }
}
