import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Texts decoded in wrong encodings, whole or in part, and what ftfy makes of them (`Fixtures/encoding_repair.py`).
@Suite struct EncodingRepairTests {
  @Test func textsAreRepairedAsFtfyDoes() throws {
    let file = try Data(contentsOf: URL(filePath: fixture("encoding_repair.json")))
    let pairs = try JSONDecoder().decode([[String]].self, from: file)
    #expect(pairs.count > 1000)
    for pair in pairs {
      let repaired = TextRepair.repair(pair[0])
      #expect(
        repaired.utf8.elementsEqual(pair[1].utf8),
        "\(pair[0].debugDescription): \(repaired.debugDescription), expected \(pair[1].debugDescription)")
    }
  }

  @Test func linesBeyondAMillionCharactersAreRepairedInParts() {
    // The first part ends within the letter: neither half can be repaired.
    let text = String(repeating: "a", count: 999_999) + "Ã¶ Ã¶"
    #expect(TextRepair.repair(text).hasSuffix("a\u{C3}\u{B6} \u{F6}"))
  }
}
