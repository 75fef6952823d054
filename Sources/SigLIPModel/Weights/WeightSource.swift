import Foundation
import NN

/// Named arrays in one or several files.
protocol WeightSource {
  /// What messages call it.
  var path: String { get }
  /// Names of all arrays.
  var names: [String] { get }
  /// Sizes of an array's axes.
  func shape(of name: String) throws -> StoredShape
  /// An array, to be read.
  func array(_ name: String) throws -> StoredArray
}

/// A file of named arrays.
private protocol ArrayFile {
  var path: String { get }
  var names: [String] { get }
  func storedShape(of name: String) -> StoredShape?
  func array(_ name: String) throws -> StoredArray
}

extension SafetensorsFile: ArrayFile {
  fileprivate func storedShape(of name: String) -> StoredShape? { self[name]?.storedShape }
}

extension TorchFile: ArrayFile {}

/// A safetensors file or one of PyTorch's, or several of which an index says what they hold.
struct ArrayFilesSource: WeightSource {
  let path: String
  private let files: [any ArrayFile]
  private let owners: [String: Int]

  /// A single file.
  init(file path: String) throws {
    try self.init(path: path, files: [ArrayFilesSource.open(path)])
  }

  /// The files that a `model.safetensors.index.json` or `pytorch_model.bin.index.json` names.
  init(index path: String) throws {
    let index = try JSONNode(file: path)
    let owners = try index["weight_map"].members().map { try $0.node.string() }
    if owners.isEmpty {
      throw FileError(.malformed, path, "its weight_map does not say which file holds what")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let shards = Set(owners).sorted()
    if let odd = shards.first(where: { $0.contains("/") || $0 == ".." }) {
      throw FileError(.malformed, path, "it names \"\(odd)\", which is not a file beside it")
    }
    let paths = shards.map { folder.appendingPathComponent($0).path }
    let missing = zip(shards, paths).filter { !FileManager.default.fileExists(atPath: $0.1) }.map(\.0)
    if !missing.isEmpty {
      throw FileError(.malformed, path, "beside it, \(missing.listed()) is missing")
    }
    try self.init(path: path, files: paths.map(ArrayFilesSource.open))
  }

  /// Endings of the names of PyTorch's files.
  static let torchEndings = [".pt", ".pth", ".bin"]

  private static func open(_ path: String) throws -> any ArrayFile {
    try torchEndings.contains(where: path.hasSuffix) ? TorchFile(path) : SafetensorsFile(path)
  }

  private init(path: String, files: [any ArrayFile]) throws {
    var owners: [String: Int] = [:]
    for (number, file) in files.enumerated() {
      for name in file.names {
        if let other = owners.updateValue(number, forKey: name) {
          throw FileError(.malformed, path, "\(files[other].path) and \(file.path) both hold \"\(name)\"")
        }
      }
    }
    (self.path, self.files, self.owners) = (path, files, owners)
  }

  var names: [String] { files.flatMap(\.names) }

  func shape(of name: String) throws -> StoredShape {
    guard let shape = file(name)?.storedShape(of: name) else {
      throw FileError(.missing, path, "array named \"\(name)\"")
    }
    return shape
  }

  func array(_ name: String) throws -> StoredArray {
    guard let file = file(name) else { throw FileError(.missing, path, "array named \"\(name)\"") }
    return try file.array(name)
  }

  private func file(_ name: String) -> (any ArrayFile)? { owners[name].map { files[$0] } }
}

/// big_vision's archive, whose names may all begin with `params/`; what lies beside that is left out.
struct NPZSource: WeightSource {
  private let file: NPZFile
  private let prefix: String
  let names: [String]

  init(_ path: String) throws {
    file = try NPZFile(path)
    let prefix = file.names.contains { $0.hasPrefix("params/") } ? "params/" : ""
    self.prefix = prefix
    names = file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  var path: String { file.path }

  func shape(of name: String) throws -> StoredShape {
    try file.array(prefix + name, verifying: false).shape
  }

  func array(_ name: String) throws -> StoredArray { try file.array(prefix + name) }
}

extension WeightMapping {
  /// Reads all parameters and buffers, one array at a time.
  ///
  /// - Parameter whenRead: Called with the path of each when it has its numbers.
  /// - Throws: ``StateError`` with every name that is missing, unexpected or of another shape;
  ///   nothing was read then.
  func load(
    _ model: SigLIP, from source: any WeightSource, whenRead: (_ path: String) -> Void = { _ in }
  ) throws {
    try placements(of: model).load(model, from: source, ignoring: isIgnored, whenRead: whenRead)
  }
}

extension [WeightPlacement] {
  /// Reads the parameters and buffers of a model that these are all of; see ``WeightMapping/load(_:from:whenRead:)``.
  func load(
    _ model: any Module, from source: any WeightSource, ignoring isIgnored: (String) -> Bool = { _ in false },
    whenRead: (_ path: String) -> Void = { _ in }
  ) throws {
    try check(against: source, ignoring: isIgnored)
    let parameters = Dictionary(
      uniqueKeysWithValues: model.namedParameters().map { ($0.path, $0.parameter) })
    let buffers = Dictionary(uniqueKeysWithValues: model.namedBuffers().map { ($0.path, $0.buffer) })
    for (name, sharing) in Dictionary(grouping: self, by: \.name).sorted(by: { $0.key < $1.key }) {
      let array = try source.array(name)
      for placement in sharing {
        let stored = try placement.rows.map { try array.tensor(rows: $0) } ?? array.tensor()
        parameters[placement.path]?.value = placement.decode(stored)
        buffers[placement.path]?.value = placement.decode(stored)
        whenRead(placement.path)
      }
    }
  }

  private func check(against source: any WeightSource, ignoring isIgnored: (String) -> Bool) throws {
    let found = Set(source.names)
    let expected = Dictionary(map { ($0.name, $0.arrayShape) }, uniquingKeysWith: { a, _ in a })
    var mismatched: [(path: String, expected: Shape, found: Shape)] = []
    for (name, shape) in expected.sorted(by: { $0.key < $1.key }) where found.contains(name) {
      let other = try source.shape(of: name)
      // Single numbers are stored with and without an axis.
      let isSingle = shape.count <= 1 && shape.reduce(1, *) == 1 && other.elementCount == 1
      if other.sizes != shape && !(isSingle && other.sizes.count <= 1) {
        guard let found = other.shape else {
          throw FileError(.malformed, source.path, "\(name) has \(other.sizes.count) axes")
        }
        mismatched.append((name, Shape(shape), found))
      }
    }
    let missing = expected.keys.filter { !found.contains($0) }.sorted()
    let unexpected = found.filter { expected[$0] == nil && !isIgnored($0) }.sorted()
    guard missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty else {
      throw StateError(
        path: source.path, missing: missing, unexpected: unexpected, mismatched: mismatched)
    }
  }
}
