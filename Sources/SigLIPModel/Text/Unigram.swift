/// A part of a text, in bytes, that becomes one id.
struct TextPiece {
  var id: Int32
  var start: Int32
  var end: Int32

  var range: Range<Int> { Int(start)..<Int(end) }
}

/// The most probable sequence of pieces, each drawn independently of the others (Kudo 2018).
final class Unigram: Sendable {
  private let trie: ByteTrie
  private let scores: [Double]
  private let unknownID: Int32
  private let unknownScore: Double
  private let addsInSinglePrecision: Bool

  /// A model of pieces.
  ///
  /// - Parameters:
  ///   - pieces: Those that can occur in a text.
  ///   - scores: The logarithm of the probability of every id.
  ///   - unknownID: Id of a character that no piece is.
  ///   - addsInSinglePrecision: Whether sums are kept as Google's are, so that equal scores give equal pieces.
  init(
    pieces: [(key: [UInt8], value: Int32)], scores: [Double], unknownID: Int32, unknownScore: Double,
    addsInSinglePrecision: Bool
  ) {
    trie = ByteTrie(pieces)
    self.scores = scores
    self.unknownID = unknownID
    self.unknownScore = unknownScore
    self.addsInSinglePrecision = addsInSinglePrecision
  }

  /// The best way to a place in the text: the last piece, where it starts, and the score of all pieces.
  private struct Step {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = -1
  }

  /// Writes the pieces of the best sequence (Viterbi) into memory for as many as the text has bytes; returns those
  /// written, in order.
  func pieces(
    of text: UnsafeBufferPointer<UInt8>, _ storage: UnsafeMutableBufferPointer<TextPiece>
  ) -> UnsafeBufferPointer<TextPiece> {
    if text.isEmpty { return UnsafeBufferPointer(rebasing: storage[..<0]) }
    return withUnsafeTemporaryAllocation(of: Step.self, capacity: text.count + 1) { steps in
      steps.initialize(repeating: Step())
      trie.withWalker { trie in
        scores.withUnsafeBufferPointer { scores in
          if addsInSinglePrecision {
            search(text, steps, trie, scores) { Double(Float($0)) }
          } else {
            search(text, steps, trie, scores) { $0 }
          }
        }
      }
      // The way is known from its end.
      var end = text.count
      var place = storage.count
      while end > 0 {
        let step = steps[end]
        place -= 1
        storage[place] = TextPiece(id: step.id, start: step.start, end: Int32(truncatingIfNeeded: end))
        end = Int(step.start)
      }
      return UnsafeBufferPointer(rebasing: storage[place...])
    }
  }

  @inline(__always)
  private func search(
    _ text: UnsafeBufferPointer<UInt8>, _ steps: UnsafeMutableBufferPointer<Step>, _ trie: ByteTrie.Walker,
    _ scores: UnsafeBufferPointer<Double>, _ rounded: (Double) -> Double
  ) {
    var start = 0
    while start < text.count {
      let here = steps[start].score
      let characterEnd = min(start + characterLength(text[start]), text.count)
      var coversOneCharacter = false
      var node = ByteTrie.root
      var position = start
      while position < text.count {
        node = trie.child(of: node, along: text[position])
        if node < 0 { break }
        position += 1
        let id = trie.value(at: node)
        if id < 0 { continue }
        let candidate = rounded(scores[Int(id)] + here)
        if steps[position].start < 0 || candidate > steps[position].score {
          steps[position] = Step(score: candidate, start: Int32(start), id: id)
        }
        if position == characterEnd { coversOneCharacter = true }
      }
      if !coversOneCharacter {
        let candidate = rounded(unknownScore + here)
        if steps[characterEnd].start < 0 || candidate > steps[characterEnd].score {
          steps[characterEnd] = Step(score: candidate, start: Int32(start), id: unknownID)
        }
      }
      start = characterEnd
    }
  }
}

/// Bytes of the UTF-8 character that begins with `byte`.
@inline(__always)
func characterLength(_ byte: UInt8) -> Int {
  byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
}
