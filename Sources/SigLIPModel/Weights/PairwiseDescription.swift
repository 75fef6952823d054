import Foundation
import NN

/// What a folder of this package's own format says of its model: `pairwise_config.json`.
struct PairwiseDescription: Codable {
  static let fileName = "pairwise_config.json"
  static let preprocessingFileName = "preprocessing.json"

  /// Of the format; readers refuse others.
  private var version = 1
  /// The sizes.
  let configuration: SigLIPConfiguration
  /// What happens to case and punctuation of texts, if there is a tokenizer.
  let punctuation: PunctuationMode?

  private enum CodingKeys: CodingKey, CaseIterable { case version, configuration, punctuation }

  init(configuration: SigLIPConfiguration, punctuation: PunctuationMode?) {
    self.configuration = configuration
    self.punctuation = punctuation
  }

  /// Reads a description.
  ///
  /// - Throws: ``FileError``.
  init(path: String) throws { self = try decode(PairwiseDescription.self, file: path) }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    version = try values.decode(Int.self, forKey: .version)
    if version != 1 { try decoder.refuse("it is of version \(version), expected 1") }
    try decoder.refuseUnknownKeys(CodingKeys.self)
    configuration = try values.decode(SigLIPConfiguration.self, forKey: .configuration)
    punctuation = try values.decodeIfPresent(PunctuationMode.self, forKey: .punctuation)
  }
}
