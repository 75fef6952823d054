"""What the scripts that fetch data sets share: packages of Debian, what is held out, folders that are whole or absent.

Needs a Debian system with apt-get and dpkg-deb.
"""

import argparse
import csv
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HELD_OUT_PART = 16


@contextmanager
def packages(names, kept=None):
    """A folder where each package is unpacked, without being installed, in a folder of its name; and their versions.

    Archives stay in the folder `kept` for the next time, if there is one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        archives = Path(kept or temporary).resolve()
        archives.mkdir(parents=True, exist_ok=True)
        versions = {}
        for name in names:
            if not list(archives.glob(f"{name}_*.deb")):
                subprocess.run(["apt-get", "download", "-qq", name], cwd=archives, check=True)
            archive = next(archives.glob(f"{name}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, Path(temporary) / name], check=True)
            field = subprocess.run(["dpkg-deb", "-f", archive, "Version"], check=True, capture_output=True, text=True)
            versions[name] = field.stdout.strip()
        yield Path(temporary), versions


@contextmanager
def new_folder(path):
    """A folder to fill, which gets its name when all is done; what is there already stays."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        sys.exit(f"{path}: it is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    partial = path.parent / f".{path.name}.{os.getpid()}"
    try:
        partial.mkdir()
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def is_held_out(key):
    """Whether the SHA-256 of the UTF-8 of `key`, read as a big-endian integer, is a multiple of HELD_OUT_PART."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest(), "big") % HELD_OUT_PART == 0


def write_table(path, rows):
    """A row for each caption: the image's path from the table's folder, the caption, its language."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["image", "caption", "language"])
        writer.writerows(rows)


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    assert header == ["image", "caption", "language"], header
    return rows


def check_tables(folder, names):
    """That tables name images which are there, all of them, and have no empty or doubled row; the tables."""
    tables = {name: read_table(folder / f"{name}.tsv") for name in names}
    rows = [tuple(row) for table in tables.values() for row in table]
    assert len(set(rows)) == len(rows), "a row is there twice"
    assert all(len(row) == 3 and all(row) and all(cell == cell.strip() for cell in row) for row in rows)
    files = {str(path.relative_to(folder)) for path in (folder / "images").rglob("*") if path.is_file()}
    assert files == {row[0] for row in rows}, "images and rows differ"
    return tables


def run_command(description, fetch, check):
    """The command line of a script that fetches into a folder and checks what is there."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--downloads", type=Path, help="keep the downloaded packages here (default: temporary)")
    parser.add_argument("--check", action="store_true", help="only check a folder that is there")
    options = parser.parse_args()
    if not options.check:
        fetch(options.folder, options.downloads)
    check(options.folder)
