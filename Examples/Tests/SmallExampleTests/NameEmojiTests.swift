import NN
import Optim
import Testing

@testable import name_emoji

@Suite struct NameEmojiTests {
  private let names = ["abba", "cab", "bad"]
  private let alphabet: [Character] = ["\n", "a", "b", "c", "d"]

  @Test func rowsStandBetweenLineBreaks() {
    #expect(
      NameEmoji.rows(of: names, alphabet)
        == IndexTensor([0, 1, 2, 2, 1, 0, 0, 3, 1, 2, 0, 5, 0, 2, 1, 4, 0, 5] as [Int], shape: [3, 6]))
  }

  @Test func laterCharactersChangeNothing() {
    let model = model(seed: 2)
    let (first, second) = (
      IndexTensor([0, 1, 2, 3], shape: [1, 4]), IndexTensor([0, 1, 4, 2] as [Int], shape: [1, 4])
    )
    #expect(
      model(first).value.narrow(start: 0, length: 2, axis: 1)
        == model(second).value.narrow(start: 0, length: 2, axis: 1))
    #expect(model(first).value != model(second).value)
  }

  @Test func learnsNamesByHeart() {
    let model = model(seed: 3)
    let rows = NameEmoji.rows(of: names, alphabet)
    let optimizer = AdamW(model, learningRate: 5e-3)
    for _ in 0..<200 { optimizer.step(model.loss(rows).backward()) }
    // Which of three names comes is open: 3 log 3 over 13 characters is 0.254.
    #expect(model.loss(rows).item() < 0.3)
    var random = Random(seed: 4)
    let drawn = (0..<30).map { _ in
      String(model.draw(atMost: 6, temperature: 0.5, &random).map { alphabet[$0] })
    }
    #expect(Set(drawn) == Set(names))
  }

  private func model(seed: UInt64) -> CharacterModel {
    var random = Random(seed: seed)
    return CharacterModel(characters: alphabet.count, context: 5, width: 16, depth: 1, random: &random)
  }
}
