"""The image files of the suite `train`, made in Benchmarks/.pictures. Needs numpy and Pillow, and runs as a program.

Photos are noise with the spectrum of photographs, 256 to 640 pixels a side, as JPEG files of quality 90; drawings are
coloured shapes on white, up to 256 pixels, as PNG files.
"""

import sys
from pathlib import Path

VERSION = "1"
COUNTS = {"photos": 256, "drawings": 512}


def photo(random, numpy, image):
    """Noise whose amplitude falls with its frequency (Field 1987), mostly the same in all colours."""
    width, height = random.integers(256, 641, 2)
    frequency = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    shape = 4, *frequency.shape
    spectrum = (random.normal(size=shape) + 1j * random.normal(size=shape)) / frequency
    layers = numpy.fft.irfft2(spectrum, (height, width))
    layers /= layers.std(axis=(1, 2), keepdims=True)
    pixels = 127 + 48 * layers[:1] + 16 * layers[1:]
    return image.fromarray(pixels.clip(0, 255).astype(numpy.uint8).transpose(1, 2, 0).copy())


def drawing(random, image, draw):
    width, height = (int(side) for side in random.integers(96, 257, 2))
    picture = image.new("RGB", (width, height), "white")
    pen = draw.Draw(picture)
    for _ in range(12):
        color = tuple(int(value) for value in random.integers(0, 256, 3))
        corners = [(int(x), int(y)) for x, y in zip(random.integers(0, width, 5), random.integers(0, height, 5))]
        if random.random() < 0.5:
            pen.polygon(corners, fill=color, outline="black")
        else:
            (left, right), (top, bottom) = sorted(c[0] for c in corners[:2]), sorted(c[1] for c in corners[:2])
            pen.ellipse((left, top, right, bottom), fill=color, outline="black", width=2)
    return picture


def main(folder):
    import numpy
    from PIL import Image, ImageDraw

    repository = Path(__file__).resolve().parents[2]
    lines = (repository / "Examples/Data/names.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]
    names = [line.split("\t")[1] for line in lines]
    for kind, count in COUNTS.items():
        random = numpy.random.default_rng(1)
        (folder / kind).mkdir(parents=True, exist_ok=True)
        rows = ["image\tcaption"]
        for number in range(count):
            if kind == "photos":
                file = f"{number:03}.jpg"
                photo(random, numpy, Image).save(folder / kind / file, quality=90)
            else:
                file = f"{number:03}.png"
                drawing(random, Image, ImageDraw).save(folder / kind / file)
            rows.append(f"{file}\tA {kind[:-1]} of {names[number * 7 % len(names)]} and {names[number * 11 % len(names)]}.")
        (folder / kind / "train.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "version").write_text(VERSION)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
