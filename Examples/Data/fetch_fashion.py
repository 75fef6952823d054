"""Fetches Fashion-MNIST from Debian; README.md says what becomes of it.

Needs apt-get and dpkg-deb; writes IDX files of images and labels for each part, a .json that describes each to siglip
evaluate, and README.md.

    python fetch_fashion.py FOLDER [--downloads DIR]
    python fetch_fashion.py FOLDER --check
"""

import gzip
import json
import shutil
import struct
from collections import Counter

from fetching import is_held_out, new_folder, packages, run_command

CLASSES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
PARTS = {"train": 56_195, "validation": 3_805, "test": 10_000}
NOTE = """# Fashion-MNIST

70,000 pictures of clothes (28 x 28, gray) in ten classes, by Zalando SE (github.com/zalandoresearch/fashion-mnist), MIT
licence, from the Debian package dataset-fashion-mnist {version}, put into this form by Pairwise's
Examples/Data/fetch_fashion.py. The files of `test` are as the package has them; `validation` is 1 in 16 of its training
pictures, `train` the others.
"""


def write_idx(path, shape, content):
    """Bytes in an array of a shape, compressed without a time, so that equal arrays make equal files."""
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    path.write_bytes(gzip.compress(header + content, mtime=0))


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    dimensions = data[3]
    return struct.unpack_from(f">{dimensions}I", data, 4), data[4 + 4 * dimensions :]


def files(folder, part):
    return folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz"


def fetch(folder, downloads):
    name = "dataset-fashion-mnist"
    with new_folder(folder) as partial, packages([name], downloads) as (unpacked, versions):
        source = unpacked / name / "usr/share/datasets/fashion-mnist"
        for original, copy in zip(files(source, "t10k"), files(partial, "test"), strict=True):
            shutil.copyfile(original, copy)
        (count, height, width), pixels = read_idx(files(source, "train")[0])
        _, labels = read_idx(files(source, "train")[1])
        size = height * width
        for part in ["train", "validation"]:
            rows = [row for row in range(count) if is_held_out(str(row)) == (part == "validation")]
            images = b"".join(pixels[row * size : (row + 1) * size] for row in rows)
            write_idx(files(partial, part)[0], (len(rows), height, width), images)
            write_idx(files(partial, part)[1], (len(rows),), bytes(labels[row] for row in rows))
        for part in PARTS:
            images, labels = files(partial, part)
            description = {"path": images.name, "kind": "idx", "labels": labels.name, "classes": CLASSES}
            (partial / f"{part}.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        (partial / "README.md").write_text(NOTE.format(version=versions[name]), encoding="utf-8")


def check(folder):
    """That a folder holds what README.md says, and prints what that is."""
    for part, expected in PARTS.items():
        images, labels = files(folder, part)
        shape, pixels = read_idx(images)
        (count,), labels = read_idx(labels)
        assert shape == (expected, 28, 28) and count == expected, f"{part}: {shape}, {count} labels"
        assert len(pixels) == expected * 28 * 28 and set(labels) == set(range(len(CLASSES))), part
        counts = Counter(labels).values()
        print(f"{part}: {count:,} images, {min(counts):,} to {max(counts):,} in each of {len(CLASSES)} classes")


if __name__ == "__main__":
    run_command("Fetches Fashion-MNIST.", fetch, check)
