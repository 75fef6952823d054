import Foundation

/// A safetensors file, mapped into memory: opening reads the header only, an array is read when it is asked for.
///
/// Opening checks the whole header, as the format demands: valid UTF-8 and JSON, no name twice, known element types,
/// sizes that fit the shapes, and data that fills the file without overlaps or holes.
public struct SafetensorsFile: Sendable {
  /// What the header says about one array.
  public struct Entry: Sendable, Hashable {
    /// How elements are encoded.
    public let elementType: ElementType
    /// Sizes of the axes.
    public var shape: [Int] { storedShape.sizes }
    /// The same, as the checked sizes that they are.
    package let storedShape: StoredShape
    /// Where the bytes lie, counted from the end of the header.
    public let byteRange: Range<Int>
  }

  /// Headers may take at most this many bytes, as in the reference implementation.
  static let maximumHeaderBytes = 100_000_000

  /// Where the file is.
  public let path: String
  /// Names of the arrays, in the order of the header.
  public let names: [String]
  /// The free text entries of the header.
  public let metadata: [String: String]

  private let entries: [String: Entry]
  private let contents: Data
  private let dataStart: Int

  /// Opens a file and checks its header.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or breaks the format.
  public init(_ path: String) throws {
    let contents = try mapFile(path)
    do {
      let header = try Header(contents)
      self.path = path
      self.contents = contents
      names = header.names
      metadata = header.metadata
      entries = header.entries
      dataStart = header.byteCount
    } catch let problem as Header.Problem {
      throw FileError(.malformed, path, problem.description)
    }
  }

  /// Type, shape and place of an array, or nil if there is none of this name.
  public subscript(name: String) -> Entry? { entries[name] }

  /// An array converted to `Float`, whatever its element type.
  ///
  /// - Throws: ``FileError`` when there is no such array or it has more axes than a tensor can have.
  public func tensor(named name: String) throws -> Tensor { try array(name).tensor() }

  /// An array of whole numbers without the detour over `Float`.
  ///
  /// - Throws: ``FileError`` when there is no such array, it holds fractions, or a value needs more than 32 bits.
  public func indices(named name: String) throws -> IndexTensor { try array(name).indices() }

  /// The one whole number of an array.
  ///
  /// - Throws: ``FileError`` when there is no such array, it holds fractions or more than one number, or the number
  ///   needs more than 64 bits.
  public func integer(named name: String) throws -> Int { try array(name).integer() }

  /// The bytes of an array as they are stored: row-major, little-endian.
  ///
  /// - Throws: ``FileError`` when there is no such array.
  public func bytes(named name: String) throws -> [UInt8] { try array(name).rawBytes() }

  /// All arrays by name, converted to `Float`.
  ///
  /// - Throws: ``FileError`` when an array has more axes than a tensor can have.
  public func tensors() throws -> [String: Tensor] {
    try Dictionary(uniqueKeysWithValues: names.map { ($0, try tensor(named: $0)) })
  }

  /// An array as it lies in the file.
  package func array(_ name: String) throws -> StoredArray {
    guard let entry = entries[name] else { throw FileError(.missing, path, "array named \"\(name)\"") }
    let start = contents.startIndex + dataStart
    return StoredArray(
      path: path, name: name, elementType: entry.elementType, shape: entry.storedShape,
      bytes: contents[start + entry.byteRange.lowerBound..<start + entry.byteRange.upperBound], isMapped: true
    )
  }
}

extension SafetensorsFile {
  /// The first part of a file: 8 bytes with its length, then JSON.
  private struct Header {
    struct Problem: Error {
      let description: String
      init(_ description: String) { self.description = description }
    }

    /// Length of the prefix and the JSON: where data starts.
    let byteCount: Int
    private(set) var names: [String] = []
    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [String: Entry] = [:]

    init(_ contents: Data) throws {
      guard contents.count >= 8 else {
        throw Problem("it has \(contents.count) bytes, the length of the header alone takes 8")
      }
      let length = contents.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
      guard length <= SafetensorsFile.maximumHeaderBytes, Int(length) <= contents.count - 8 else {
        throw Problem("its header should take \(length) bytes, more than the file holds or the format allows")
      }
      byteCount = 8 + Int(length)
      let text = [UInt8](contents[contents.startIndex + 8..<contents.startIndex + byteCount])
      guard text.first == UInt8(ascii: "{") else { throw Problem("its header does not start with '{'") }
      do {
        guard case .object(let members) = try JSONReader.read(text) else {
          throw Problem("its header is not a JSON object")
        }
        for member in members { try add(member) }
      } catch let problem as JSONReader.Problem {
        throw Problem("in its header, \(problem.description)")
      }
      try checkCoverage(of: contents.count - byteCount)
    }

    private mutating func add(_ member: JSONValue.Member) throws {
      guard case .object(let fields) = member.value else {
        throw Problem("the header entry \"\(member.name)\" is not a JSON object")
      }
      if member.name == "__metadata__" {
        for field in fields {
          guard case .string(let text) = field.value else {
            throw Problem("the metadata entry \"\(field.name)\" is not a string")
          }
          metadata[field.name] = text
        }
        return
      }
      names.append(member.name)
      // To a dictionary of strings, names that differ only in composition are the same.
      guard entries.updateValue(try entry(fields, named: member.name), forKey: member.name) == nil else {
        throw Problem("the name \"\(member.name)\" occurs twice")
      }
    }

    private func entry(_ fields: [JSONValue.Member], named name: String) throws -> Entry {
      let values = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
      guard fields.count == 3, case .string(let type)? = values["dtype"],
        let sizes = values["shape"].flatMap(integers),
        let offsets = values["data_offsets"].flatMap(integers), offsets.count == 2
      else {
        throw Problem("array \"\(name)\" needs exactly dtype, shape and two data_offsets in the header")
      }
      guard let elementType = ElementType(rawValue: type) else {
        throw Problem("array \"\(name)\" has the element type \(type), which is not supported")
      }
      guard offsets[0] >= 0, offsets[0] <= offsets[1] else {
        throw Problem("array \"\(name)\" has the impossible data_offsets \(offsets)")
      }
      let shape: StoredShape
      do { shape = try StoredShape(sizes) } catch {
        throw Problem("array \"\(name)\" has \(error.description)")
      }
      guard shape.byteCount(of: elementType) == offsets[1] - offsets[0] else {
        throw Problem(
          "array \"\(name)\" of shape \(shape) and type \(type) does not take the \(offsets[1] - offsets[0]) bytes "
            + "of its data_offsets")
      }
      return Entry(elementType: elementType, storedShape: shape, byteRange: offsets[0]..<offsets[1])
    }

    private func integers(_ value: JSONValue) -> [Int]? {
      guard case .array(let elements) = value else { return nil }
      var integers: [Int] = []
      for element in elements {
        guard case .integer(let integer) = element else { return nil }
        integers.append(integer)
      }
      return integers
    }

    /// Arrays must follow one another from the first byte to the last.
    private func checkCoverage(of byteCount: Int) throws {
      let ordered = names.compactMap { name in entries[name].map { (name, $0.byteRange) } }.sorted {
        ($0.1.lowerBound, $0.1.upperBound) < ($1.1.lowerBound, $1.1.upperBound)
      }
      var end = 0
      for (name, range) in ordered {
        guard range.lowerBound == end else {
          let problem = range.lowerBound < end ? "overlaps the array before it" : "leaves a hole before it"
          throw Problem(
            "array \"\(name)\" starts at byte \(range.lowerBound) and \(problem), expected byte \(end)")
        }
        end = range.upperBound
      }
      guard end == byteCount else {
        throw Problem("its arrays take \(end) bytes, but the file holds \(byteCount) after the header")
      }
    }
  }
}
