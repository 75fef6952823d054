"""tokenize/bpe.model/100000: sentencepiece for a model file, tokenizers for a tokenizer.json."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def captions(count):
    """The captions of `Tokenizing.swift`."""
    rows = (REPOSITORY / "Examples/Data/names.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]
    languages = [row.split("\t")[1:] for row in rows]
    names = [row[i % len(row)] for i, row in enumerate(languages)]
    size = len(names)
    return [f"A photo of {names[i * 7 % size]}, {names[i * 11 % size]} and {names[i * 13 % size]}." for i in range(count)]


def prepare(name, options):
    _, file, count = name.split("/")
    folder = "Examples/Data" if file == "tokenizer.model" else "Tests/Fixtures/tokenizers"
    path = str(REPOSITORY / folder / file)
    texts = captions(int(count))
    if options.engine == "sentencepiece":
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_file=path)
        return lambda: processor.encode(texts, num_threads=options.threads)
    os.environ |= {"RAYON_NUM_THREADS": str(options.threads), "TOKENIZERS_PARALLELISM": "true"}
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    return lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)
