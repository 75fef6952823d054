import Foundation

/// What is asked for on the command line.
struct Options {
  var readers: [String] = []
  /// Inputs in all, shared out by the readers' weights.
  var count = 20_000
  var seed: UInt64 = 1
  /// Number of the first input of each reader.
  var first = 0
  /// Processes at a time.
  var jobs = ProcessInfo.processInfo.activeProcessorCount
  /// Seconds of processor time that one input may take.
  var seconds = 10.0
  /// MiB that reading may take.
  var memory = 2048
  /// Where inputs are kept at which something went wrong.
  var findings: String? = ".build/fuzz"
  /// One input to be read in this process.
  var one: Int?
  /// Where that input is written to.
  var save: String?
  var isSelfTest = false
  /// For a worker: its report's file.
  var worker: String?
  /// Inputs for one process.
  var chunk = 2000

  static let help = """
    USAGE: fuzz [--reader NAME]... [--count N] [--seed N] [--first N] [--jobs N]
                [--seconds N] [--memory MIB] [--findings FOLDER]
           fuzz --reader NAME --one INDEX [--seed N] [--save FOLDER]
           fuzz --self-test

    Gives changed files to the readers and watches what they do. An input must be read or refused with one line,
    within --seconds (10) of processor time and --memory (2048 MiB). An input is what reader, seed and index make it, and nothing else.

    --reader NAME      a reader; may be repeated; all if not given
    --count N          inputs in all, shared out among the readers (20,000)
    --first N          index of each reader's first input (0): goes on where another run ended
    --jobs N           processes at a time (one for each processor)
    --findings FOLDER  where inputs are kept at which something went wrong (.build/fuzz)
    --one INDEX        reads one input in this process and says what came of it
    --save FOLDER      writes that input's files
    --self-test        runs readers that crash, hang, take memory and write bad messages, to see that they are found

    Readers:
    """

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    func value(_ name: String) throws -> String {
      guard let value = rest.popFirst() else { throw FuzzError("\(name): expected a value") }
      return value
    }
    func number<T: LosslessStringConvertible & Comparable>(_ name: String, from least: T) throws -> T {
      let text = try value(name)
      guard let number = T(text), number >= least else {
        throw FuzzError("\(name) \(text): expected a number from \(least)")
      }
      return number
    }
    while let name = rest.popFirst() {
      switch name {
      case "--reader": readers.append(try value(name))
      case "--count": count = try number(name, from: 1)
      case "--seed": seed = try number(name, from: 0)
      case "--first": first = try number(name, from: 0)
      case "--jobs": jobs = try number(name, from: 1)
      case "--seconds": seconds = try number(name, from: 0.1)
      case "--memory": memory = try number(name, from: 16)
      case "--findings": findings = try value(name)
      case "--one": one = try number(name, from: 0)
      case "--save": save = try value(name)
      case "--self-test": isSelfTest = true
      case "--worker": worker = try value(name)
      default: throw FuzzError("\(name): no such option; --help names all")
      }
    }
  }
}
