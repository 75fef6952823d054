"""Writes the tables of CLIP's repair of wrong encodings, and texts with what ftfy makes of them: encoding_repair.json.

Needs ftfy; written with 6.3.1. The tables go to Sources/SigLIPModel/Text/CLIP/EncodingTables.swift.
"""

import json
import random
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import ftfy
from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CHARMAP_ENCODINGS, UTF8_CLUES, possible_encoding

HERE = Path(__file__).parent
NAMES = {"latin-1": "iso-8859-1", "macroman": "mac-roman"}
NAMES = {encoding: NAMES.get(encoding, encoding.removeprefix("sloppy-")) for encoding in CHARMAP_ENCODINGS}


# The tables.

def ranges(scalars):
    """Scalars in hexadecimal, those that follow each other as ranges."""
    bounds = []
    for scalar in scalars:
        if bounds and bounds[-1][1] == scalar - 1:
            bounds[-1][1] = scalar
        else:
            bounds.append([scalar, scalar])
    return " ".join(f"{low:X}" if low == high else f"{low:X}-{high:X}" for low, high in bounds)


def lines(text, indent):
    """A string literal, of several lines where it is long."""
    result = []
    for word in text.split(" "):
        if not result or len(result[-1]) + len(word) >= 100:
            result.append("")
        result[-1] += word + " "
    if len(result) == 1:
        return f'"{text}"'
    result[-1] = result[-1].rstrip()
    return '"""\n' + "\n".join(f"{indent}{line}" + "\\" * line.endswith(" ") for line in result) + f'\n{indent}"""'


members = {name: [scalar for scalar in range(0x10000) if re.match(f"[{characters}]", chr(scalar))]
           for name, characters in {**MOJIBAKE_CATEGORIES, **UTF8_CLUES}.items()}
kinds = [f"    // {name.replace('_', ' ')}\n    {lines(ranges(scalars), '    ')}," for name, scalars in members.items()]
encodings = [f'''    (
      "{name}",
      {lines(ranges(map(ord, bytes(range(128, 256)).decode(encoding))), "      ")}
    ),'''
             for encoding, name in NAMES.items()]
output = HERE / "../../Sources/SigLIPModel/Text/CLIP/EncodingTables.swift"
output.write_text(f'''// Written by Tests/Fixtures/encoding_repair.py from tables of ftfy {version("ftfy")} (Robyn Speer, Apache-2.0).

/// Encodings that text may wrongly be decoded in, and the characters that come of it.
enum EncodingTables {{
  /// The members of each kind of character: scalars and ranges of them, in hexadecimal.
  static let kinds = [
{chr(10).join(kinds)}
  ]

  /// What the bytes from 80 to FF are in each encoding, in the order in which they are tried; a byte that Windows has no
  /// character for is the control character of its number.
  static let encodings: [(name: String, characters: String)] = [
{chr(10).join(encodings)}
  ]

  /// The scalars of a list of them.
  static func scalars(_ list: String) -> [Unicode.Scalar] {{
    list.split(separator: " ").flatMap {{ range in
      let bounds = range.split(separator: "-").compactMap {{ UInt32($0, radix: 16) }}
      return (bounds[0]...bounds[bounds.count - 1]).compactMap(Unicode.Scalar.init)
    }}
  }}
}}
''')


# Texts.

generator = random.Random(7)
GOOD = [cell for line in (HERE / "../../Examples/Data/names.tsv").read_text(encoding="utf-8").splitlines()[1:]
        for cell in line.split("\t")[:7] if not cell.isascii()]


def misread(text, encoding, times=1):
    """What text becomes when it is written in UTF-8 and read in an encoding."""
    for _ in range(times):
        text = text.encode("utf-8").decode(encoding)
    return text


def cesu8(text):
    """UTF-8 of text with each surrogate encoded for itself."""
    units = text.encode("utf-16-be")
    return b"".join(chr(int.from_bytes(units[i:i + 2], "big")).encode("utf-8", "surrogatepass") for i in range(0, len(units), 2))


def texts():
    for encoding in CHARMAP_ENCODINGS:
        yield from (misread(text, encoding) for text in generator.sample(GOOD, 10))
        # What only this encoding, or a later one, gives.
        distinct = [text for text in map(misread, GOOD, [encoding] * len(GOOD)) if encoding == next(
            name for name in CHARMAP_ENCODINGS if possible_encoding(text, name))]
        yield from generator.sample(distinct, 6)
        yield from (misread(text, encoding, 2) for text in generator.sample(GOOD, 2))
        # Spaces for no-break spaces, lost bytes, and damage in a part only.
        yield from (misread(text, encoding).replace("\xa0", " ") for text in generator.sample(GOOD, 2))
        for lost in ["\ufffd", "?"]:
            for text in generator.sample(GOOD, 2):
                yield "".join(lost if "\x80" <= c < "\xa0" or generator.random() < 0.1 else c
                              for c in misread(text, encoding))
        for text, other in zip(generator.sample(GOOD, 3), generator.sample(GOOD, 3)):
            yield f"{other} {misread(text, encoding)}, {text}"
        # Cut anywhere.
        for text in generator.sample(GOOD, 3):
            text = misread(text, encoding)
            yield text[generator.randrange(len(text)):]
            yield text[:generator.randrange(len(text))]
    yield from generator.sample(GOOD, 30)
    # Spaces beside "à".
    words = ["voilà le travail", "à", "à la mode", "à s ", "às vezes", "àquele", "àquilo, à  deux", "déjà", "façade, à quel",
             "Š à", "Π", "ЯР Р", "٠١", "fàcil", "ะ ", "＆ ", "• 、 〠", "ऀ ठ", "💠 🐠 𠠀", "ἀ ᠠ"]
    for word in words:
        for encoding in ["latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "macroman", "cp437"]:
            yield misread(word, encoding).replace("\xa0", " ") + generator.choice(["", "\n", " é"])
    # Pairs of surrogates, Java's null, and what only begins as they do.
    for data in [cesu8("😀"), cesu8("a😀é\U0010ffff"), b"null \xc0\x80, \xc3\xa9", b"\xc3\xa9\xc0\n", b"\xc3\xa9\xc0",
                 b"\xc3\xa9\xed\xa0\x80", b"\xc3\xa9\xed\xa0\xbd\xed\xb8\n", b"\xed\x9f\xbf \xc3\xa9", b"\xc3\xa9\xed\n",
                 b"\xc3\xa9\xed\xa0\xbd\xed\xb8\x8d\n", b"\xc0\xaf\xc3\xa9", b"\xe0\x80\xaf\xc3\xa9", b"\xf0\x80\x80\xaf\xc3\xa9",
                 b"\xf4\x90\x80\x80\xc3\xa9", b"\xf5\x80\x80\x80\xc3\xa9", b"\xed\xb8\x8d\xc3\xa9", b"\xc0\nx\xc3\xa9"]:
        yield from (data.decode(encoding) for encoding in ["latin-1", "sloppy-windows-1252", "sloppy-windows-1250"])
    for data in [b"\xed\xa0\xbd\xed\xb8\x1a", b"\xed\xa0?\xed\xb8?", b"\xed\xa0\x1a\xed\xb8\x8d", b"\xed\xa0\x1a\xed\x9f\x8d",
                 b"\xe2\x80\x1a", b"\xe2\x1a\x93", b"\xe2??", b"\xe2?\x1a", b"\xf0\x9f\x98?", b"\xf0?\x98?", b"\xf0\x1a\x98?",
                 b"\xf0\x9f\x1a\x80", b"\xc3?", b"\xc4?", b"\xc4\x1a", b"\xdf\x1a\x1a", b"\xf4\x1a", b"\xe2?"]:
        yield from ((b"caf\xc3\xa9 " + data + end).decode("sloppy-windows-1252") for end in [b"", b" x"])
    # Latin-1's controls.
    for text in ["“quoted” – 100 €", "Ÿ…", "naïve™"]:
        data = text.encode("windows-1252").decode("latin-1")
        yield from [data, data + "\x81", data + "漢字", data + "\x85\x8d\x90 Ā", "\x85" + text, data + "\x1a"]
    # What ftfy's documentation shows.
    yield from ["âœ” No problems", "&macr;\\_(ã\x83\x84)_/&macr;", "sÃ³", "&ATILDE;&SUP3;", "Ã³", "l’humanitÃ©",
                "Ã\xa0 perturber la rÃ©flexion", "The Mona Lisa doesnÃƒÂ¢Ã¢â€šÂ¬Ã¢â€žÂ¢t have eyebrows.", "Ã¢â‚¬Ëœqâ€™ &lt;â€œ",
                "<b>âœ”</b> &amp;\r\nâœ” &lt;", "a\r\nâ€œb\r\nc\u2028â€\x9d", "â€œ like this â€�", "\ufffd", "\x1aÃ©", "Ã©\ufffd",
                "(҂ˇ̀ ω ˇ́ )", "ôヮô", "Ä°stanbul", "”—Ã", "AÃ±o", "Â© 2024", "price: 5Â£", "x Â y", "Â ", "Ã ", "aÂ»", "œuvre", "cœ-ur"]
    # Characters of all kinds that follow each other by chance: every rule of the heuristic, and what it leaves alone.
    kinds = [[chr(scalar) for scalar in scalars] for scalars in members.values()]
    special = "ÂÃÎÐØÙàÃ√≈‚Ä×вЂВГРСГўβ€ΒΓΞΟāŒœ°µ²³¹¼½¾†π \u00a0Ašz1_.,?!\n\ufffd"
    for _ in range(500):
        yield "".join(generator.choice(generator.choice([special, "aZ ", *kinds[:14]])) for _ in range(generator.randrange(2, 7)))
    yield from ["ГўВЂВ\x80a", "ГўВЂВљ Привет", "ГўВЂВ\na", "ГўВЂВ", "‚Äôs", "caf‚âà", "β€™", "ā€™", "ØªØ³Ø¬ÙŠÙ„", "à¹à¸—à¸¢", "в„ў вЂњ", "Ù\xa0Ù\xad",
                "Г\xa0В°Г\xa0", "ΓΑΓ°Ξ"]


TEXTS = list(dict.fromkeys(text for text in texts() if text))
# Each way of repair has to appear.
steps = Counter()
for text in TEXTS:
    for line in text.split("\n"):
        steps.update(ftfy.fix_encoding_and_explain(line).explanation)
for step in [("encode", encoding) for encoding in CHARMAP_ENCODINGS] + [
        ("decode", "utf-8"), ("decode", "utf-8-variants"), ("decode", "windows-1252"), ("transcode", "restore_byte_a0"),
        ("transcode", "replace_lossy_sequences"), ("transcode", "fix_c1_controls"), ("apply", "decode_inconsistent_utf8")]:
    assert steps[step] > 2, step
repaired = [ftfy.fix_text(text) for text in TEXTS]
(HERE / "encoding_repair.json").write_text(
    "[\n" + ",\n".join(json.dumps(pair) for pair in zip(TEXTS, repaired)) + "\n]\n")
print(len(TEXTS), "texts,", sum(map(str.__ne__, TEXTS, repaired)), "of them repaired;", dict(steps))
