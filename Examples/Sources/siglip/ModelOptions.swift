import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Options of every command that runs a model.
struct ModelOptions: ParsableArguments {
  @Option(
    help:
      "A checkpoint: a folder as siglip train, transformers or open_clip writes it, or big_vision's .npz beside its tokenizer.",
    completion: .directory)
  var model: String
  @OptionGroup var computing: ComputingOptions
}

/// How a model is run.
struct ComputingOptions: ParsableArguments {
  @Option(help: "How many images or texts are computed at a time.")
  var batchSize = 16
  @Option(
    help:
      "What shows through transparent pixels: six hexadecimal digits, or none to forget alpha as Python does."
  )
  var background = Background(transparency: .over(.white))
  @Option(
    help: ArgumentHelp(
      "What products round their operands to: float32, bfloat16 (faster where the CPU has such products), bfloat16x3, or int8: 8 bits in linear layers, else bfloat16.",
      valueName: "precision"))
  var precision: WeightPrecision?

  func validate() throws {
    if !(1...4096).contains(batchSize) {
      throw ValidationError("--batch-size \(batchSize): expected 1 to 4096")
    }
  }
}

extension WeightPrecision: @retroactive ExpressibleByArgument {}

/// The value of `--background`.
struct Background: ExpressibleByArgument {
  let transparency: Transparency

  init(transparency: Transparency) { self.transparency = transparency }

  init?(argument: String) {
    if argument == "none" {
      transparency = .dropped
    } else if argument.count == 6, let value = UInt32(argument, radix: 16) {
      transparency = .over(
        RGBColor(
          red: UInt8(value >> 16), green: UInt8(value >> 8 & 255), blue: UInt8(value & 255)))
    } else {
      return nil
    }
  }

  var defaultValueDescription: String { "ffffff" }
}

extension ModelOptions {
  /// The model, ready for files and texts.
  func load() throws -> EmbeddingModel { try computing.load(path: model) }
}

extension ComputingOptions {
  /// The model of a checkpoint, ready for files and texts.
  func load(path: String) throws -> EmbeddingModel {
    try EmbeddingModel(
      checkpoint(path: path), options: ImageReadingOptions(transparency: background.transparency),
      batchSize: batchSize)
  }

  /// A checkpoint whose weights are rounded when they are read, not for each batch. Products of the process round as asked for
  /// from then on.
  func checkpoint(path: String) throws -> SigLIPCheckpoint {
    if let precision { Compute.matmulPrecision = MatmulPrecision(rawValue: precision.rawValue) ?? .bfloat16 }
    let packing = precision ?? WeightPrecision(rawValue: Compute.matmulPrecision.rawValue)
    return try SigLIPCheckpoint(path: path, packing: packing == .float32 ? nil : packing)
  }
}
