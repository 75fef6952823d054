"""Writes tar shards as Python, GNU tar and webdataset write them, and what webdataset reads in them.

    python Tests/Fixtures/shards.py      # needs webdataset, and tar of GNU
"""

import gzip
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import webdataset

FOLDER = Path(__file__).parent / "shards"


def image(number):
    return b"P6 1 1 255 " + bytes([number, number + 1, number + 2])


# In this order; ustar has no name for "003".
FILES = {
    "000.ppm": image(0), "000.txt": b" A cat.\r\n",
    "a.b/c.d/001.ppm": image(1), "a.b/c.d/001.seg.png": b"mask",
    "a.b/c.d/001.json": json.dumps({"caption": "A dog.", "text": ["Ein Hund.", ""], "language": "de"}).encode(),
    "long/" + "x" * 120 + "/002.ppm": image(2), "long/" + "x" * 120 + "/002.txt": b"Long.",
    "y" * 90 + "/" + "z" * 200 + "/003.ppm": image(3), "y" * 90 + "/" + "z" * 200 + "/003.txt": b"Longer.",
    "naïve/ünï.PPM": image(4), "naïve/ünï.json": b'{"captions": ["x"]}', "naïve/ünï.txt": "é".encode(),
    ".hidden.ppm": image(5), "folder/README": b"no sample",
}  # fmt: skip
LONGEST = "003."


def archive(format):
    """An archive of Python's tarfile, with a folder and links between the files."""
    bytes = io.BytesIO()
    with tarfile.open(fileobj=bytes, mode="w", format=format) as tar:
        for name, kind in [("folder", tarfile.DIRTYPE), ("link.ppm", tarfile.SYMTYPE), ("hard.txt", tarfile.LNKTYPE)]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "" if kind == tarfile.DIRTYPE else "000.ppm"
            tar.addfile(member)
        for name, contents in FILES.items():
            if format == tarfile.USTAR_FORMAT and LONGEST in name:
                continue
            member = tarfile.TarInfo(name)
            member.size = len(contents)
            tar.addfile(member, io.BytesIO(contents))
    return bytes.getvalue()


def system_archive():
    with tempfile.TemporaryDirectory() as folder:
        for name, contents in FILES.items():
            path = Path(folder) / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
        options = ["--format=posix", "--mtime=2020-01-01 00:00:00.5", "--owner=0", "--group=0", "--numeric-owner"]
        subprocess.run(["tar", "cf", "out.tar", *options, "-C", "in", "--sort=name", "."], cwd=folder, check=True)
        return (Path(folder) / "out.tar").read_bytes()


def webdataset_archive():
    bytes = io.BytesIO()
    with webdataset.TarWriter(bytes, mtime=0) as writer:
        for number in range(3):
            writer.write({"__key__": f"k{number}", "ppm": image(number), "txt": f"caption {number}"})
    return bytes.getvalue()


def samples(path):
    """Keys, images and texts or objects, as webdataset reads them."""
    result = []
    for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False):
        if "ppm" in sample:
            captions = [sample["txt"].decode()] if "txt" in sample else []
            object = json.loads(sample["json"]) if "json" in sample and not captions else {}
            for name in ["caption", "captions", "text"]:
                value = object.get(name, [])
                captions += [value] if isinstance(value, str) else value
            captions = [caption.strip() for caption in captions if caption.strip()]
            result.append({"key": sample["__key__"], "image": list(sample["ppm"]), "captions": captions})
    return result


def main():
    FOLDER.mkdir(exist_ok=True)
    archives = {
        "ustar": archive(tarfile.USTAR_FORMAT), "gnu": archive(tarfile.GNU_FORMAT), "pax": archive(tarfile.PAX_FORMAT),
        "system": system_archive(), "webdataset": webdataset_archive(),
    }  # fmt: skip
    expected = {}
    for name, contents in archives.items():
        path = FOLDER / f"{name}.tar.gz"
        path.write_bytes(gzip.compress(contents, mtime=0))
        expected[name] = samples(path)
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (FOLDER / "expected.json").write_text(text + "\n")


main()
