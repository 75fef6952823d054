"""Small tokenizers of every kind and what Python makes of texts with them: the folder tokenizers.

Needs sentencepiece, tokenizers, transformers, open_clip, ftfy, protobuf, numpy and safetensors.
"""

import gzip
import json
import random
import re
import string
import tempfile
import unicodedata
from importlib.metadata import version
from pathlib import Path

import numpy
import sentencepiece
from open_clip import tokenizer as open_clip
from safetensors.numpy import save_file
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer

HERE = Path(__file__).parent
FOLDER = HERE / "tokenizers"
FOLDER.mkdir(exist_ok=True)
NAMES = [cell for line in (HERE / "../../Examples/Data/names.tsv").read_text(encoding="utf-8").splitlines()[1:]
         for cell in line.split("\t")[1:7]]

SNIPPETS = ["</s>", "<unk>", "<s>", "<pad>", "<eos>", "<bos>", "<mask>", "&amp;", "&lt;b&gt;", "&eacute", "&#233;", "&#x41;",
            "&EACUTE;", "&amp;lt;", "&notin;", "&notit;", "&#0;", "&#x80;", "'s", "'LL", "'ſ", "<|endoftext|>",
            "<|startoftext|>", "<start_of_text>", "<end_of_text>", "[SEP]", "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "👍🏽",
            "e\u0301\u0323", "ﬁ", "Ａ１", "½", "  ", "\t", "...", "2024", "ΟΔΟΣ", "ΑΣ.", "İ", "don't", "\x1b[31m", "“q”",
            "\u2581", "\u2581\u2581", "\x00", "\x1c", "\u0345", "Ⓐ", "ｶﾞ", "\r\n", "ĳ", "\x85", "\u1112\u1161\u11ab",
            "keep it", "KEEP", "fin", "unused", "cat", "face", "smiling", "woman", "man"]
WORDS = sorted({word for name in NAMES for word in name.split()})


def texts():
    """Names, odd strings and mixtures."""
    generator = random.Random(5)
    yield from ["", " ", "   ", "a", " a", "a  b ", "A Cat, sleeping!", "hello world!", "x" * 700, "ab " * 300, "\n\n", "a\nb"]
    yield from generator.sample(NAMES, 100)
    yield from SNIPPETS
    for _ in range(220):
        parts = []
        for _ in range(generator.randrange(1, 9)):
            kind = generator.random()
            character = chr(generator.choice([generator.randrange(0x20, 0x250), generator.randrange(0x300, 0x3000),
                                              generator.randrange(0x3000, 0xD7A4), generator.randrange(0x1F300, 0x1F650)]))
            if unicodedata.category(character) == "Cn":
                character = "é"
            parts.append(generator.choice(SNIPPETS) if kind < 0.3 else generator.choice(WORDS) if kind < 0.7 else character)
        yield generator.choice(["", " "]).join(parts)


TEXTS = list(texts())
arrays = {}


def record(name, ids, decoded):
    """Ids and the text they decode to, for every text."""
    arrays[f"{name}.ids"] = numpy.array([i for row in ids for i in row], numpy.uint16)
    arrays[f"{name}.counts"] = numpy.array([len(row) for row in ids], numpy.uint16)
    record_strings(f"{name}.decoded", decoded)


def record_strings(name, strings):
    utf8 = [text.encode("utf-8") for text in strings]
    arrays[f"{name}_bytes"] = numpy.frombuffer(b"".join(utf8), numpy.uint8)
    arrays[f"{name}_sizes"] = numpy.array([len(text) for text in utf8], numpy.uint16)


def train(name, change=lambda model: None, **options):
    """A SentencePiece model of the names, changed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        rules.write_text("FF21\t41\nFB01\t66 69\n65 301\tE9\n2026\t2E 2E 2E\n9\t20\n7F\t\n")
        back = Path(folder) / "back.tsv"
        back.write_text("61 20 63 61 74\t41 20 63 61 74\n7E\t20\n")
        options = {key: str({"RULES": rules, "BACK": back}.get(value, value)) if isinstance(value, str) else value
                   for key, value in options.items()}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(NAMES), model_prefix=f"{folder}/model", minloglevel=2, num_threads=1, **options)
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(f"{folder}/model.model").read_bytes())
    # What training was told is of no use, and holds paths.
    for field in ["input", "model_prefix"]:
        model.trainer_spec.ClearField(field)
    for spec in [model.normalizer_spec, model.denormalizer_spec]:
        spec.ClearField("normalization_rule_tsv")
    change(model)
    path = FOLDER / f"{name}.model"
    path.write_bytes(model.SerializeToString())
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ids = [processor.encode(text) for text in TEXTS]
    record(name, ids, [processor.decode(row) for row in ids])
    return model


def make_unused(model):
    """Every seventh piece of more than one letter is taken apart again."""
    longer = [piece for piece in model.pieces if piece.type == piece.NORMAL and len(piece.piece) > 2]
    for piece in longer[::7]:
        piece.type = piece.UNUSED


train("bpe", vocab_size=700, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
      remove_extra_whitespaces=False, character_coverage=0.98)
train("bpe_symbols", make_unused, vocab_size=420, model_type="bpe", normalization_rule_tsv="RULES",
      denormalization_rule_tsv="BACK", user_defined_symbols=["keep it", "[SEP]", "fin"], control_symbols=["<ctl>"],
      character_coverage=0.98, add_dummy_prefix=False)
train("unigram_symbols", make_unused, vocab_size=420, model_type="unigram", normalization_rule_tsv="RULES",
      denormalization_rule_tsv="BACK", user_defined_symbols=["keep it", "[SEP]", "fin"], control_symbols=["<ctl>"],
      character_coverage=0.98, byte_fallback=True, treat_whitespace_as_suffix=True)
# As SigLIP's first version has its pieces: padding, end, unknown.
siglip = train("siglip", vocab_size=500, model_type="unigram", normalization_rule_tsv="RULES", character_coverage=0.98,
               pad_id=0, eos_id=1, unk_id=2, bos_id=-1)


def padded(tokenizer, length):
    return [tokenizer(text, padding="max_length", truncation=True, max_length=length)["input_ids"] for text in TEXTS]


def record_rows(name, rows):
    arrays[f"{name}.rows"] = numpy.array(rows, numpy.uint16)


record_rows("siglip", padded(SiglipTokenizer(vocab_file=str(FOLDER / "siglip.model")), 16))


def record_json(name, tokenizer):
    """A tokenizer.json on one line, and what it gives; `tokenizers` writes the file."""
    path = FOLDER / f"{name}.json"
    tokenizer.no_padding()
    tokenizer.no_truncation()
    path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    fresh = Tokenizer.from_file(str(path))
    ids = [fresh.encode(text, add_special_tokens=False).ids for text in TEXTS]
    decoded = [fresh.decode(row) for row in ids]
    if name == "clip_json":
        # As `CLIPTokenizer` does.
        decoded = [text.replace("</w>", " ").strip() for text in decoded]
    record(name, ids, decoded)


# Version 1 as open_clip has it, and as transformers.js.
for name in ["open_clip", "transformers_js"]:
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in siglip.pieces], unk_id=2, byte_fallback=False))
    rules = normalizers.Precompiled(siglip.normalizer_spec.precompiled_charsmap)
    if name == "open_clip":
        tokenizer.normalizer = rules
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    else:
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Lowercase(), normalizers.Replace(Regex("[" + re.escape(string.punctuation) + "]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(), rules, normalizers.Replace(Regex(" {2,}"), "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken("</s>", lstrip=True, rstrip=True, normalized=False, special=True), "<unk>"])
    tokenizer.add_tokens([AddedToken("face", single_word=True, normalized=True), AddedToken("Cat", normalized=True)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    record_json(name, tokenizer)

# Version 2: Gemma's kind.
trainer = trainers.BpeTrainer(
    vocab_size=900, special_tokens=["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<0x{b:02X}>" for b in range(256)],
    limit_alphabet=120, show_progress=False)
trained = Tokenizer(models.BPE())
trained.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
trained.train_from_iterator(NAMES, trainer)
model = json.loads(trained.to_str())["model"]
gemma = Siglip2Tokenizer(
    vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], padding_side="right")
gemma.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=False), AddedToken("...", normalized=False)])
gemma._tokenizer.post_processor = processors.TemplateProcessing(
    single="$A <eos>", special_tokens=[("<eos>", gemma.eos_token_id)])
record_rows("gemma", padded(gemma, 16))
record_json("gemma", gemma._tokenizer)

# CLIP: the first merges of its vocabulary.
lines = gzip.open(open_clip.default_bpe()).read().decode("utf-8").split("\n")[:401]
with open(FOLDER / "clip.txt.gz", "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
    packed.write("\n".join(lines).encode("utf-8"))
theirs = open_clip.SimpleTokenizer(str(FOLDER / "clip.txt.gz"))
vocabulary = {{"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}.get(token, token): i
              for token, i in theirs.encoder.items()}
clip = CLIPTokenizer(vocab=vocabulary, merges=list(theirs.bpe_ranks))
record_rows("clip_json", padded(clip, 16))
record_json("clip_json", clip._tokenizer)
ids = [theirs.encode(text) for text in TEXTS]
special = set(theirs.all_special_ids)
record("clip", ids, [theirs.decode([i for i in row if i not in special]) for row in ids])
record_rows("clip", [row.tolist() for row in theirs(TEXTS, 16)])
record_strings("cleaned", [open_clip.get_clean_fn("lower")(text) for text in TEXTS])
record_strings("canonical", [open_clip.canonicalize_text(text) for text in TEXTS])

record_strings("texts", TEXTS)
packages = ["sentencepiece", "tokenizers", "transformers", "open_clip_torch", "ftfy"]
save_file(arrays, FOLDER / "expectations.safetensors", {package: version(package) for package in packages})
print(len(TEXTS), "texts;", sum(path.stat().st_size for path in FOLDER.iterdir()), "bytes")
