import NN
import Testing

/// A parameter of one number.
private func number(_ value: Float = 0) -> Parameter { Parameter(Tensor(value)) }

/// A layer with one of everything that a module can hold.
private final class Part: Module, TrainingDependent {
  let weight = number()
  let statistic = Buffer(Tensor(0))
  var isTraining = true
}

private struct Pair {
  let name: String
  let first: Part
  let second: Part?
}

private indirect enum Choice {
  case nothing
  case one(Part)
  case labelled(part: Part)
  case two(Part, scale: Parameter)
  case nested(Choice)
}

@propertyWrapper private struct Wrapped<Value> {
  var wrappedValue: Value
}

@propertyWrapper private struct Trainable {
  let parameter: Parameter
  var wrappedValue: Tensor { parameter.value }
  init(wrappedValue: Tensor) { parameter = Parameter(wrappedValue) }
}

private enum Side: Hashable { case left, right }

/// Every way in which a stored property leads to a module.
private final class Everything: Module {
  let dictionary = ["b": Part(), "a": Part(), "c.d": Part()]
  let numbered = [10: Part(), 9: Part()]
  let sides: [Side: Part?] = [.right: Part(), .left: nil]
  let pair = Pair(name: "pair", first: Part(), second: Part())
  let tuple = (Part(), other: Part(), 3)
  let nothing = Choice.nothing
  let one = Choice.one(Part())
  let labelled = Choice.labelled(part: Part())
  let two = Choice.nested(.two(Part(), scale: number()))
  @Wrapped var wrapped = Part()
  @Wrapped @Wrapped var twice = [Part()]
  @Trainable var trainable = Tensor(1)
  let structs = [Pair(name: "x", first: Part(), second: nil), Pair(name: "y", first: Part(), second: nil)]
  let anything: [Any] = [3, "text", Part(), [Part()], ["key": Part()], Optional<Part>.none as Any]
  let any: Any = Part()
  let deep: [[String: (Int, Part?)?]] = [[:], ["k": (1, Part()), "l": nil]]
  let slice = [Part(), Part()][1...]
  let result: Result<Part, StateError> = .success(Part())
  lazy var late = Part()
  lazy var lateNumbers = [Float]()

  static let parts = [
    "dictionary.a", "dictionary.b", "dictionary.c.d", "numbered.9", "numbered.10", "sides.right",
    "pair.first",
    "pair.second", "tuple.0", "tuple.other", "one.one", "labelled.labelled.part", "two.nested.two.0",
    "wrapped", "twice.0", "structs.0.first", "structs.1.first", "anything.2", "anything.3.0",
    "anything.4.key", "any",
    "deep.1.k.1", "slice.0", "result.success", "late",
  ]
}

@Suite struct ModuleWalkTests {
  private static func make() -> Everything {
    let model = Everything()
    _ = model.late
    return model
  }

  @Test func everyStoredPropertyIsWalked() {
    let model = Self.make()
    #expect(model.namedModules().map(\.path) == [""] + Everything.parts)
    var expected = Everything.parts.map { $0 + ".weight" }
    expected.insert("two.nested.two.scale", at: 1 + (expected.firstIndex(of: "two.nested.two.0.weight") ?? 0))
    expected.insert("trainable.parameter", at: 1 + (expected.firstIndex(of: "twice.0.weight") ?? 0))
    #expect(model.namedParameters().map(\.path) == expected)
    #expect(model.namedBuffers().map(\.path) == Everything.parts.map { $0 + ".statistic" })
  }

  @Test func allThatIsFoundIsSwitchedFrozenSavedAndLoaded() throws {
    let (model, other) = (Self.make(), Self.make())
    model.evaluate()
    let parts = model.namedModules().compactMap { $0.module as? Part }
    #expect(parts.count == Everything.parts.count)
    #expect(parts.allSatisfy { !$0.isTraining })
    model.train()
    #expect(parts.allSatisfy { $0.isTraining })
    model.freeze()
    #expect(model.parameters.allSatisfy { $0.isFrozen })
    for (index, parameter) in model.parameters.enumerated() { parameter.value = Tensor(Float(index)) }
    for part in parts { part.statistic.value = Tensor(-1) }
    try other.load(model.stateDictionary())
    #expect(other.parameters.map(\.value) == model.parameters.map(\.value))
    #expect(model.stateDictionary().count == 2 * parts.count + 2)
    #expect(other.stateDictionary() == model.stateDictionary())
  }

  /// Reflection makes an object of every element that it is asked for, which takes long for a large table.
  @Test func tablesOfNumbersAndTextAreNotWalked() {
    let tables: [Any.Type] = [
      [Float].self, [(Int32, Float)].self, [Int?].self, [[Float]].self, [String].self, Set<Int>.self,
      [String: [Int]].self, Tensor?.self, ArraySlice<Side>.self, IndexTensor.self,
    ]
    for type in tables { #expect(holdsNoModules(type), "\(type)") }
    let others: [Any.Type] = [
      [Any].self, Part.self, [Part?].self, [String: Parameter].self, [Pair].self, (Int, Part).self,
      Choice.self,
      [[Buffer]].self, [any Layer].self, AnyObject.self, [RandomSource].self,
    ]
    for type in others { #expect(!holdsNoModules(type), "\(type)") }
  }

  @Test func cyclesEndAndWhatIsSharedIsListedOnce() {
    final class Node: Module {
      let weight = number()
      var next: Node?
      var others: [String: Node] = [:]
      let shared: Parameter
      init(_ shared: Parameter) { self.shared = shared }
    }
    let shared = number()
    let (a, b) = (Node(shared), Node(shared))
    (a.next, b.next) = (b, a)
    a.others = ["self": a, "b": b]
    #expect(a.namedParameters().map(\.path) == ["weight", "next.weight", "next.shared"])
    #expect(a.namedModules().map(\.path) == ["", "next"])
    (a.next, b.next, a.others) = (nil, nil, [:])
  }

  @Test func superclassesComeFirst() {
    class Base: Module { let parts = ["x": Part()] }
    class Middle: Base { let pair = (Part(), 1) }
    final class Last: Middle { let weight = number() }
    #expect(
      Last().namedParameters().map(\.path) == ["parts.x.weight", "pair.0.weight", "weight"])
  }

  /// A class that is no module may hold what it likes, as long as it leads to nothing that the model lacks.
  @Test func otherObjectsMayReferToTheModel() {
    final class Log {
      var lines = ["a"]
      var model: Trunk?
      var part: Part?
    }
    final class Trunk: Module {
      let log = Log()
      let part = Part()
    }
    let model = Trunk()
    (model.log.model, model.log.part) = (model, model.part)
    #expect(model.namedParameters().map(\.path) == ["part.weight"])
    (model.log.model, model.log.part) = (nil, nil)
  }
}

/// What the program says before it stops.
func expectMessage(
  _ message: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
  let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(output.contains(message), "\(output)", sourceLocation: sourceLocation)
}

/// What cannot be walked stops the program: it would be neither trained nor saved.
@Suite struct ModuleWalkTrapTests {
  @Test func aLazyPropertyThatWasNotRead() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Everything().namedParameters()
    }
    expectMessage("Everything: late is lazy and was not read yet", result)
  }

  @Test func aParameterInAClassThatIsNoModule() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      class Holder { let parts = [Part()] }
      final class Helper: Holder {}
      final class Model: Module { let helpers = ["a": Helper()] }
      Model().evaluate()
    }
    expectMessage("Model: found Part at helpers.a.parts.0, inside Helper, which is not a Module", result)
  }

  private final class Element: Module, Hashable {
    static func == (a: Element, b: Element) -> Bool { a === b }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
  }

  @Test func aSetOfModules() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      final class Model: Module { let elements: Set = [Element()] }
      _ = Model().parameters
    }
    expectMessage("Model: found Element at elements.0, inside Set<Element>, which has no order", result)
  }

  @Test func aModuleAsAKey() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      final class Model: Module { let weights = [Element(): Float(1)] }
      _ = Model().parameters
    }
    expectMessage("Model: found Element at weights, as a key", result)
  }

  @Test func twoParametersOfOnePath() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      final class Model: Module { let parts: [AnyHashable: Part] = [1: Part(), "1": Part()] }
      _ = Model().stateDictionary()
    }
    expectMessage("Model: found two parameters or buffers at parts.1.weight", result)
  }

  @Test func aModuleWithAMirrorOfItsOwn() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      final class Shy: Module, CustomReflectable {
        let weight = number()
        var customMirror: Mirror { Mirror(self, children: []) }
      }
      _ = Sequential(ActivationLayer(.relu)).namedModules()
      final class Model: Module { let shy = Shy() }
      _ = Model().namedParameters()
    }
    expectMessage("Model: found Shy at shy, whose customMirror hides its stored properties", result)
  }
}
