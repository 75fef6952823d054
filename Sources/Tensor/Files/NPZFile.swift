import Foundation

/// NumPy's archive of named arrays (`.npz`): a ZIP file of `.npy` files, stored or deflated.
///
/// Opening reads the directory only; an array is decompressed and checked when it is asked for.
public struct NPZFile: Sendable {
  /// Where the file is.
  public let path: String
  /// Names of the arrays (without `.npy`), in the order of the archive.
  public let names: [String]

  private let archive: ZipArchive
  private let entries: [String: ZipArchive.Entry]

  /// Opens an archive.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is not a ZIP archive, or holds a name twice.
  public init(_ path: String) throws {
    let contents = try mapFile(path)
    let archive = try Self.naming(path) { try ZipArchive(contents) }
    var names: [String] = []
    var entries: [String: ZipArchive.Entry] = [:]
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      let name = String(entry.name.dropLast(4))
      names.append(name)
      entries[name] = entry
    }
    self.path = path
    self.archive = archive
    self.names = names
    self.entries = entries
  }

  /// Type and shape of an array, or nil if there is none of this name.
  ///
  /// - Throws: ``FileError`` when the array's header is damaged.
  public func entry(named name: String) throws -> (elementType: ElementType, shape: [Int])? {
    guard entries[name] != nil else { return nil }
    let array = try array(name, verifying: false)
    return (array.elementType, array.shape.sizes)
  }

  /// An array converted to `Float`.
  ///
  /// - Throws: ``FileError`` when there is no such array, it is damaged, or its elements are not numbers.
  public func tensor(named name: String) throws -> Tensor { try array(name).tensor() }

  /// An array of whole numbers.
  ///
  /// - Throws: ``FileError``, also when the array holds fractions or a value needs more than 32 bits.
  public func indices(named name: String) throws -> IndexTensor { try array(name).indices() }

  /// The bytes of an array in row-major, little-endian order.
  ///
  /// - Throws: ``FileError`` when there is no such array or it is damaged.
  public func bytes(named name: String) throws -> [UInt8] { try array(name).rawBytes() }

  /// All arrays by name, converted to `Float`.
  ///
  /// - Throws: ``FileError`` when one is damaged or not of numbers.
  public func tensors() throws -> [String: Tensor] {
    try Dictionary(uniqueKeysWithValues: names.map { ($0, try tensor(named: $0)) })
  }

  /// Writes tensors by name, uncompressed, all as one floating-point type, atomically.
  ///
  /// - Throws: ``FileError``.
  public static func write(
    _ tensors: [String: Tensor], to path: String, as elementType: ElementType = .float32
  ) throws {
    try write(tensors.map { name, tensor in (name, { tensor }) }, to: path, as: elementType)
  }

  /// As above, with tensors that are asked for one after another and let go of. Traps when a name is there twice.
  package static func write(
    _ arrays: [(name: String, tensor: () throws -> Tensor)], to path: String,
    as elementType: ElementType = .float32
  ) throws {
    if Set(arrays.map(\.name)).count != arrays.count { programmerError("npz: a name is there twice") }
    let files = arrays.sorted { $0.name < $1.name }.map { name, tensor in
      (name: name + ".npy", contents: { try NPYFile.encode(tensor(), as: elementType) })
    }
    try ZipArchive.write(files, to: path)
  }

  /// An array, decompressed.
  ///
  /// - Parameter verifying: Whether to compare its checksum, for which all of it must be read.
  package func array(_ name: String, verifying: Bool = true) throws -> StoredArray {
    guard let entry = entries[name] else { throw FileError(.missing, path, "array named \"\(name)\"") }
    let contents = try Self.naming(path) { try archive.contents(of: entry, verifying: verifying) }
    var array = try NPYFile.decode(contents, path: path, name: name)
    array.isMapped = entry.isStored
    return array
  }

  /// Adds the path to what the archive reader finds wrong.
  private static func naming<T>(_ path: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let problem as ZipArchive.Problem {
      throw FileError(.malformed, path, problem.description)
    }
  }
}
