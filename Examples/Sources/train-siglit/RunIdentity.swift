import CommandSupport
import Foundation
import SigLIPModel

/// What decides the result of a run, as its checkpoint records it: a run goes on with nothing else.
struct RunIdentity: Codable, Hashable {
  var recipe: Recipe
  /// SHA-256 of each file of the data folder by name.
  var files: [String: String]

  /// The files that a run reads.
  static let fileNames = [
    "images.safetensors", "names.tsv", "held_out.tsv", "tokenizer.model", "efficientnet-lite0.safetensors",
  ]

  init(recipe: Recipe, files: [String: String]) {
    self.recipe = recipe
    self.files = files
  }

  /// A run with the files of a folder.
  ///
  /// - Throws: ``FileError`` when one cannot be read.
  init(recipe: Recipe, data: URL) throws {
    self.recipe = recipe
    files = [:]
    for name in RunIdentity.fileNames {
      files[name] = try SHA256.digest(ofFile: data.appending(path: name).path)
    }
  }

  /// Refuses to go on with a checkpoint of another run, naming each option with both values.
  ///
  /// - Throws: ``CommandError``.
  func check(isThatOf path: String, recording record: String?) throws {
    guard let record else {
      throw CommandError("\(path) does not say what it was trained with, so nothing can go on from it")
    }
    guard let recorded = try? JSONDecoder().decode(RunIdentity.self, from: Data(record.utf8)) else {
      throw CommandError(
        "\(path) was written by another version of train-siglit, so nothing can go on from it")
    }
    if recorded == self { return }
    let (before, now) = (recorded.values, values)
    let names = before.keys + now.keys.filter { before[$0] == nil }
    let differences = names.filter { before[$0] != now[$0] }.sorted().map {
      "\($0) \(before[$0] ?? "none") (now \(now[$0] ?? "none"))"
    }
    throw CommandError(
      "\(path) was trained with \(differences.joined(separator: ", ")): give the same, or another --output")
  }

  /// Every value by the name of its option, or of its place in the recipe where it has none.
  private var values: [String: String] {
    var values: [String: String] = [:]
    func add(_ value: Any, _ name: String) {
      let mirror = Mirror(reflecting: value)
      switch mirror.displayStyle {
      case .struct where !(value is [String]):
        for child in mirror.children {
          let label = child.label ?? ""
          add(child.value, name.isEmpty ? RunIdentity.options[label] ?? label : name + "." + label)
        }
      case .optional:
        if let inner = mirror.children.first { add(inner.value, name) } else { values[name] = "not given" }
      default:
        values[name] = (value as? [String])?.joined(separator: ",") ?? "\(value)"
      }
    }
    add(recipe, "")
    for (name, digest) in files { values["\(name) of --data"] = "checksum \(digest.prefix(12))" }
    return values
  }

  /// Options by the properties of the recipe that they set.
  private static let options = [
    "seed": "--seed", "steps": "--steps", "batchSize": "--batch-size", "learningRate": "--learning-rate",
    "optimizer": "--optimizer", "loss": "--loss", "languages": "--languages",
  ]
}
