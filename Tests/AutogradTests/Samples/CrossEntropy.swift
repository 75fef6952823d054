import Autograd
import Foundation

enum CrossEntropySamples {
  private struct Case {
    let logits: Shape
    let labels: [Int]
    var weights: [Double]?
    var smoothing = 0.0
    var ignored: Int?
    var reduction = LossReduction.mean
  }

  static var all: [OperationSamples] {
    let cases = [
      Case(logits: [3, 5], labels: [0, 4, 2]), Case(logits: [1, 1], labels: [0]),
      Case(logits: [2, 33], labels: [32, 7]), Case(logits: [2, 2, 3], labels: [0, 1, 2, 1]),
      Case(logits: [3, 5], labels: [0, 4, 2], reduction: .none),
      Case(logits: [2, 33], labels: [32, 7], smoothing: 0.1),
      Case(logits: [2, 2, 3], labels: [0, 1, 2, 1], weights: [0.5, 2, 1.5]),
      Case(logits: [4, 3], labels: [1, -7, 0, 2], smoothing: 0.2, ignored: -7, reduction: .sum),
      Case(logits: [5, 3], labels: [1, 2, 0, 2, 1], weights: [1, 0.5, 3], smoothing: 0.3, ignored: 2),
      Case(logits: [5, 3], labels: [1, 2, 0, 2, 1], weights: [1, 0.5, 3], ignored: 2, reduction: .none),
      Case(logits: [3, 4], labels: [1, -1, 0], ignored: -1, reduction: .sum),
      Case(logits: [4], labels: [3], reduction: .sum), Case(logits: [0, 4], labels: [], reduction: .none),
    ]
    return [
      OperationSamples("crossEntropy", cases.map(sample)),
      OperationSamples(
        "crossEntropyOfTargets",
        [(0.0, LossReduction.mean), (0.25, .sum), (0.1, .none)].map { smoothing, reduction in
          let weights = [0.5, 2, 1.5, 1]
          return OperationSample([.init([3, 4]), .init([3, 4], in: 0..<1)], "\(smoothing) \(reduction)") {
            crossEntropy(
              logits: $0[0], targets: $0[1], classWeights: Tensor(weights.map(Float.init)),
              labelSmoothing: Float(smoothing), reduction: reduction)
          } reference: { x in
            let targets = x[1].map { $0 * (1 - smoothing) + smoothing / 4 }
            let terms = x[0].softmax(axis: -1).combine(targets) { -$1 * log($0) }
              .combine(ReferenceArray(weights, shape: [4]), *)
            return LossSamples.reduced(terms.fold(axes: [-1]) { $0.reduce(0, +) }, reduction)
          }
        }),
    ]
  }

  private static func sample(_ it: Case) -> OperationSample {
    let labels = IndexTensor(it.labels, shape: Shape(it.logits.dropLast()))
    return OperationSample(
      [.init(it.logits)],
      "\(it.logits) \(it.smoothing) \(it.reduction)\(it.weights == nil ? "" : " weighted")",
      forward: {
        crossEntropy(
          logits: $0[0], labels: labels, classWeights: it.weights.map { Tensor($0.map(Float.init)) },
          labelSmoothing: Float(it.smoothing), ignoredLabel: it.ignored, reduction: it.reduction)
      },
      composition: it.weights != nil || it.smoothing > 0
        ? nil : { it.reduction(composedCrossEntropies($0[0], labels, ignored: it.ignored.map(Int32.init))) },
      reference: { reference($0[0], it) })
  }

  private static func reference(_ logits: ReferenceArray, _ it: Case) -> ReferenceArray {
    let classes = it.logits[it.logits.count - 1]
    let probabilities = logits.softmax(axis: -1)
    var divisor = 0.0
    let losses = it.labels.enumerated().map { row, label -> Double in
      if label == it.ignored { return 0 }
      divisor += it.weights?[label] ?? 1
      return (0..<classes).reduce(0) {
        let target = it.smoothing / Double(classes) + ($1 == label ? 1 - it.smoothing : 0)
        return $0 - (it.weights?[$1] ?? 1) * target * log(probabilities.values[row * classes + $1])
      }
    }
    return it.reduction == .mean
      ? ReferenceArray([losses.reduce(0, +) / divisor], shape: [])
      : LossSamples.reduced(ReferenceArray(losses, shape: Shape(it.logits.dropLast())), it.reduction)
  }
}
