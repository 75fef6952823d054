import Foundation

/// Tensors in a file that PyTorch's `torch.save` or `torch.jit.save` wrote (`.pt`, `.pth`, `.bin`): a ZIP archive with a pickle
/// that says what there is, and the numbers beside it.
///
/// A pickle is a program, which Python runs whatever it says. Here nothing of it is run: it may make tensors, dictionaries,
/// lists and numbers, and is refused by name where it asks for anything else. Of a dictionary with a `state_dict`, as training
/// programs save it, that is what is read; of a TorchScript archive, the parameters and buffers of its modules.
public struct TorchFile: Sendable {
  /// Where the file is.
  public let path: String
  /// Names of the tensors, in the order of the file; those of dictionaries in dictionaries are joined by points.
  public let names: [String]

  fileprivate struct Entry: Sendable {
    let storage: Pickle.Storage
    let offset: Int
    let shape: StoredShape
    let strides: [Int]
  }

  private let entries: [String: Entry]
  private let archive: ZipArchive
  private let files: [String: ZipArchive.Entry]

  /// Opens a file; its numbers are read when they are asked for.
  ///
  /// - Throws: ``FileError`` when it cannot be read, is damaged, of the format before 1.6, or asks for what is no tensor.
  public init(_ path: String) throws {
    let contents = try mapFile(path)
    if contents.first == 0x80 {
      throw FileError(
        .unsupported, path, "it is in the format of PyTorch before 1.6",
        expected: "a ZIP archive, as torch.save writes it now")
    }
    let (archive, folder, pickle) = try TorchFile.naming(path) {
      let archive = try ZipArchive(contents)
      let pickles = archive.entries.filter { $0.name.hasSuffix("/data.pkl") }
      guard pickles.count == 1 else {
        throw ZipArchive.Problem("it has \(pickles.count) files named data.pkl, expected one")
      }
      let bytes = try archive.contents(of: pickles[0])
      return (archive, pickles[0].name.dropLast("data.pkl".count), try Pickle([UInt8](bytes)))
    }
    let files = Dictionary(uniqueKeysWithValues: archive.entries.map { ($0.name, $0) })
    if let order = files[folder + "byteorder"] {
      let text = try TorchFile.naming(path) {
        String(decoding: try archive.contents(of: order), as: UTF8.self)
      }
      if text != "little" {
        throw FileError(.unsupported, path, "its byte order is \"\(text)\"", expected: "little")
      }
    }
    var names: [String] = []
    var entries: [String: Entry] = [:]
    try TorchFile.naming(path) {
      for (name, array) in try pickle.namedArrays() {
        let storage = pickle.storages[array.storage]
        let file = files["\(folder)data/\(storage.key)"]
        names.append(name)
        guard entries.updateValue(try Entry(name, array, storage, file), forKey: name) == nil else {
          throw Pickle.Problem("it holds \"\(name)\" twice")
        }
      }
    }
    (self.path, self.names, self.entries, self.archive) = (path, names, entries, archive)
    self.files = Dictionary(
      uniqueKeysWithValues: files.filter { $0.key.hasPrefix(folder + "data/") }.map {
        (String($0.key.dropFirst(folder.count + 5)), $0.value)
      })
  }

  /// Type and shape of a tensor, or nil if there is none of this name.
  public func entry(named name: String) -> (elementType: ElementType, shape: [Int])? {
    entries[name].map { ($0.storage.elementType, $0.shape.sizes) }
  }

  /// A tensor converted to `Float`.
  ///
  /// - Throws: ``FileError`` when there is none of this name, or it is damaged.
  public func tensor(named name: String) throws -> Tensor { try array(name).tensor() }

  /// All tensors by name, converted to `Float`.
  ///
  /// - Throws: ``FileError`` when one is damaged.
  public func tensors() throws -> [String: Tensor] {
    try Dictionary(uniqueKeysWithValues: names.map { ($0, try tensor(named: $0)) })
  }

  package func storedShape(of name: String) -> StoredShape? { entries[name]?.shape }

  /// A tensor's numbers, to be read.
  package func array(_ name: String) throws -> StoredArray {
    guard let entry = entries[name], let file = files[entry.storage.key] else {
      throw FileError(.missing, path, "tensor named \"\(name)\"")
    }
    let contents = try TorchFile.naming(path) { try archive.contents(of: file) }
    let type = entry.storage.elementType
    let start = contents.startIndex + entry.offset * type.byteCount
    let (sizes, strides) = (entry.shape.sizes, entry.strides)
    if let isColumnMajor = TorchFile.isPlain(sizes, strides) {
      return StoredArray(
        path: path, name: name, elementType: type, shape: entry.shape, isColumnMajor: isColumnMajor,
        bytes: contents[start..<start + entry.shape.byteCount(of: type)], isMapped: file.isStored)
    }
    return StoredArray(
      path: path, name: name, elementType: type, shape: entry.shape,
      bytes: TorchFile.gather(contents, from: start, sizes, strides, elementBytes: type.byteCount))
  }

  /// Whether elements lie one after another: false in rows, true in columns, nil in no order.
  private static func isPlain(_ sizes: [Int], _ strides: [Int]) -> Bool? {
    func follow(_ axes: [Int]) -> Bool {
      var next = 1
      for axis in axes where sizes[axis] != 1 {
        if strides[axis] != next { return false }
        next *= sizes[axis]
      }
      return true
    }
    let axes = Array(sizes.indices)
    if sizes.contains(0) || follow(axes.reversed()) { return false }
    return follow(axes) ? true : nil
  }

  /// The elements of a view in the order of its rows.
  private static func gather(
    _ contents: Data, from start: Int, _ sizes: [Int], _ strides: [Int], elementBytes: Int
  ) -> Data {
    var result = Data(capacity: sizes.reduce(elementBytes, *))
    var index = [Int](repeating: 0, count: sizes.count)
    var place = start
    while true {
      result += contents[place..<place + elementBytes]
      var axis = sizes.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += strides[axis] * elementBytes
        if index[axis] < sizes[axis] { break }
        place -= strides[axis] * elementBytes * sizes[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return result }
    }
  }

  /// Adds the path to what readers find wrong.
  private static func naming<T>(_ path: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let problem as ZipArchive.Problem {
      throw FileError(.malformed, path, problem.description)
    } catch let problem as Pickle.Problem {
      throw FileError(.unsupported, path, problem.description)
    }
  }
}

extension TorchFile.Entry {
  /// Checks that a view lies inside its storage, and the storage inside its file.
  fileprivate init(
    _ name: String, _ array: Pickle.Array, _ storage: Pickle.Storage, _ file: ZipArchive.Entry?
  ) throws {
    func problem(_ text: String) -> Pickle.Problem { Pickle.Problem("tensor \"\(name)\" \(text)") }
    guard let file else { throw problem("lies in the file data/\(storage.key), which is not there") }
    let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.elementType.byteCount)
    if overflow || bytes > file.count {
      throw problem("has a storage of \(storage.count) elements in a file of \(file.count) bytes")
    }
    let shape: StoredShape
    do { shape = try StoredShape(array.sizes) } catch { throw problem("has \(error.description)") }
    guard array.strides.count == array.sizes.count, array.offset >= 0, array.strides.allSatisfy({ $0 >= 0 })
    else { throw problem("has the strides \(array.strides) from \(array.offset) on") }
    // Elements that several places share would be more than the file holds.
    if shape.elementCount > storage.count {
      throw problem("has \(shape.elementCount) elements of a storage of \(storage.count)")
    }
    var last = array.offset
    for (size, stride) in zip(array.sizes, array.strides) where shape.elementCount > 0 {
      let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, another) = last.addingReportingOverflow(reach)
      if overflow || another { throw problem("has the strides \(array.strides)") }
      last = sum
    }
    if shape.elementCount > 0 && last >= storage.count || array.offset > storage.count {
      throw problem("reaches element \(last) of a storage of \(storage.count)")
    }
    self.init(storage: storage, offset: array.offset, shape: shape, strides: array.strides)
  }
}

extension Pickle {
  /// Deeper than any module.
  private static let maximumDepth = 64
  /// More names than any model has, and longer ones.
  private static let maximumVisits = 1 << 20
  private static let maximumNameBytes = 1024

  /// All tensors of the dictionary that the pickle is, or of its `state_dict`, with their names.
  fileprivate func namedArrays() throws -> [(name: String, array: Array)] {
    guard case .dictionary(let place) = value else { throw Problem("it holds no dictionary of tensors") }
    var root = place
    for (key, value) in try members(of: place) {
      if key == "state_dict", case .dictionary(let inner) = value { root = inner }
    }
    var found: [(String, Array)] = []
    var visits = 0
    var waiting: [(prefix: String, place: Int, depth: Int)] = [("", root, 0)]
    while let (prefix, place, depth) = waiting.popLast() {
      if depth > Pickle.maximumDepth {
        throw Problem("its dictionaries are more than \(Pickle.maximumDepth) deep")
      }
      for (key, value) in try members(of: place) {
        visits += 1
        if visits > Pickle.maximumVisits {
          throw Problem("it holds more than \(Pickle.maximumVisits) values")
        }
        if prefix.utf8.count + key.utf8.count > Pickle.maximumNameBytes {
          throw Problem("it has a name of more than \(Pickle.maximumNameBytes) bytes")
        }
        switch value {
        case .array(let number): found.append((prefix + key, arrays[number]))
        case .dictionary(let inner): waiting.append(("\(prefix)\(key).", inner, depth + 1))
        default: break
        }
      }
    }
    // Models that were trained on several devices are inside another module.
    let outer = "module."
    if !found.isEmpty && found.allSatisfy({ $0.0.hasPrefix(outer) }) {
      found = found.map { (String($0.0.dropFirst(outer.count)), $0.1) }
    }
    return found
  }

  /// The members of a dictionary whose keys are texts; others hold no tensors of a model.
  private func members(of place: Int) throws -> [(String, PickleValue)] {
    let items = arena[place]
    return stride(from: 0, to: items.count, by: 2).compactMap { index in
      if case .string(let key) = items[index] { (key, items[index + 1]) } else { nil }
    }
  }
}
