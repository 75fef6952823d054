/// What a pickle in a PyTorch file may hold. Containers are numbers of an arena: however deep they nest, and though they may
/// hold themselves, nothing is walked but by those who look, and nothing is freed one inside the other.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  /// Items in the arena.
  case tuple(Int)
  /// Items in the arena.
  case list(Int)
  /// Keys and values in turn in the arena.
  case dictionary(Int)
  /// Something that the pickle names, one of those that are known.
  case global(String)
  /// A class of TorchScript, of which only the attributes are kept.
  case scriptClass
  /// A number of ``Pickle/storages``.
  case storage(Int)
  /// A number of ``Pickle/arrays``.
  case array(Int)
}

/// A program in Python's pickle language, read without running anything but what makes tensors, dictionaries, lists and
/// numbers: whatever else it names is refused.
///
/// Python runs what a pickle names, which may be any function. Here an instruction either makes one of the values of
/// ``PickleValue`` or is an error. Memory is bounded by the pickle's length, of which each byte makes a value at most.
struct Pickle {
  /// What is wrong with a pickle.
  struct Problem: Error {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// Bytes that tensors share.
  struct Storage {
    let elementType: ElementType
    /// The name of the file in the archive.
    let key: String
    let count: Int
  }

  /// A view of a storage.
  struct Array {
    let storage: Int
    let offset: Int
    let sizes, strides: [Int]
  }

  private(set) var storages: [Storage] = []
  private(set) var arrays: [Array] = []
  /// The items of all containers.
  private(set) var arena: [[PickleValue]] = []
  private var stack: [PickleValue] = []
  /// Places in the stack.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var bytes: PickleBytes

  /// What the pickle is.
  private(set) var value = PickleValue.none

  /// More than any state dictionary needs.
  static let maximumBytes = 1 << 23

  /// Reads a pickle of protocol 2 to 4.
  init(_ contents: [UInt8]) throws {
    if contents.count > Pickle.maximumBytes {
      throw Problem("its pickle has \(contents.count) bytes, expected at most \(Pickle.maximumBytes)")
    }
    bytes = PickleBytes(contents)
    while true {
      let instruction = try bytes.byte()
      if instruction == UInt8(ascii: ".") { break }
      try run(instruction)
    }
    value = try pop()
  }

  // MARK: Instructions

  private mutating func run(_ instruction: UInt8) throws {
    switch instruction {
    case 0x80:
      let version = try bytes.byte()
      if !(2...4).contains(version) { throw Problem("its pickle is of protocol \(version), expected 2 to 4") }
    case 0x95: _ = try bytes.integer(8)  // the length of a frame
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "K"): stack.append(.integer(try bytes.integer(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try bytes.integer(2)))
    case UInt8(ascii: "J"):
      stack.append(.integer(Int(Int32(truncatingIfNeeded: try bytes.integer(4)))))
    case 0x8A: stack.append(.integer(try bytes.longInteger()))
    case UInt8(ascii: "G"): stack.append(.number(try bytes.double()))
    case UInt8(ascii: "X"): stack.append(.string(try bytes.string(count: bytes.integer(4))))
    case 0x8C: stack.append(.string(try bytes.string(count: bytes.integer(1))))
    case UInt8(ascii: "}"): stack.append(.dictionary(store([])))
    case UInt8(ascii: "]"): stack.append(.list(store([])))
    case UInt8(ascii: ")"): stack.append(.tuple(store([])))
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "t"): stack.append(.tuple(store(try popToMark())))
    case 0x85, 0x86, 0x87: stack.append(.tuple(store(try pop(count: Int(instruction - 0x84)))))
    case UInt8(ascii: "a"): try add(try pop(count: 1), to: "list")
    case UInt8(ascii: "e"): try add(try popToMark(), to: "list")
    case UInt8(ascii: "s"): try add(try pop(count: 2), to: "dictionary")
    case UInt8(ascii: "u"): try add(try popToMark(), to: "dictionary")
    case UInt8(ascii: "q"): memo[try bytes.integer(1)] = try top()
    case UInt8(ascii: "r"): memo[try bytes.integer(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): try recall(bytes.integer(1))
    case UInt8(ascii: "j"): try recall(bytes.integer(4))
    case UInt8(ascii: "c"): try name(try bytes.line() + "." + bytes.line())
    case 0x93:
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw Problem("its pickle names something by what is no text")
      }
      try self.name(module + "." + name)
    case UInt8(ascii: "Q"): stack.append(.storage(try storage(try pop())))
    case UInt8(ascii: "R"): try call()
    case 0x81:
      let arguments = try pop()
      guard case .scriptClass = try pop(), try items(of: arguments).isEmpty else {
        throw Problem("its pickle makes an object that is no tensor")
      }
      stack.append(.dictionary(store([])))
    case UInt8(ascii: "b"): try setState(try pop())
    default: throw Problem("its pickle has the instruction \(instruction), which no tensor needs")
    }
  }

  private mutating func store(_ items: [PickleValue]) -> Int {
    arena.append(items)
    return arena.count - 1
  }

  private func top() throws -> PickleValue {
    guard let last = stack.last, stack.count > marks.last ?? 0 else { throw Problem.empty }
    return last
  }

  private mutating func pop() throws -> PickleValue {
    let last = try top()
    stack.removeLast()
    return last
  }

  private mutating func pop(count: Int) throws -> [PickleValue] {
    if stack.count - (marks.last ?? 0) < count { throw Problem.empty }
    let items = Swift.Array(stack.suffix(count))
    stack.removeLast(count)
    return items
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw Problem.empty }
    let items = Swift.Array(stack[mark...])
    stack.removeLast(stack.count - mark)
    return items
  }

  private mutating func add(_ items: [PickleValue], to kind: String) throws {
    switch try top() {
    case .list(let place) where kind == "list": arena[place] += items
    case .dictionary(let place) where kind == "dictionary" && items.count % 2 == 0: arena[place] += items
    default: throw Problem("its pickle adds to what is no \(kind)")
    }
  }

  private mutating func recall(_ number: Int) throws {
    guard let value = memo[number] else { throw Problem("its pickle recalls what it did not remember") }
    stack.append(value)
  }

  // MARK: What may be named

  private static let elementTypes: [String: ElementType] = [
    "torch.DoubleStorage": .float64, "torch.FloatStorage": .float32, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
    "torch.BoolStorage": .bool,
  ]
  private static let orderedDictionary = "collections.OrderedDict"
  private static let rebuildTensor = "torch._utils._rebuild_tensor_v2"
  private static let rebuildParameter = "torch._utils._rebuild_parameter"
  private static let scriptLists = [
    "build_intlist", "build_doublelist", "build_boollist", "build_tensorlist",
  ].map { "torch.jit._pickle." + $0 }
  private static let functions = Set([orderedDictionary, rebuildTensor, rebuildParameter] + scriptLists)

  private mutating func name(_ name: String) throws {
    if name.hasPrefix("__torch__.") {
      stack.append(.scriptClass)
    } else if Pickle.functions.contains(name) || Pickle.elementTypes[name] != nil {
      stack.append(.global(name))
    } else {
      throw Problem("it asks for \(name), which is not run", expected: "tensors, dictionaries and numbers")
    }
  }

  private mutating func call() throws {
    let arguments = try items(of: pop())
    guard case .global(let function) = try pop() else {
      throw Problem("its pickle calls what is no function")
    }
    switch function {
    case Pickle.orderedDictionary:
      var items: [PickleValue] = []
      for pair in try arguments.first.map(items(of:)) ?? [] {
        let pair = try self.items(of: pair)
        if pair.count != 2 { throw Problem("its pickle has a dictionary of what are no pairs") }
        items += pair
      }
      stack.append(.dictionary(store(items)))
    case Pickle.rebuildTensor: stack.append(try tensor(arguments))
    case Pickle.rebuildParameter:
      guard case .array? = arguments.first else {
        throw Problem("its pickle has a parameter that is no tensor")
      }
      stack.append(arguments[0])
    case _ where Pickle.scriptLists.contains(function):
      guard let list = arguments.first else { throw Problem.empty }
      stack.append(list)
    default: throw Problem("its pickle calls \(function), which is no function")
    }
  }

  private mutating func setState(_ state: PickleValue) throws {
    guard case .dictionary(let place) = try top() else {
      throw Problem("its pickle sets the state of a value")
    }
    // An object of TorchScript is its attributes; those of an ordered dictionary are not its contents.
    if case .dictionary(let attributes) = state, arena[place].isEmpty { arena[place] = arena[attributes] }
  }

  private mutating func storage(_ identity: PickleValue) throws -> Int {
    let parts = try items(of: identity)
    guard parts.count >= 5, case .string("storage") = parts[0], case .global(let name) = parts[1],
      case .string(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw Problem("its pickle names a storage in an unknown way") }
    guard let type = Pickle.elementTypes[name] else { throw Problem("it has a storage of \(name)") }
    storages.append(Storage(elementType: type, key: key, count: count))
    return storages.count - 1
  }

  private mutating func tensor(_ arguments: [PickleValue]) throws -> PickleValue {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1]
    else { throw Problem("its pickle makes a tensor in an unknown way") }
    arrays.append(
      Array(
        storage: storage, offset: offset, sizes: try integers(arguments[2]),
        strides: try integers(arguments[3])))
    return .array(arrays.count - 1)
  }

  private func integers(_ value: PickleValue) throws -> [Int] {
    try items(of: value).map {
      guard case .integer(let number) = $0 else { throw Problem("its pickle has a size that is no number") }
      return number
    }
  }

  /// The items of a tuple or list.
  private func items(of value: PickleValue) throws -> [PickleValue] {
    switch value {
    case .tuple(let place), .list(let place): return arena[place]
    default: throw Problem("its pickle has another value where a list is expected")
    }
  }
}

extension Pickle.Problem {
  fileprivate static let empty = Pickle.Problem("its pickle takes what is not there")

  fileprivate init(_ found: String, expected: String) { self.init("\(found), expected \(expected)") }
}

/// The bytes of a pickle, read from the front.
private struct PickleBytes {
  private let contents: [UInt8]
  private var position = 0

  init(_ contents: [UInt8]) { self.contents = contents }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    if count > contents.count - position { throw Pickle.Problem("its pickle ends in the middle") }
    defer { position += count }
    return contents[position..<position + count]
  }

  mutating func byte() throws -> UInt8 { try take(1).first! }

  /// An unsigned integer, its lowest byte first.
  mutating func integer(_ count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let integer = Int(exactly: value) else { throw Pickle.Problem("its pickle has too large a number") }
    return integer
  }

  /// An integer of any length that fits 64 bits.
  mutating func longInteger() throws -> Int {
    let digits = try take(integer(1))
    if digits.count > 8 { throw Pickle.Problem("its pickle has too large a number") }
    var value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if let last = digits.last, last >= 128, digits.count < 8 {
      value |= UInt64.max << UInt64(8 * digits.count)
    }
    return Int(Int64(bitPattern: value))
  }

  mutating func double() throws -> Double {
    Double(bitPattern: try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  mutating func string(count: Int) throws -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw Pickle.Problem("its pickle has a text that is not UTF-8")
    }
    return text
  }

  /// Up to the end of the line.
  mutating func line() throws -> String {
    guard let end = contents[position...].firstIndex(of: 10) else {
      throw Pickle.Problem("its pickle ends in the middle")
    }
    let text = try string(count: end - position)
    position += 1
    return text
  }
}
