"""Token ids of every name of the example data and of odd strings, by Google's sentencepiece: sentencepiece.safetensors.

Needs sentencepiece, numpy and safetensors.
"""

import random
from pathlib import Path

import numpy
import sentencepiece
from safetensors.numpy import save_file

HERE = Path(__file__).parent
DATA = HERE / "../../Examples/Data"

ODD = [
    "", " ", "   ", "\t\n", "a", " a", "a  b", "Hello, World!", "ﬁne ﬂour", "①②③", "Ａ１", "e\u0301", "é", "한글",
    "\u1112\u1161\u11ab", "👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "\u200b\u200c\u200d", "\u0000", "a\u0000b", "\u0007\u0008",
    "\ufffd", "\u2581", "\u2581\u2581a", "<s>", "</s>", "<unk>", "<0x41>", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ßẞ", "İi", "ǅ", "\u202etxet", "½ ⅓",
    "x" * 3000, "ab " * 700, "\U0010ffff", "漢字かな交じり文", "ไทยแลนด์", "العَرَبِيَّة", "हिन्दी", "\u0b95\u0bcd\u0bb7", "…", "—",
]


def random_strings(count):
    """Strings of characters from all over Unicode, without the surrogates."""
    generator = random.Random(7)
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x700), (0x900, 0xE80), (0x1100, 0x1200),
              (0x1E00, 0x2000), (0x2000, 0x2C00), (0x3000, 0x9FFF), (0xAC00, 0xD7A4), (0xE000, 0xFFFE),
              (0x1F000, 0x1FAFF), (0x0, 0x20)]
    for _ in range(count):
        low, high = generator.choice(ranges)
        other = generator.choice(ranges)
        pick = lambda: generator.randrange(low, high) if generator.random() < 0.8 else generator.randrange(*other)
        yield "".join(chr(pick()) for _ in range(generator.randrange(1, 24)))


rows = [line.split("\t") for line in (DATA / "names.tsv").read_text(encoding="utf-8").splitlines()]
names = [cell for row in rows[1:] for cell in row[1:]]
others = ODD + list(random_strings(3000))
processor = sentencepiece.SentencePieceProcessor(model_file=str(DATA / "tokenizer.model"))


def pack(texts):
    ids = [processor.encode(text) for text in texts]
    return numpy.array([i for row in ids for i in row], numpy.uint16), numpy.array([len(row) for row in ids], numpy.uint16)


name_ids, name_counts = pack(names)
other_ids, other_counts = pack(others)
utf8 = [text.encode("utf-8") for text in others]
decoded = [processor.decode(processor.encode(text)).encode("utf-8") for text in others]
save_file(
    {
        "name_ids": name_ids,
        "name_counts": name_counts,
        "other_ids": other_ids,
        "other_counts": other_counts,
        "other_bytes": numpy.frombuffer(b"".join(utf8), numpy.uint8),
        "other_sizes": numpy.array([len(text) for text in utf8], numpy.uint16),
        "decoded_bytes": numpy.frombuffer(b"".join(decoded), numpy.uint8),
        "decoded_sizes": numpy.array([len(text) for text in decoded], numpy.uint16),
    },
    HERE / "sentencepiece.safetensors",
    {"sentencepiece": sentencepiece.__version__},
)
print(len(names), "names,", len(others), "other strings")
