"""Fetches drawings with their names in 36 languages from Debian; README.md says what becomes of them.

Needs apt-get and dpkg-deb; writes FOLDER/images, train.tsv, validation.tsv, translations.tsv and README.md.

    python fetch_words.py FOLDER [--downloads DIR]
    python fetch_words.py FOLDER --check
"""

import json
import shutil
import struct
import zlib
from collections import Counter
from pathlib import Path

from fetching import check_tables, is_held_out, new_folder, packages, run_command, write_table

TABLES = ["train", "validation", "translations"]
WORDS = "/gcompris/src/activities/lang/resource/content-"
NOTE = """# Drawings and their names in {languages} languages

{images} drawings (JPEG, 200 x 200) with {captions} captions, made by Pairwise's Examples/Data/fetch_words.py.

- Drawings: Art4Apps by Smart4Kids (www.art4apps.org), CC-BY-SA 3.0, from the Debian package pysiogame
  {drawings_version}; the files are as the package has them.
- Names: GCompris (gcompris.net) and its translators, GPL-3.0 or later, some translations LGPL-2.1 or later, from the
  Debian package gcompris-qt-data {names_version}. The package's copyright file names the authors.

Whoever passes these files on names their sources and keeps their licences.
"""


def read_resource(data):
    """The files of a Qt resource file by their paths."""
    magic, version, tree, contents, names = struct.unpack_from(">4sIIII", data)
    if magic != b"qres" or version not in (1, 2, 3):
        raise ValueError(f"a Qt resource file of version {version}")
    entry_size = 14 if version == 1 else 22
    files = {}

    def read(number, folder):
        entry = tree + number * entry_size
        name, flags = struct.unpack_from(">IH", data, entry)
        length = struct.unpack_from(">H", data, names + name)[0]
        path = folder
        if number > 0:
            path += "/" + data[names + name + 6 :][: 2 * length].decode("utf-16-be")
        if flags & 2:
            count, first = struct.unpack_from(">II", data, entry + 6)
            for child in range(first, first + count):
                read(child, path)
            return
        start = contents + struct.unpack_from(">I", data, entry + 10)[0]
        content = data[start + 4 :][: struct.unpack_from(">I", data, start)[0]]
        # Behind the size that it unpacks to; the word lists are so packed, sounds and pictures need not be read.
        files[path] = zlib.decompress(content[4:]) if flags & 1 else content

    read(0, "")
    return files


def complete_lists(files):
    """By language, what each word is there: of those languages that have a name for every word."""
    lists = {}
    for path, content in files.items():
        if path.startswith(WORDS):
            words = json.loads(content)
            lists[path.removeprefix(WORDS).removesuffix(".json")] = {
                key.removesuffix(".ogg"): " ".join(text.split()) for key, text in words.items()
            }
    return {language: words for language, words in sorted(lists.items()) if all(words.values())}


def table_of(word, language):
    """Where a caption is: drawings of `validation` are in no other table, those of the others in both."""
    if is_held_out(word):
        return "validation"
    return "translations" if is_held_out(f"{word}/{language}") else "train"


def fetch(folder, downloads):
    with new_folder(folder) as partial, packages(["gcompris-qt-data", "pysiogame"], downloads) as (unpacked, versions):
        resource = unpacked / "gcompris-qt-data/usr/share/gcompris-qt/rcc/lang.rcc"
        lists = complete_lists(read_resource(resource.read_bytes()))
        drawings = sorted((unpacked / "pysiogame").rglob("images/art4apps/*/*.jpg"), key=lambda path: path.stem)
        drawings = [path for path in drawings if path.stem in lists["en"]]
        (partial / "images").mkdir()
        tables = {name: [] for name in TABLES}
        for path in drawings:
            shutil.copyfile(path, partial / "images" / path.name)
            for language, words in lists.items():
                row = (f"images/{path.name}", words[path.stem], language)
                tables[table_of(path.stem, language)].append(row)
        for name, rows in tables.items():
            write_table(partial / f"{name}.tsv", rows)
        captions = sum(map(len, tables.values()))
        note = NOTE.format(
            languages=len(lists),
            images=len(drawings),
            captions=f"{captions:,}",
            drawings_version=versions["pysiogame"],
            names_version=versions["gcompris-qt-data"],
        )
        (partial / "README.md").write_text(note, encoding="utf-8")


def check(folder):
    """That a folder holds what README.md says, and prints what that is."""
    tables = check_tables(folder, TABLES)
    for name, rows in tables.items():
        for path, _, language in rows:
            assert table_of(Path(path).stem, language) == name, f"{path} in {language} is in {name}.tsv"
    for name, rows in tables.items():
        languages = Counter(language for *_, language in rows)
        fewest, most = min(languages.values()), max(languages.values())
        counts = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        images = len({path for path, *_ in rows})
        print(f"{name}: {images} images, {len(rows):,} captions, {counts} in each of {len(languages)} languages")


if __name__ == "__main__":
    run_command("Fetches drawings with their names in 36 languages.", fetch, check)
