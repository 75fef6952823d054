/// The pieces of work that are measured together.
enum Suite: String, CaseIterable {
  case limits, gemm, kernels, conv, attention, loss, optimizer, step, inference, overhead, tower, tokenize,
    train, bare, concurrency, batch

  /// All names, for the help.
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

  /// What belongs to the suite; nothing is prepared yet.
  var work: [Work] {
    switch self {
    case .limits: Limits.work
    case .gemm: Products.work
    case .kernels: RowKernels.work
    case .conv: Convolutions.work
    case .attention: AttentionCores.work
    case .loss: Losses.work
    case .optimizer: Optimizers.work
    case .step: TrainingSteps.work
    case .inference: Inference.work
    case .overhead: SmallModels.work
    case .tower: ImageTowers.work
    case .tokenize: Tokenizing.work
    case .train: TrainingData.work
    case .bare: TrainingData.bareSteps
    case .concurrency: Concurrency.work
    case .batch: LargeBatches.work
    }
  }
}
