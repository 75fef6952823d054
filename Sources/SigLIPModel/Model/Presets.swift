import NN

/// Sizes of the transformers that SigLIP models are made of, by big_vision's names.
enum Variant: String {
  case base = "B"
  case large = "L"
  case so400m = "So400m"
  case giantOpt = "g-opt"

  var sizes: (width: Int, depth: Int, heads: Int, hiddenWidth: Int) {
    switch self {
    case .base: (768, 12, 12, 3072)
    case .large: (1024, 24, 16, 4096)
    case .so400m: (1152, 27, 16, 4304)
    case .giantOpt: (1536, 40, 16, 6144)
    }
  }

  func vision(patchSize: Int, imageSize: Int) -> VisionConfiguration {
    let (width, depth, heads, hiddenWidth) = sizes
    return VisionConfiguration(
      imageSize: imageSize, patchSize: patchSize, width: width, depth: depth, heads: heads,
      hiddenWidth: hiddenWidth)
  }

  func text(vocabularySize: Int, contextLength: Int, outputWidth: Int?) -> TextConfiguration {
    let (width, depth, heads, hiddenWidth) = sizes
    return TextConfiguration(
      vocabularySize: vocabularySize, contextLength: contextLength, width: width, depth: depth, heads: heads,
      hiddenWidth: hiddenWidth, outputWidth: outputWidth)
  }
}

/// The language and generation of a published model.
public enum SigLIPEdition: Sendable, Hashable, CaseIterable {
  /// SigLIP, English: a vocabulary of 32,000.
  case english
  /// SigLIP, 100 languages: a vocabulary of 250,000.
  case international
  /// SigLIP 2: a vocabulary of 256,000.
  case second

  /// Rows of the token table.
  public var vocabularySize: Int {
    switch self {
    case .english: 32_000
    case .international: 250_000
    case .second: 256_000
    }
  }
}

extension SigLIPConfiguration {
  /// B/16: published for 224, 256, 384 and 512 pixels, of the international edition for 256.
  public static func base16(imageSize: Int = 224, edition: SigLIPEdition = .english) -> SigLIPConfiguration {
    SigLIPConfiguration(.base, patchSize: 16, imageSize: imageSize, edition)
  }

  /// B/32 of SigLIP 2: published for 256 pixels.
  public static func base32(imageSize: Int = 256) -> SigLIPConfiguration {
    SigLIPConfiguration(.base, patchSize: 32, imageSize: imageSize, .second)
  }

  /// L/16: published for 256, 384 and, of SigLIP 2, 512 pixels.
  public static func large16(imageSize: Int = 256, edition: SigLIPEdition = .english) -> SigLIPConfiguration {
    SigLIPConfiguration(.large, patchSize: 16, imageSize: imageSize, edition)
  }

  /// So400m/14: published for 224 and 384 pixels. The English one for 224 reads 16 tokens, all others 64.
  public static func so400m14(imageSize: Int = 384, edition: SigLIPEdition = .english) -> SigLIPConfiguration
  {
    SigLIPConfiguration(.so400m, patchSize: 14, imageSize: imageSize, edition)
  }

  /// So400m/16: published for 256, 384 and 512 pixels of SigLIP 2, and for 256 of the international edition, which has no
  /// projection of texts.
  public static func so400m16(imageSize: Int = 256, edition: SigLIPEdition = .second) -> SigLIPConfiguration {
    SigLIPConfiguration(.so400m, patchSize: 16, imageSize: imageSize, edition)
  }

  /// g-opt/16 of SigLIP 2, with So400m's text tower: published for 256 and 384 pixels.
  public static func giantOpt16(imageSize: Int = 256) -> SigLIPConfiguration {
    SigLIPConfiguration(.giantOpt, patchSize: 16, imageSize: imageSize, .second)
  }

  /// B/16 of SigLIP 2 for images of any size and shape.
  public static let base16NaFlex = base16(imageSize: 256, edition: .second).naFlex

  /// So400m/16 of SigLIP 2 for images of any size and shape.
  public static let so400m16NaFlex = so400m16(imageSize: 256).naFlex

  private init(_ variant: Variant, patchSize: Int, imageSize: Int, _ edition: SigLIPEdition) {
    let vision = variant.vision(patchSize: patchSize, imageSize: imageSize)
    let isShort = variant == .so400m && patchSize == 14 && imageSize == 224 && edition == .english
    let hasProjection = !(variant == .so400m && edition == .international)
    let text = (variant == .giantOpt ? .so400m : variant).text(
      vocabularySize: edition.vocabularySize, contextLength: isShort ? 16 : 64,
      outputWidth: hasProjection ? vision.width : nil)
    self.init(vision: vision, text: text, family: edition == .second ? .siglip2 : .siglip)
  }

  private var naFlex: SigLIPConfiguration {
    var result = self
    result.vision.isNaFlex = true
    return result
  }
}

extension SigLIPConfiguration {
  /// A published model by its name: `B/16-224`, `So400m/14-384`, `B/16-i18n-256`, `B/16-v2-256`, `g-opt/16-384`,
  /// `B/16-naflex`; names of Hugging Face (`google/siglip2-base-patch16-224`) and open_clip
  /// (`ViT-SO400M-14-SigLIP2-378`) are understood as well. Without a size, the smallest that is published. CLIP's have the
  /// names of open_clip (`ViT-B-32`, `ViT-L-14-336-quickgelu`, `RN50x4`), OpenAI (`ViT-B/32`) or Hugging Face
  /// (`openai/clip-vit-base-patch32`).
  ///
  /// - Throws: ``FileError`` that says which names there are.
  public init(named name: String) throws {
    guard let configuration = SigLIPConfiguration.clip(named: name) ?? SigLIPConfiguration.parse(name) else {
      throw FileError(
        .unsupported, "model \"\(name)\"", "there is none of this name",
        expected:
          "one like B/16-224, B/32-256, L/16-384, So400m/14-384, B/16-i18n-256, B/16-v2-256, g-opt/16-384, "
          + "B/16-naflex, or of CLIP's \(SigLIPConfiguration.clipNames.joined(separator: ", "))")
    }
    self = configuration
  }

  private static func parse(_ name: String) -> SigLIPConfiguration? {
    let words = words(of: name)
    guard words.allSatisfy({ variants[$0] != nil || knownWords.contains($0) || Int($0) != nil }),
      case let found = words.compactMap({ variants[$0] }), found.count == 1, let edition = edition(of: words)
    else { return nil }
    let variant = found[0]
    let numbers = words.compactMap { Int($0) }
    let patchSize = numbers.first { $0 < 100 }
    let imageSize = numbers.first { $0 >= 100 }
    guard numbers.count == [patchSize, imageSize].compactMap({ $0 }).count else { return nil }
    if words.contains("naflex") {
      guard patchSize ?? 16 == 16, imageSize == nil, edition != .international else { return nil }
      switch variant {
      case .base: return base16NaFlex
      case .so400m: return so400m16NaFlex
      default: return nil
      }
    }
    switch (variant, patchSize ?? 16) {
    case (.base, 16):
      return base16(imageSize: imageSize ?? (edition == .international ? 256 : 224), edition: edition)
    case (.base, 32) where edition != .international: return base32(imageSize: imageSize ?? 256)
    case (.large, 16) where edition != .international:
      return large16(imageSize: imageSize ?? 256, edition: imageSize == 512 ? .second : edition)
    case (.so400m, 14) where edition != .international:
      return so400m14(imageSize: imageSize ?? 224, edition: edition)
    case (.so400m, 16):
      return so400m16(imageSize: imageSize ?? 256, edition: edition == .english ? .second : edition)
    case (.giantOpt, 16) where edition != .international: return giantOpt16(imageSize: imageSize ?? 256)
    default: return nil
    }
  }

  /// Letters and digits as words, `patch16` as `patch`, `16`; but `v2`, `siglip2` and `i18n` whole.
  private static func words(of name: String) -> [String] {
    let lowered = name.lowercased().split(separator: "/").filter { $0 != "google" && $0 != "timm" }
      .joined(separator: "-").split { !$0.isLetter && !$0.isNumber }.map(String.init)
    var words: [String] = []
    for word in lowered {
      if word.hasPrefix("patch"), Int(word.dropFirst(5)) != nil {
        words.append(String(word.dropFirst(5)))
      } else if word == "opt", words.last == "g" || words.last == "giant" {
        words[words.count - 1] = "gopt"
      } else {
        words.append(word)
      }
    }
    return words
  }

  private static let variants: [String: Variant] = [
    "b": .base, "base": .base, "l": .large, "large": .large, "so400m": .so400m, "gopt": .giantOpt,
  ]

  private static let knownWords: Set<String> = [
    "siglip", "siglip2", "vit", "v1", "v2", "i18n", "multilingual", "naflex",
  ]

  private static func edition(of words: [String]) -> SigLIPEdition? {
    let isSecond = words.contains("v2") || words.contains("siglip2")
    let isInternational = words.contains("i18n") || words.contains("multilingual")
    if isSecond && (isInternational || words.contains("v1")) { return nil }
    return isSecond ? .second : isInternational ? .international : .english
  }
}

extension VisionConfiguration {
  /// The image tower of ``SigLIPConfiguration/base16(imageSize:edition:)``.
  public static func base16(imageSize: Int = 224) -> VisionConfiguration {
    SigLIPConfiguration.base16(imageSize: imageSize).vision
  }
}

extension TextConfiguration {
  /// The text tower of ``SigLIPConfiguration/base16(imageSize:edition:)``.
  public static let base = SigLIPConfiguration.base16().text
}
