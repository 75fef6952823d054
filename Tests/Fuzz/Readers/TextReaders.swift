import Foundation
import SigLIPModel
import Tensor

let textReaders = [
  Reader(
    name: "sentencepiece", share: 100, isOnDisk: false,
    seeds: {
      try ["siglip", "bpe", "bpe_symbols", "unigram_symbols"].map {
        try Seeds.fixture("tokenizers/\($0).model")
      }
    },
    read: { sample in
      let tokenizer = try SentencePieceTokenizer(sample.bytes, name: "tokenizer.model")
      use(tokenizer, &sample.dice)
      _ = tokenizer.tokenize("a photo of a cat").map(\.text)
    }),
  Reader(
    name: "tokenizer.json", share: 100, isOnDisk: false,
    seeds: {
      try ["gemma", "open_clip", "clip_json", "transformers_js"].map {
        try Seeds.fixture("tokenizers/\($0).json")
      }
    },
    read: { sample in use(try HuggingFaceTokenizer(sample.bytes), &sample.dice) }),
  Reader(
    name: "clip vocabulary", share: 100, isOnDisk: false,
    seeds: {
      let packed = try Seeds.fixture("tokenizers/clip.txt.gz")
      return [packed, Input("clip.txt", try Gzip.decompress(packed.files[0].bytes))]
    },
    read: { sample in use(try CLIPTokenizer(sample.bytes), &sample.dice) }),
  Reader(
    name: "text encoder", share: 40, seeds: textEncoderSeeds,
    read: { sample in
      let encoder = try TextEncoder(path: sample.folder)
      use(encoder.tokenizer, &sample.dice)
      _ = encoder(texts).values.last
    }),
]

private let texts = [
  "a photo of a cat", "", " ", "Ünïcödé e\u{301} 漢字 \u{1F468}\u{200D}\u{1F469}",
  "A Cat, sleeping! 12345 don't <unk></s>",
  "\u{0}\u{1}\u{7F}\r\n\t", "&amp;&#0;&lt;b&gt;", "▁▁a▁", "\u{FEFF}\u{202E}x\u{10FFFF}",
]

private func use(_ tokenizer: any Tokenizer, _ dice: inout Dice) {
  // A long text shows what takes the square of its length.
  let long =
    dice.once(in: 12)
    ? [String(repeating: dice.pick(["a", "the cat ", "é", "漢", "\u{0}"]), count: 2000)] : []
  for text in texts + long {
    let ids = tokenizer.encode(text)
    if let id = ids.first(where: { $0 < 0 || $0 >= tokenizer.vocabularySize }) {
      fatalError("fuzz: id \(id) of a vocabulary of \(tokenizer.vocabularySize)")
    }
    _ = tokenizer.decode(ids)
  }
  let all = (0..<min(tokenizer.vocabularySize, 300)).map { Int32($0) }
  _ = tokenizer.decode(all)
  _ = tokenizer.id(of: "</s>")
}

/// Folders with a tokenizer and what says how it is used.
@Sendable private func textEncoderSeeds() throws -> [Input] {
  func configuration(_ text: String) -> (name: String, bytes: [UInt8]) {
    ("tokenizer_config.json", Array(text.utf8))
  }
  let config: (name: String, bytes: [UInt8]) = (
    "config.json", Array(#"{"model_type":"siglip","text_config":{"max_position_embeddings":16}}"#.utf8)
  )
  return [
    Input(
      try Seeds.fixture("tokenizers/siglip.model", as: "spiece.model").files + [
        config,
        configuration(
          #"{"tokenizer_class":"SiglipTokenizer","eos_token":"</s>","pad_token":{"content":"</s>"},"model_max_length":64}"#
        ),
      ]),
    Input(
      try Seeds.fixture("tokenizers/gemma.json", as: "tokenizer.json").files + [
        config,
        configuration(#"{"tokenizer_class":"GemmaTokenizer","eos_token":"<eos>","pad_token":"<pad>"}"#),
      ]),
    Input(
      try Seeds.fixture("tokenizers/clip.txt.gz", as: "bpe_simple_vocab_16e6.txt.gz").files + [
        ("open_clip_config.json", Array(#"{"model_cfg":{"text_cfg":{"context_length":12}}}"#.utf8))
      ]),
  ]
}
