import Foundation
import Synchronization
import Tensor

/// Reads samples of a source and leaves out those that are damaged, counting and listing them, until they are too many.
///
///     let reader = TolerantReader(source, maximumShare: 0.01)
///     let image = try reader.read(index) { try source.image(at: $0).decoded() }  // nil if it is damaged
///     try reader.writeDamaged(to: "damaged.tsv")
///
/// It can be used from several threads at once. A sample counts once, however often a pass or a mixture has it, and the share
/// is one of all samples that there are, ``ImageTextSource/distinctCount``.
public final class TolerantReader: Sendable {
  /// Where the samples come from.
  public let source: any ImageTextSource
  /// The share of the source's samples that may be damaged.
  public let maximumShare: Double
  /// What was found, by key.
  private let found = Mutex<[String: DamagedSample]>([:])

  /// A reader that gives up above a share of the source's samples.
  public init(_ source: any ImageTextSource, maximumShare: Double = 0.01) {
    if !(0...1).contains(maximumShare) {
      programmerError("damaged samples: a share of \(maximumShare)")
    }
    (self.source, self.maximumShare) = (source, maximumShare)
  }

  /// What `body` makes of a sample; nil if that throws a ``DataError``, which is remembered.
  ///
  /// - Throws: ``TooManyDamagedSamples``, and what `body` throws beside.
  public func read<Value>(_ index: Int, _ body: (Int) throws -> Value) throws -> Value? {
    do {
      return try body(index)
    } catch let error as any DataError {
      let key = source.key(at: index)
      let count = found.withLock { found in
        // The first index of those that it has, whoever reads which of them first.
        if index < found[key]?.index ?? .max {
          found[key] = DamagedSample(index: index, key: key, problem: "\(error)")
        }
        return found.count
      }
      if Double(count) <= maximumShare * Double(source.distinctCount) { return nil }
      throw TooManyDamagedSamples(
        damaged: damaged, sampleCount: source.distinctCount, maximumShare: maximumShare)
    }
  }

  /// The damaged samples that were found, in the order of the source.
  public var damaged: [DamagedSample] {
    found.withLock { $0.values.sorted { $0.index < $1.index } }
  }

  /// Writes the damaged samples as a table, in one step.
  ///
  /// - Throws: ``FileError``.
  public func writeDamaged(to path: String) throws { try damaged.write(to: path) }
}

extension [DamagedSample] {
  /// Writes them as a table, in one step.
  ///
  /// - Throws: ``FileError``.
  func write(to path: String) throws {
    let rows = map { "\($0.index)\t\($0.key.oneLine())\t\($0.problem)\n" }
    try Data(("index\tkey\tproblem\n" + rows.joined()).utf8).writeWhole(to: path)
  }
}

/// A sample that cannot be read.
public struct DamagedSample: Sendable, Hashable, Codable {
  /// Its index in the source.
  public let index: Int
  /// Its key.
  public let key: String
  /// What is wrong with it, on one line.
  public let problem: String
}

/// More of a source's samples are damaged than may be.
public struct TooManyDamagedSamples: DataError {
  /// Those that were found.
  public let damaged: [DamagedSample]
  /// How many samples there are.
  public let sampleCount: Int
  /// The share that may be damaged.
  public let maximumShare: Double

  /// The number, and the first ten.
  public var sentence: String {
    let first = damaged.prefix(10).map {
      "\($0.key.oneLine(limit: 100)) (\($0.problem.oneLine(limit: 150)))"
    }
    return
      "\(damaged.count) of \(sampleCount) samples are damaged, expected at most \((maximumShare * 1e5).rounded() / 1e3)%: "
      + first.joined(separator: ", ")
      + (damaged.count > 10 ? " and \(damaged.count - 10) more" : "")
  }
}
