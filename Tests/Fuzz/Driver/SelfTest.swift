import Foundation

/// Readers that do what none may do, to see that it is found: without them, a run that finds nothing would prove little.
enum SelfTest {
  /// Each goes wrong at the inputs that are multiples of 7, and at no other.
  static let readers: [Reader] =
    [
      reader("broken: traps", trap), reader("broken: aborts") { _ in abort() }, reader("broken: spins", spin),
      reader("broken: waits", wait),
      reader("broken: fills memory", fillMemory), reader("broken: keeps memory", keepMemory),
      refusing("broken: two lines", "one\ntwo"), refusing("broken: terminal", "\u{1B}[2J"),
      refusing("broken: long", String(repeating: "x", count: Judgement.longestMessage + 1)),
      refusing("broken: backwards", "\u{202E}txet"), refusing("broken: silent", ""),
      reader("broken: foreign", throwForeignError),
      reader("broken: part") { sample in sample.attempt { throw FuzzError("one\rtwo") } },
    ] + (Worker.isAddressSanitized ? [reader("broken: overruns", overrun)] : [])

  @Sendable private static func trap(_ sample: inout Sample) {
    let bytes = sample.bytes
    _ = bytes[bytes.count + sample.index]
  }

  /// Nothing that the language notices.
  @Sendable private static func overrun(_ sample: inout Sample) {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
    bytes.initialize(repeating: 0, count: 8)
    kept = [bytes[8 + sample.index % 2]]
    bytes.deallocate()
  }

  @Sendable private static func spin(_: inout Sample) { while getpid() != 0 {} }

  @Sendable private static func wait(_: inout Sample) { while true { pause() } }

  /// More than there may be: the process ends.
  @Sendable private static func fillMemory(_: inout Sample) {
    kept = Array(unsafeUninitializedCapacity: 400 << 20) { _, count in count = 0 }
  }

  /// More resident memory than there may be, but not more addresses: it shows afterwards.
  @Sendable private static func keepMemory(_: inout Sample) { kept = Array(repeating: 1, count: 115 << 20) }

  private nonisolated(unsafe) static var kept: [UInt8] = []

  @Sendable private static func throwForeignError(_: inout Sample) throws {
    _ = try FileManager.default.attributesOfItem(atPath: "/nowhere")
  }

  private static func refusing(_ name: String, _ message: String) -> Reader {
    reader(name) { _ in throw FuzzError(message) }
  }

  private static func reader(_ name: String, _ fail: @escaping @Sendable (inout Sample) throws -> Void)
    -> Reader
  {
    Reader(
      name: name, share: 1, isOnDisk: false, seeds: { [Input("seed", Array("seed".utf8))] },
      read: { sample in
        if sample.index % 7 == 0 { try fail(&sample) }
        if sample.index % 2 == 0 { throw FuzzError("refused") }
      })
  }

  private static func expected(_ name: String) -> Finding.Kind {
    switch name {
    case "broken: traps", "broken: aborts", "broken: overruns": .crash
    case "broken: spins", "broken: waits": .hang
    case "broken: fills memory", "broken: keeps memory": .memory
    default: .message
    }
  }

  /// Runs them; throws when an input that goes wrong was not found, or another one was.
  static func run(_ options: Options) throws {
    var options = options
    (options.seconds, options.memory, options.findings, options.chunk) = (1.5, 128, nil, 8)
    let count = 14
    let results = try Watcher(options).run(readers.map { ($0, count) }) { _ in }
    print(ReaderResult.table(results))
    for result in results {
      let found = Set(result.findings.map { "\($0.kind) at \($0.index)" })
      let wanted = Set(stride(from: 0, to: count, by: 7).map { "\(expected(result.reader)) at \($0)" })
      if found != wanted || result.findings.count != wanted.count || result.inputs != count {
        throw FuzzError(
          "self-test: \(result.reader): found \(found.sorted()) among \(result.inputs) inputs, expected \(wanted.sorted())"
        )
      }
    }
    print("the self-test found all that was there, and nothing else")
  }
}
