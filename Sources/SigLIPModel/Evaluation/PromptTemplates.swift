import Foundation
import NN

/// Sentences about a class, each with `{}` where its name goes.
public struct PromptTemplates: Sendable, Hashable {
  /// The sentences.
  public let sentences: [String]

  /// Templates of one's own.
  ///
  /// - Throws: ``EvaluationError`` when there is none, and for one without a place for the name.
  public init(_ sentences: [String]) throws {
    if sentences.isEmpty { throw EvaluationError.nothing("prompt templates") }
    if let odd = sentences.first(where: { !$0.contains("{}") }) { throw EvaluationError.template(odd) }
    self.init(known: sentences)
  }

  private init(known sentences: [String]) { self.sentences = sentences }

  /// What is said of a class. Case and punctuation are the matter of the text encoder, which knows how its model was
  /// trained.
  public func texts(for name: String) -> [String] {
    sentences.map { $0.replacingOccurrences(of: "{}", with: name) }
  }
}

extension PromptTemplates {
  /// The name alone.
  public static let name = PromptTemplates(known: ["{}"])

  /// The seven of the eighty that OpenAI's notebook on prompts picks for ImageNet.
  public static let openAI7 = PromptTemplates(known: [
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
  ])

  /// The eighty of OpenAI's CLIP for ImageNet.
  public static let openAI80 = PromptTemplates(known: [
    "a bad photo of a {}.",
    "a photo of many {}.",
    "a sculpture of a {}.",
    "a photo of the hard to see {}.",
    "a low resolution photo of the {}.",
    "a rendering of a {}.",
    "graffiti of a {}.",
    "a bad photo of the {}.",
    "a cropped photo of the {}.",
    "a tattoo of a {}.",
    "the embroidered {}.",
    "a photo of a hard to see {}.",
    "a bright photo of a {}.",
    "a photo of a clean {}.",
    "a photo of a dirty {}.",
    "a dark photo of the {}.",
    "a drawing of a {}.",
    "a photo of my {}.",
    "the plastic {}.",
    "a photo of the cool {}.",
    "a close-up photo of a {}.",
    "a black and white photo of the {}.",
    "a painting of the {}.",
    "a painting of a {}.",
    "a pixelated photo of the {}.",
    "a sculpture of the {}.",
    "a bright photo of the {}.",
    "a cropped photo of a {}.",
    "a plastic {}.",
    "a photo of the dirty {}.",
    "a jpeg corrupted photo of a {}.",
    "a blurry photo of the {}.",
    "a photo of the {}.",
    "a good photo of the {}.",
    "a rendering of the {}.",
    "a {} in a video game.",
    "a photo of one {}.",
    "a doodle of a {}.",
    "a close-up photo of the {}.",
    "a photo of a {}.",
    "the origami {}.",
    "the {} in a video game.",
    "a sketch of a {}.",
    "a doodle of the {}.",
    "a origami {}.",
    "a low resolution photo of a {}.",
    "the toy {}.",
    "a rendition of the {}.",
    "a photo of the clean {}.",
    "a photo of a large {}.",
    "a rendition of a {}.",
    "a photo of a nice {}.",
    "a photo of a weird {}.",
    "a blurry photo of a {}.",
    "a cartoon {}.",
    "art of a {}.",
    "a sketch of the {}.",
    "a embroidered {}.",
    "a pixelated photo of a {}.",
    "itap of the {}.",
    "a jpeg corrupted photo of the {}.",
    "a good photo of a {}.",
    "a plushie {}.",
    "a photo of the nice {}.",
    "a photo of the small {}.",
    "a photo of the weird {}.",
    "the cartoon {}.",
    "art of the {}.",
    "a drawing of the {}.",
    "a photo of the large {}.",
    "a black and white photo of a {}.",
    "the plushie {}.",
    "a dark photo of a {}.",
    "itap of a {}.",
    "graffiti of the {}.",
    "a toy {}.",
    "itap of my {}.",
    "a photo of a cool {}.",
    "a photo of a small {}.",
    "a tattoo of the {}.",
  ])
}
