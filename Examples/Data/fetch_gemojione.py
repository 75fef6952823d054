"""Fetches emoji in another drawing style than names.tsv's from Debian; README.md says what becomes of them.

Needs apt-get and dpkg-deb, and names.tsv and held_out.tsv beside it; writes FOLDER/images, a table for the captions that
are trained on and one for each split that is not, and README.md.

    python fetch_gemojione.py FOLDER [--downloads DIR]
    python fetch_gemojione.py FOLDER --check
"""

import csv
import shutil
from pathlib import Path

from fetching import check_tables, new_folder, packages, run_command, write_table

HERE = Path(__file__).resolve().parent
NOTE = """# EmojiOne 3 and the names of emoji in {languages} languages

{images} emoji (PNG, 64 x 64, transparent) with {captions} captions, made by Pairwise's Examples/Data/fetch_gemojione.py.

- Pictures: EmojiOne 3 by Ranks.com Inc. (emojione.com), CC-BY-SA 4.0, from the Debian package ruby-gemojione {version}; the
  files are as the package has them, called by the code points of names.tsv.
- Names: Unicode CLDR, as Examples/Data/names.tsv has them.

Whoever passes these files on names their sources and keeps their licences.
"""


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return header, rows


def plain(code):
    """Code points without joiners and leading zeros, which one of the two sets leaves out."""
    points = [point.lstrip("0").lower() for point in code.split("-")]
    return "-".join(point for point in points if point not in ("200d", "fe0f"))


def split_of_captions():
    """By code and language the split that a caption is held out in; a code alone for all its languages."""
    _, rows = read_table(HERE / "held_out.tsv")
    splits = {}
    for code, split, languages in rows:
        for language in languages.split() or [None]:
            splits[code, language] = split
    return splits


def tables_of(pictures):
    """Rows of images, captions and languages by split, for the codes of which there are pictures."""
    header, rows = read_table(HERE / "names.tsv")
    splits = split_of_captions()
    whole = {code: split for (code, _), split in splits.items() if split.lower().endswith("compositions")}
    tables = {name: [] for name in ["training", *sorted(set(splits.values()))]}
    for code, *names in rows:
        if code not in pictures:
            continue
        for language, name in zip(header[1:], names, strict=True):
            split = whole.get(code) or splits.get((code, language), "training")
            if name:
                tables[split].append((f"images/{code}.png", name, language))
    return tables


def fetch(folder, downloads):
    name = "ruby-gemojione"
    with new_folder(folder) as partial, packages([name], downloads) as (unpacked, versions):
        pictures = {plain(path.stem): path for path in sorted((unpacked / name).rglob("assets/png/*.png"))}
        codes = [code for code, *_ in read_table(HERE / "names.tsv")[1] if plain(code) in pictures]
        (partial / "images").mkdir()
        for code in codes:
            shutil.copyfile(pictures[plain(code)], partial / "images" / f"{code}.png")
        tables = tables_of(set(codes))
        for split, rows in tables.items():
            write_table(partial / f"{split}.tsv", rows)
        captions = sum(map(len, tables.values()))
        note = NOTE.format(
            languages=len(read_table(HERE / "names.tsv")[0]) - 1,
            images=f"{len(codes):,}",
            captions=f"{captions:,}",
            version=versions[name],
        )
        (partial / "README.md").write_text(note, encoding="utf-8")


def check(folder):
    """That a folder holds what README.md says, and prints what that is."""
    expected = tables_of({path.stem for path in (folder / "images").iterdir()})
    for split, rows in check_tables(folder, list(expected)).items():
        assert [tuple(row) for row in rows] == expected[split], f"{split}.tsv is not made of names.tsv and held_out.tsv"
        print(f"{split}: {len({path for path, *_ in rows}):,} images, {len(rows):,} captions")


if __name__ == "__main__":
    run_command("Fetches emoji in another drawing style.", fetch, check)
