"""Fetches captioned drawings in the public domain from Debian; README.md says which, and what becomes of them.

Needs apt-get, dpkg-deb and Pillow (13.0 made the counts of README.md); writes FOLDER/images, train.tsv, validation.tsv
and README.md.

    python fetch_openclipart.py FOLDER [--downloads DIR]
    python fetch_openclipart.py FOLDER --check
"""

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from fetching import check_tables, is_held_out, new_folder, packages, run_command, write_table

TABLES = ["train", "validation"]
LARGEST_SIDE = 256
SMALLEST_SIDE = 16
# Some drawings were painted far larger.
MOST_PIXELS = 1 << 25
# What more drawings are called is the name of a collection ("Etiquette Icons"); then their files' names tell more.
MOST_OF_A_TITLE = 4
# What more files are called tells them not apart ("star" of 1,375 stars with this or that many points).
MOST_OF_A_CAPTION = 16
LONGEST_DESCRIPTION = 200
NOTE = """# Drawings with captions from Open Clip Art

{images} drawings (PNG, sides of at most {side} pixels, on white, cut to what is drawn) with {captions} captions,
made by Pairwise's Examples/Data/fetch_openclipart.py from the Debian packages openclipart-png {pictures_version} and
openclipart-svg {titles_version}.

The drawings, from openclipart.org, are dedicated to the public domain by those who made them, as the metadata of each
one says; the packages' copyright files have the text of the dedication.
"""

# Keywords that say how a drawing was filed, and parts of files' names that say for which program.
NO_KEYWORDS = set("hash unsorted special icons theme lemon_theme_icon icon magick mapsym appicon openclipart".split())
NO_NAMES = set("aiga gnome fs mime stock gtk kde kcm inv bg svg png clipart hotel icon openclipart".split())
MEANINGLESS = r"@|://|www\.|hash\(|\bsvg\b|\bcliparts?\b|\bnone\b|untitled|submission|sibmission"
# Words that tell variants of a drawing apart, which must not be on both sides of the split.
VARIANTS = set(
    """a an the of and in on with w b bw black white gray grey silver red dark light green blue navy teal aqua cyan
    yellow gold golden orange purple violet pink magenta brown beige olive maroon seagreen colour color coloured colored
    colors left right up down upper lower top bottom front back side small little big large medium simple simplified
    fancy plain outline outlined contour silhouette cartoon line lines drawn drawing new old variation version one two
    three four five icon symbol sign flag button""".split()
)


@dataclass
class Drawing:
    """What the metadata of a drawing say."""

    path: Path
    title: str
    creator: str
    keywords: list
    description: str
    is_public: bool

    def __init__(self, path, folder):
        root = ElementTree.parse(path).getroot()
        works = [element for element in root.iter() if local_name(element) == "Work"]
        self.path = path.relative_to(folder).with_suffix("")
        self.title = text_of(works[0], "title") if works else ""
        self.creator = text_of(find(works[0], "creator"), "title") if works else ""
        self.keywords = [" ".join((item.text or "").split()) for work in works[:1] for item in find_all(work, "li")]
        self.description = text_of(works[0], "description") if works else ""
        licences = [licence for work in works for licence in find_all(work, "license")]
        self.is_public = len(licences) > 0 and all(is_public_domain(licence) for licence in licences)


def local_name(element):
    return element.tag.rsplit("}", 1)[-1]


def find_all(element, name):
    return [part for part in element.iter() if local_name(part) == name] if element is not None else []


def find(element, name):
    return next(iter(find_all(element, name)), None)


def text_of(element, name):
    part = find(element, name)
    return " ".join((part.text or "").split()) if part is not None else ""


def is_public_domain(licence):
    """As the metadata name it: by one of two addresses that Creative Commons gave it, or by these words."""
    named = next((value for name, value in licence.attrib.items() if name.endswith("resource")), "")
    return named.lower().replace(" ", "").rstrip("/").endswith("publicdomain")


# Captions.


def words_apart(text):
    """A title as words: file names have other things between them, and numbers behind them."""
    text = re.sub(r"\.(svg|png)$", "", text.strip())
    if " " not in text:
        text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[-_.+]+", " ", text))
    text = re.sub(r"\s*[-_#]?\s*\d+$|(?<=[^\W\d_]{3})\d+\b", "", text.replace("_", " "))
    return " ".join(text.split())


def says_something(text):
    """Not empty, an address or a number, nor what a program wrote."""
    letters, digits = re.findall(r"[^\W\d_]", text), re.findall(r"\d", text)
    return len(letters) >= 3 and len(letters) > len(digits) and not re.search(MEANINGLESS, text, re.IGNORECASE)


def name_of_file(drawing):
    """A caption from the file's name, without the number and parts of the creator's name that it often ends with."""
    parts = [part for part in re.split(r"[-_.+\s]+", drawing.path.name) if part]
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    creator = re.split(r"[\W_]+", drawing.creator.lower())
    while len(parts) > 1 and any(name.startswith(parts[-1].lower()) for name in creator):
        parts.pop()
    parts = [re.sub(r"\d+", "", part) for part in parts if not re.fullmatch(r"\d+[a-z]+\d+[a-z]*", part)]
    return " ".join(part for part in parts if len(part) > 1 and part.lower() not in NO_NAMES)


def keywords_of(drawing, title):
    """Keywords that say something of what is drawn which the title does not."""
    known = set(re.findall(r"\w+", title.lower())) | {drawing.creator.lower()}
    found = []
    for keyword in drawing.keywords:
        text = keyword.replace("_", " ").lower()
        if (
            says_something(text)
            and keyword.lower() not in NO_KEYWORDS
            and text not in known
            and not re.search(r"\d|[^\W\d_]{20}", text)
            and text not in found
        ):
            found.append(text)
    return found


def captions_of_all(drawings):
    """By drawing: its title, the title with keywords, a description; none where there is no title."""
    titles = {drawing.path: words_apart(drawing.title) for drawing in drawings}
    counts = Counter(title.lower() for title in titles.values())
    for drawing in drawings:
        title = titles[drawing.path]
        name = name_of_file(drawing)
        is_copied = drawing.title.startswith("Clipart by ")
        is_of_many = counts[title.lower()] > MOST_OF_A_TITLE and not name.lower().startswith(title.lower())
        if is_copied or is_of_many or not says_something(title):
            titles[drawing.path] = name
    counts = Counter(title.lower() for title in titles.values())
    descriptions = Counter(drawing.description for drawing in drawings)
    captions = {}
    for drawing in drawings:
        title = titles[drawing.path]
        if not says_something(title) or counts[title.lower()] > MOST_OF_A_CAPTION:
            continue
        captions[drawing.path] = [title]
        if keywords := keywords_of(drawing, title):
            captions[drawing.path].append(", ".join([title] + keywords))
        description = drawing.description
        if (
            says_something(description)
            and " " in description
            and len(description) <= LONGEST_DESCRIPTION
            and descriptions[description] <= MOST_OF_A_TITLE
            and description.lower() != title.lower()
        ):
            captions[drawing.path].append(description)
    return captions


def split_key(title):
    """What decides whether a drawing is held out: its title without numbers and words that tell variants apart."""
    words = re.findall(r"[^\W\d_]+", title.lower())
    return " ".join([word for word in words if word not in VARIANTS] or words)


# Pictures.


def read_picture(path):
    """What is drawn, on white, without what is empty around it; None if that is next to nothing or of MOST_PIXELS."""
    with Image.open(path) as file:
        if file.width * file.height >= MOST_PIXELS:
            return None
        picture = file.convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    picture = canvas.convert("RGB")
    drawn = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    if drawn is None or all(low == high for low, high in picture.getextrema()):
        return None
    picture = picture.crop(drawn)
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return picture if max(picture.size) >= SMALLEST_SIDE else None


def fetch(folder, downloads):
    Image.MAX_IMAGE_PIXELS = None  # read_picture has a limit of its own
    names = ["openclipart-png", "openclipart-svg"]
    with new_folder(folder) as partial, packages(names, downloads) as (unpacked, versions):
        vectors = unpacked / "openclipart-svg/usr/share/openclipart/svg"
        pictures = unpacked / "openclipart-png/usr/share/openclipart/png"
        # Some stand in several folders, as links.
        paths = sorted(path for path in vectors.rglob("*.svg") if not path.is_symlink())
        drawings = [Drawing(path, vectors) for path in paths]
        public = [drawing for drawing in drawings if drawing.is_public]
        captions = captions_of_all(public)
        print(f"{len(drawings):,} drawings, {len(public):,} in the public domain, {len(captions):,} with a caption")

        tables, known = {name: [] for name in TABLES}, set()
        for path, texts in captions.items():
            picture = read_picture(pictures / f"{path}.png")
            if picture is None:
                continue
            # A picture that is there twice is taken once, so that it is on one side of the split.
            digest = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).digest()
            if digest in known:
                continue
            known.add(digest)
            target = partial / "images" / f"{path}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            picture.save(target, optimize=True)
            rows = [(str(target.relative_to(partial)), text, "en") for text in texts]
            tables["validation" if is_held_out(split_key(texts[0])) else "train"] += rows
        for name, rows in tables.items():
            write_table(partial / f"{name}.tsv", rows)
        captions = sum(map(len, tables.values()))
        note = NOTE.format(
            images=f"{len(known):,}",
            side=LARGEST_SIDE,
            captions=f"{captions:,}",
            pictures_version=versions["openclipart-png"],
            titles_version=versions["openclipart-svg"],
        )
        (partial / "README.md").write_text(note, encoding="utf-8")


def check(folder):
    """That rules do what their words say and a folder holds what README.md says, and prints what that is."""
    assert words_apart("arrow-down-seagreen") == "arrow down seagreen" and words_apart("Tigre02") == "Tigre"
    assert words_apart("Australia - Victoria") == "Australia - Victoria" and words_apart("gold_RING.svg") == "gold RING"
    nothing = ["", "001", "a12", "img 4711", "x@y.org", "HASH(0x856da84)", "Various Cliparts"]
    assert not any(map(says_something, nothing)) and says_something("Rubik's cube")
    assert split_key("Fancy Red Button") != split_key("Fancy Red Car") == split_key("car (black and white) 02") == "car"

    tables = check_tables(folder, TABLES)
    keys = {}
    for name, rows in tables.items():
        titles = {}
        for path, caption, _ in rows:
            titles.setdefault(path, caption)
        keys[name] = {split_key(title) for title in titles.values()}
        for key in keys[name]:
            assert is_held_out(key) == (name == "validation"), f"{key!r} is in {name}.tsv"
        print(f"{name}: {len(titles):,} images, {len(rows):,} captions, {len(set(titles.values())):,} titles")
    assert keys["train"].isdisjoint(keys["validation"])


if __name__ == "__main__":
    run_command("Fetches captioned drawings in the public domain.", fetch, check)
