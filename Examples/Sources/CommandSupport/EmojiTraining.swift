/// The training of a text tower on the names of emoji beside a locked image tower: what `train-siglit` does, and an example of
/// `siglip train`. JSON; `DATA` stands for the folder of data that the package carries.
public let emojiTraining = """
  {
    "data": {"path": "DATA", "samples": "captions"},
    "evaluation": {
      "data": {"path": "DATA", "split": "validationCompositions"}, "every": 100,
      "heldOut": {"path": "DATA", "split": "compositions"}
    },
    "output": "runs/siglit-emoji",
    "model": {
      "image": {"efficientNetLite0": "DATA/efficientnet-lite0.safetensors", "imageSize": 160},
      "embeddingWidth": 256,
      "text": {"contextLength": 16, "width": 192, "depth": 1, "heads": 4, "pooling": "mean"},
      "tokenizer": "DATA/tokenizer.model"
    },
    "towers": {"image": {"training": "locked"}},
    "loss": {"candidates": "all"},
    "steps": 400,
    "batchSize": 768,
    "optimizer": {
      "learningRate": 1e-3, "weightDecay": 0.01, "logitLearningRateMultiplier": 50,
      "groups": [{"pattern": "image\\\\..*|text\\\\.tokenEmbedding.*", "learningRateMultiplier": 10}]
    },
    "schedule": {"warmUpSteps": 20}
  }
  """
