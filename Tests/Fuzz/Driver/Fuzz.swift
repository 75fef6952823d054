import Foundation
import SigLIPModel

/// Gives changed files to the readers; see `--help`.
@main struct Fuzz {
  static func main() {
    do {
      let arguments = CommandLine.arguments.dropFirst()
      if arguments.contains("--help") {
        print(Options.help)
        for reader in Reader.all { print("  \(reader.name)") }
        return
      }
      let options = try Options(Array(arguments))
      if let path = options.worker {
        try work(options, path)
      } else if let index = options.one {
        try readOne(index, options)
      } else if options.isSelfTest {
        try SelfTest.run(options)
      } else {
        try watch(options)
      }
    } catch {
      FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
      exit(2)
    }
  }

  private static func reader(named name: String) throws -> Reader {
    guard let reader = (Reader.all + SelfTest.readers).first(where: { $0.name == name }) else {
      throw FuzzError("--reader \(name): expected one of \(Reader.all.map(\.name).joined(separator: ", "))")
    }
    return reader
  }

  private static func work(_ options: Options, _ path: String) throws {
    let reader = try reader(named: options.readers.first ?? "")
    let report = try SharedReport(path: path, isNew: false)
    let worker = Worker(reader: reader, seed: options.seed, memoryLimit: options.memory << 20)
    try worker.run(options.first..<options.first + options.count, report)
  }

  private static func readOne(_ index: Int, _ options: Options) throws {
    guard options.readers.count == 1 else { throw FuzzError("--one \(index): expected one --reader") }
    let reader = try reader(named: options.readers[0])
    let seeds = try reader.seeds()
    if let folder = options.save {
      return try Worker.write(reader.input(index, seed: options.seed, from: seeds).0, to: folder)
    }
    let folder = FileManager.default.temporaryDirectory.path + "/fuzz-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var sample = try Worker.sample(index, of: reader, seed: options.seed, seeds, below: folder)
    do {
      try reader.read(&sample)
      print("accepted")
    } catch {
      print("refused: \(error)")
    }
    for refusal in sample.refusals { print("refused in part: \(refusal)") }
  }

  private static func watch(_ options: Options) throws {
    let readers = try options.readers.isEmpty ? Reader.all : options.readers.map(reader)
    let weights = readers.reduce(0) { $0 + $1.share }
    var shares = readers.map { (reader: $0, count: max(1, options.count * $0.share / weights)) }
    shares[0].count += max(0, options.count - shares.reduce(0) { $0 + $1.count })
    let progress = Progress("fuzzing", total: shares.reduce(0) { $0 + $1.count }, unit: "inputs")
    let results = try Watcher(options).run(shares) { progress.advance(by: $0) }
    print(ReaderResult.table(results))
    // A reader that takes nothing is given the wrong files.
    if let idle = results.first(where: { $0.inputs >= 200 && $0.accepted == 0 }) {
      throw FuzzError("\(idle.reader) accepted none of \(idle.inputs) inputs: its seeds are wrong")
    }
    let findings = results.flatMap(\.findings)
    for finding in findings.prefix(50) {
      print(
        "\(finding.kind.rawValue): fuzz --reader '\(finding.reader)' --seed \(options.seed) --one \(finding.index)"
      )
      print("  \(finding.text)")
    }
    if !findings.isEmpty { exit(1) }
  }
}
