import NN

/// Embeddings of classes: of each the mean of the unit embeddings of its texts, brought to length 1, as CLIP has it.
///
/// The scores of images are then `matmul(images, classifier.transpose())`; a model's scale and bias change no order.
///
/// - Parameters:
///   - classes: Their names.
///   - templates: What is said of each.
///   - embed: Embeddings `[texts, width]` of some texts, of any length but 0; called for the texts of a few classes at a time.
/// - Returns: `[classes, width]`.
/// - Throws: What `embed` throws; ``EvaluationError`` for an embedding without a direction, and where there are no classes.
public func zeroShotClassifier(
  classes: [String], templates: PromptTemplates = .openAI80, embed: ([String]) throws -> Tensor
) throws -> Tensor {
  if classes.isEmpty { throw EvaluationError.nothing("classes") }
  let texts = templates.sentences.count
  let step = max(1, 256 / texts)
  let parts = try stride(from: 0, to: classes.count, by: step).map { start in
    let names = classes[start..<min(start + step, classes.count)]
    let embeddings = try embed(names.flatMap(templates.texts))
    guard embeddings.rank == 2, embeddings.shape[0] == names.count * texts else {
      programmerError(
        "zeroShotClassifier: embeddings of shape \(embeddings.shape) of \(names.count * texts) texts, expected "
          + "[texts, width]")
    }
    let unit = try unitRows(embeddings, "the embedding of text", firstRow: start * texts)
    let means = unit.reshape([names.count, texts, embeddings.shape[1]]).mean(axis: 1)
    return try unitRows(means, "the mean embedding of class", firstRow: start)
  }
  return Tensor.concatenate(parts, axis: 0)
}

/// Rows brought to length 1, with their lengths in double precision.
///
/// - Throws: ``EvaluationError`` for rows that have no direction.
func unitRows(_ matrix: Tensor, _ name: String, firstRow: Int = 0) throws -> Tensor {
  let (rows, width) = (matrix.shape[0], matrix.shape[1])
  return try matrix.withUnsafeScalars { scalars in
    try Tensor(uninitialized: matrix.shape) { result in
      for row in 0..<rows {
        let places = row * width..<(row + 1) * width
        let length = places.reduce(0) { $0 + Double(scalars[$1]) * Double(scalars[$1]) }.squareRoot()
        if !(length.isFinite && length > 0) { throw EvaluationError.noDirection(name, row: firstRow + row) }
        for place in places { result[place] = Float(Double(scalars[place]) / length) }
      }
    }
  }
}
