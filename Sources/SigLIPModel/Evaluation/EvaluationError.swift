import Tensor

/// Why something cannot be evaluated; its description is one line. Rows are counted from 0.
public enum EvaluationError: DataError, Hashable {
  /// Retrieval: a query's embedding holds NaN or an infinity.
  case query(row: Int)
  /// Retrieval: a candidate's embedding holds NaN or an infinity.
  case candidate(row: Int)
  /// Retrieval: finite embeddings whose product is too large for a number.
  case score(query: Int, candidate: Int)
  /// A row of what `name` says holds NaN or an infinity.
  case notFinite(_ name: String, row: Int)
  /// A row that cannot be brought to length 1: it is zero, or not finite.
  case noDirection(_ name: String, row: Int)
  /// A prompt template without a place for the name.
  case template(String)
  /// A number that is no probability.
  case probability(_ value: Float, row: Int)
  /// A label that is none of the classes.
  case label(_ label: Int, row: Int, classes: Int)
  /// There is nothing to evaluate on.
  case nothing(_ name: String)
  /// More neighbours are asked for than there are samples, or none.
  case neighbors(_ count: Int, samples: Int)
  /// A linear system that rounding makes unsolvable.
  case singular(regularization: Double)

  /// What it is and where.
  public var sentence: String {
    switch self {
    case .query(let row): "retrieval: the embedding of query \(row) is not finite, so nothing can be ranked"
    case .candidate(let row):
      "retrieval: the embedding of candidate \(row) is not finite, so nothing can be ranked"
    case .score(let query, let candidate):
      "retrieval: the score of query \(query) and candidate \(candidate) is not finite, so nothing can be ranked"
    case .notFinite(let name, let row): "evaluation: \(name) \(row) is not finite"
    case .noDirection(let name, let row):
      "evaluation: \(name) \(row) is zero or not finite, so it has no direction"
    case .template(let sentence): "evaluation: the prompt template \"\(sentence)\" has no {} for the name"
    case .probability(let value, let row):
      "evaluation: row \(row) holds \(value), which is not a probability"
    case .label(let label, let row, let classes):
      "evaluation: the label of row \(row) is \(label), expected one of \(classes) classes, counted from 0"
    case .nothing(let name): "evaluation: there are no \(name)"
    case .neighbors(let count, let samples):
      "evaluation: \(count) nearest neighbors of \(samples) samples, expected 1 to \(samples)"
    case .singular(let regularization):
      "evaluation: the features are too much alike for a regularization of \(regularization); take a larger one"
    }
  }
}

/// Throws unless every label is one of the classes.
func checkLabels(_ labels: [Int], classes: Int) throws {
  if let row = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
    throw EvaluationError.label(labels[row], row: row, classes: classes)
  }
}

/// Throws unless every number of a matrix is finite; `name` says what a row is.
func checkFinite(_ matrix: Tensor, _ name: String) throws {
  let columns = matrix.shape[1]
  try matrix.withUnsafeScalars { scalars in
    if let place = scalars.firstIndex(where: { !$0.isFinite }) {
      throw EvaluationError.notFinite(name, row: place / columns)
    }
  }
}

/// Throws unless a classifier can learn from samples.
func checkTrainingSamples(_ features: Tensor, _ labels: [Int], classes: Int, of name: String) throws {
  guard features.rank == 2, features.shape[0] == labels.count else {
    programmerError(
      "\(name): features of shape \(features.shape) and \(labels.count) labels, expected [samples, width] and one label a "
        + "sample")
  }
  if labels.isEmpty { throw EvaluationError.nothing("training samples") }
  try checkLabels(labels, classes: classes)
  try checkFinite(features, "the features of training sample")
}
