import Foundation
import SigLIPModel

extension StudyScale {
  /// What the studies train: a text tower of one block, from random weights, beside a locked EfficientNet, on the names of emoji
  /// in 24 languages. A run of 131,072 captions takes a processor about 14 seconds.
  ///
  /// Recipes are chosen on the validation splits, *compositions* and *translations* together; what is held out is reported
  /// alone.
  ///
  /// - Parameter examples: Captions that are seen, in whole batches.
  func emoji(batchSize: Int, examples: Int) -> TrainingConfiguration {
    var configuration = TrainingConfiguration(data: DataConfiguration([emoji(.training, samples: .captions)]))
    configuration.batchSize = batchSize
    configuration.steps = max(examples / batchSize, 1)
    configuration.evaluation.data = DataConfiguration([
      emoji(.validationCompositions), emoji(.validationTranslations),
    ])
    configuration.evaluation.heldOut = DataConfiguration([emoji(.compositions), emoji(.translations)])
    configuration.evaluation.batchSize = 1024
    configuration.loader.workers = 0
    configuration.loader.featureCache = features

    var image = ImageTowerSource()
    image.efficientNetLite0 = "\(data)/efficientnet-lite0.safetensors"
    image.imageSize = 160
    var text = TextTowerSource()
    (text.contextLength, text.width, text.depth, text.heads) = (12, 64, 1, 1)
    (text.hiddenWidth, text.pooling) = (128, .mean)
    (configuration.model.image, configuration.model.text) = (image, text)
    configuration.model.embeddingWidth = 64
    configuration.model.tokenizer = "\(data)/tokenizer.model"
    configuration.towers.image.training = .locked

    // Nearly half of all, as the paper's SigLiT: 200M of 450M examples.
    configuration.schedule.warmUpSteps = configuration.steps * 2 / 5
    configuration.optimizer.learningRate = 5e-3
    configuration.optimizer.weightDecay = 0.01
    // Few rows of the token table matter to a batch.
    configuration.optimizer.groups = [
      ParameterGroup.Configuration(pattern: #"text\.tokenEmbedding.*"#, learningRateMultiplier: 10)
    ]
    configuration.metrics.every = max(configuration.steps / 64, 1)
    return configuration
  }

  private func emoji(
    _ split: EmojiSource.Split, samples: SourceConfiguration.Samples = .images
  ) -> SourceConfiguration {
    var source = SourceConfiguration(path: data)
    (source.split, source.samples) = (split, samples)
    return source
  }
}
