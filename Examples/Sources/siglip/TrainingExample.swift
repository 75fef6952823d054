import CommandSupport
import Foundation
import SigLIPModel

/// A configuration to begin with.
struct TrainingExample {
  let name: String
  /// What it trains, in a few words.
  let purpose: String
  /// JSON; `DATA` stands for the folder of data that the package carries.
  let json: String

  /// All there are.
  static let all =
    [finetune, lockedImages, scratch, siglitEmoji, msiglipEmoji, siglipOpenclipart] + [
      finetuneEmoji, emojiFromScratch, siglitWords, fashion,
    ]

  /// What `--example` prints: one of them with some values changed, or for `list` their names.
  ///
  /// - Throws: ``CommandError`` for another name; `ConfigurationError`.
  static func text(named name: String, settings: [String]) throws -> String {
    let width = all.map(\.name.count).max() ?? 0
    if name == "list" {
      return all.map { "\($0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0))\($0.purpose)" }
        .joined(separator: "\n")
    }
    guard let example = all.first(where: { $0.name == name }) else {
      throw CommandError("--example \(name): there are \(all.map(\.name).joined(separator: ", ")), and list")
    }
    let json = example.json.replacing("DATA", with: data)
    if settings.isEmpty { return json }
    return try TrainingConfiguration(Array(json.utf8), name: name, settings: settings).json
      .trimmingCharacters(
        in: .newlines)
  }

  /// The data that the package carries.
  static let data = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Data").path

  // MARK: On your own data

  static let finetune = TrainingExample(
    name: "finetune", purpose: "a released model goes on with your pictures and captions",
    json: """
      {
        "data": "photos.csv",
        "evaluation": {"data": "held-out.csv", "every": 100},
        "output": "runs/finetune",
        "model": {"checkpoint": "siglip-base-patch16-224"},
        "steps": 500,
        "batchSize": 32,
        "microbatchSize": 8,
        "augmentations": [
          {"name": "randomResizedCrop", "width": 224, "height": 224, "scale": [0.6, 1]},
          {"name": "horizontalFlip"}
        ],
        "optimizer": {"learningRate": 1e-5, "weightDecay": 0.01},
        "schedule": {"warmUpSteps": 50},
        "towers": {"image": {"layerwiseDecay": 0.8}, "text": {"layerwiseDecay": 0.8}}
      }
      """)

  static let lockedImages = TrainingExample(
    name: "locked-images", purpose: "a new text tower for the image tower of a released model (SigLiT)",
    json: """
      {
        "data": "photos.csv",
        "evaluation": {"data": "held-out.csv", "every": 500},
        "output": "runs/locked-images",
        "model": {
          "image": {"checkpoint": "siglip-base-patch16-224"},
          "text": {"contextLength": 32, "width": 384, "depth": 6},
          "tokenizer": "siglip-base-patch16-224"
        },
        "towers": {"image": {"training": "locked"}},
        "steps": 5000,
        "batchSize": 512,
        "optimizer": {"learningRate": 1e-3}
      }
      """)

  static let scratch = TrainingExample(
    name: "scratch", purpose: "both towers from random weights on your pictures and captions",
    json: """
      {
        "data": "photos.csv",
        "evaluation": {"data": "held-out.csv", "every": 500},
        "output": "runs/scratch",
        "model": {
          "image": {"imageSize": 96, "patchSize": 8, "width": 256, "depth": 6},
          "text": {"contextLength": 32, "width": 256, "depth": 6},
          "tokenizer": "DATA/tokenizer.model"
        },
        "augmentations": [
          {"name": "randomResizedCrop", "width": 96, "height": 96, "scale": [0.4, 1]},
          {"name": "horizontalFlip"},
          {"name": "randAugment"}
        ],
        "steps": 10000,
        "batchSize": 256,
        "optimizer": {"learningRate": 1e-3}
      }
      """)

  // MARK: Studies on real data

  static let siglitEmoji = TrainingExample(
    name: "siglit-emoji",
    purpose: "emoji named in 24 languages beside a locked tower: what train-siglit does",
    json: emojiTraining)

  static let msiglipEmoji = TrainingExample(
    name: "msiglip-emoji", purpose: "the same in 24 languages with mSigLIP's bottlenecked token table",
    json: """
      {
        "data": {"path": "DATA", "samples": "captions"},
        "evaluation": {
          "data": {"path": "DATA", "split": "validationCompositions"}, "every": 100,
          "heldOut": {"path": "DATA", "split": "compositions"}
        },
        "output": "runs/msiglip-emoji",
        "model": {
          "image": {"efficientNetLite0": "DATA/efficientnet-lite0.safetensors", "imageSize": 160},
          "embeddingWidth": 256,
          "text": {"contextLength": 16, "width": 192, "depth": 2, "pooling": "mean", "bottleneck": 96},
          "tokenizer": "DATA/tokenizer.model"
        },
        "towers": {"image": {"training": "locked"}},
        "loss": {"candidates": "all"},
        "steps": 600,
        "batchSize": 768,
        "optimizer": {
          "learningRate": 1e-3, "weightDecay": 0.01, "logitLearningRateMultiplier": 50,
          "groups": [{"pattern": "image\\\\..*|text\\\\.tokenEmbedding.*", "learningRateMultiplier": 10}]
        },
        "schedule": {"warmUpSteps": 20}
      }
      """)

  static let siglipOpenclipart = TrainingExample(
    name: "siglip-openclipart", purpose: "both towers from scratch on clip art of the public domain",
    json: """
      {
        "data": "openclipart/train.tsv",
        "evaluation": {"data": "openclipart/validation.tsv", "every": 250},
        "output": "runs/siglip-openclipart",
        "model": {
          "image": {"imageSize": 64, "patchSize": 8, "width": 192, "depth": 6},
          "text": {"contextLength": 16, "width": 192, "depth": 4, "pooling": "mean", "dropout": 0.1},
          "tokenizer": "DATA/tokenizer.model"
        },
        "augmentations": [
          {"name": "randomResizedCrop", "width": 64, "height": 64, "scale": [0.5, 1]},
          {"name": "horizontalFlip"}
        ],
        "steps": 1500,
        "batchSize": 256,
        "optimizer": {"learningRate": 1e-3, "weightDecay": 0.1, "logitLearningRateMultiplier": 10},
        "schedule": {"warmUpSteps": 150}
      }
      """)

  static let finetuneEmoji = TrainingExample(
    name: "finetune-emoji-clipart", purpose: "siglip-openclipart's model goes on with emoji",
    json: """
      {
        "data": {"path": "DATA", "languages": ["en"]},
        "evaluation": {
          "data": {"path": "DATA", "split": "validationCompositions", "languages": ["en"]}, "every": 100,
          "heldOut": {"path": "DATA", "split": "compositions", "languages": ["en"]}
        },
        "output": "runs/finetune-emoji-clipart",
        "model": {"checkpoint": "runs/siglip-openclipart/model"},
        "augmentations": [
          {"name": "randomResizedCrop", "width": 64, "height": 64, "scale": [0.6, 1]}
        ],
        "steps": 300,
        "batchSize": 128,
        "optimizer": {"learningRate": 3e-4, "weightDecay": 0.1, "logitLearningRateMultiplier": 10}
      }
      """)

  static let emojiFromScratch = TrainingExample(
    name: "emoji-from-scratch",
    purpose: "what finetune-emoji-clipart is compared with: as many steps from random weights",
    json: """
      {
        "data": {"path": "DATA", "languages": ["en"]},
        "evaluation": {
          "data": {"path": "DATA", "split": "validationCompositions", "languages": ["en"]}, "every": 100,
          "heldOut": {"path": "DATA", "split": "compositions", "languages": ["en"]}
        },
        "output": "runs/emoji-from-scratch",
        "model": {
          "image": {"imageSize": 64, "patchSize": 8, "width": 192, "depth": 6},
          "text": {"contextLength": 16, "width": 192, "depth": 4, "pooling": "mean"},
          "tokenizer": "DATA/tokenizer.model"
        },
        "augmentations": [
          {"name": "randomResizedCrop", "width": 64, "height": 64, "scale": [0.6, 1]}
        ],
        "steps": 300,
        "batchSize": 128,
        "optimizer": {"learningRate": 1e-3, "weightDecay": 0.1, "logitLearningRateMultiplier": 10}
      }
      """)

  static let siglitWords = TrainingExample(
    name: "siglit-words", purpose: "drawings named in 36 languages beside a locked tower",
    json: """
      {
        "data": {"path": "words/train.tsv", "samples": "captions"},
        "evaluation": {"data": "words/translations.tsv", "every": 100, "pictures": 0},
        "output": "runs/siglit-words",
        "model": {
          "image": {"efficientNetLite0": "DATA/efficientnet-lite0.safetensors", "imageSize": 160},
          "embeddingWidth": 256,
          "text": {"contextLength": 16, "width": 192, "depth": 1, "heads": 4, "pooling": "mean"},
          "tokenizer": "DATA/tokenizer.model"
        },
        "towers": {"image": {"training": "locked"}},
        "loss": {"candidates": "all"},
        "steps": 400,
        "batchSize": 512,
        "optimizer": {
          "learningRate": 1e-3, "weightDecay": 0.01, "logitLearningRateMultiplier": 50,
          "groups": [{"pattern": "image\\\\..*|text\\\\.tokenEmbedding.*", "learningRateMultiplier": 10}]
        },
        "schedule": {"warmUpSteps": 20}
      }
      """)

  static let fashion = TrainingExample(
    name: "fashion", purpose: "both towers from scratch on Fashion-MNIST, whose captions are its ten classes",
    json: """
      {
        "data": {
          "path": "fashion/train-images-idx3-ubyte.gz", "labels": "fashion/train-labels-idx1-ubyte.gz",
          "classes": [
            "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
          ]
        },
        "evaluation": {
          "data": {
            "path": "fashion/validation-images-idx3-ubyte.gz",
            "labels": "fashion/validation-labels-idx1-ubyte.gz",
            "classes": [
              "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
            ]
          }
        },
        "output": "runs/fashion",
        "model": {
          "image": {"imageSize": 28, "patchSize": 7, "width": 128, "depth": 4},
          "text": {"contextLength": 16, "width": 128, "depth": 1, "pooling": "mean"},
          "tokenizer": "DATA/tokenizer.model"
        },
        "augmentations": [
          {"name": "randomResizedCrop", "width": 28, "height": 28, "scale": [0.7, 1]},
          {"name": "horizontalFlip"}
        ],
        "steps": 1500,
        "batchSize": 256,
        "optimizer": {"learningRate": 1e-3, "weightDecay": 0.1, "logitLearningRateMultiplier": 10},
        "schedule": {"warmUpSteps": 100}
      }
      """)
}
