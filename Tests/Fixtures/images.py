"""Image files of many kinds and the pixels that Pillow finds in them: images.safetensors.

Needs numpy, pillow and safetensors. Pillow writes no interlaced or 16-bit colour PNGs, so `png` does.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy
import PIL
from PIL import Image, ImageOps, features
from safetensors.numpy import save_file

WIDTH, HEIGHT = 19, 13
generator = numpy.random.default_rng(5)
y, x = numpy.mgrid[:HEIGHT, :WIDTH]
# Smooth with some noise: every way of upsampling colour gives other pixels.
photo = numpy.stack([x * 13, y * 19, (x + y) * 8], -1) + generator.integers(0, 8, (HEIGHT, WIDTH, 3))
photo = photo.clip(0, 255).astype(numpy.uint8)
files: dict[str, bytes] = {}


def jpeg(image, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", optimize=True, quality=80, **options)
    return data.getvalue()


def exif(orientation: int, order: str) -> bytes:
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    make = struct.pack(order + "HHI", 0x010F, 2, 4) + b"abc\0"
    return {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 2) + make + entry + bytes(4)


color, gray = Image.fromarray(photo), Image.fromarray(photo[..., 0])
cmyk = Image.fromarray(numpy.concatenate([photo, 255 - photo[..., 1:2] // 2], -1), "CMYK")
files["444.jpg"] = jpeg(color, subsampling=0)
files["422.jpg"] = jpeg(color, subsampling=1)
files["420.jpg"] = jpeg(color, subsampling=2)
files["progressive.jpg"] = jpeg(color, progressive=True)
files["rgb.jpg"] = jpeg(color, keep_rgb=True)
files["gray.jpg"] = jpeg(gray)
files["restart.jpg"] = jpeg(color, restart_marker_blocks=1)
files["cmyk.jpg"] = jpeg(cmyk)
# The last byte of Adobe's marker says which colours the four components are.
adobe = files["cmyk.jpg"].index(b"Adobe") + 11
files["ycck.jpg"] = files["cmyk.jpg"][:adobe] + b"\2" + files["cmyk.jpg"][adobe + 1 :]
for orientation in range(1, 9):
    tags = exif(orientation, "<>"[orientation % 2])
    files[f"orientation{orientation}.jpg"] = jpeg(color, exif=b"Exif\0\0" + tags)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth: int, color_type: int, *, interlaced=False, before_pixels=b"") -> bytes:
    """A PNG of integer samples [height, width, channels]; rows use all five filters in turn."""
    height, width, channels = samples.shape
    stride = max(1, channels * depth // 8)

    def rows(part) -> bytes:
        result, above = b"", None
        for number, row in enumerate(part):
            bits = "".join(format(int(v), f"0{depth}b") for v in row.reshape(-1))
            bits += "0" * (-len(bits) % 8)
            raw = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
            above = above or [0] * len(raw)
            kind, line = number % 5, []
            for i, value in enumerate(raw):
                a = raw[i - stride] if i >= stride else 0
                b, c = above[i], above[i - stride] if i >= stride else 0
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                line.append((value - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
            result, above = result + bytes([kind, *line]), raw
        return result

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[t::dy, l::dx] for t, l, dy, dx in passes] if interlaced else [samples]
    data = b"".join(rows(part) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before_pixels
        + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    )  # fmt: skip


def noise(depth: int, channels: int):
    return generator.integers(0, 1 << depth, (HEIGHT, WIDTH, channels))


# Pillow clips wide gray samples to 255 on conversion; here they keep their brighter bits.
wide = {}
for depth in [1, 2, 4, 8]:
    files[f"gray{depth}.png"] = png(noise(depth, 1), depth, 0)
samples = noise(16, 1)
files["gray16.png"], wide["gray16.png"] = png(samples, 16, 0), samples >> 8
for depth in [1, 2, 4, 8]:
    colors = chunk(b"PLTE", generator.integers(0, 256, 3 << depth, dtype=numpy.uint8).tobytes())
    files[f"palette{depth}.png"] = png(noise(depth, 1), depth, 3, before_pixels=colors)
    see_through = chunk(b"tRNS", generator.integers(0, 256, 1 << (depth - 1), dtype=numpy.uint8).tobytes())
    files[f"palette{depth}-alpha.png"] = png(noise(depth, 1), depth, 3, before_pixels=colors + see_through)
for depth in [8, 16]:
    for kind, channels, number in [("rgb", 3, 2), ("gray-alpha", 2, 4), ("rgb-alpha", 4, 6)]:
        files[f"{kind}{depth}.png"] = png(noise(depth, channels), depth, number)
        files[f"{kind}{depth}-interlaced.png"] = png(noise(depth, channels), depth, number, interlaced=True)
files["palette2-interlaced.png"] = png(
    noise(2, 1), 2, 3, interlaced=True, before_pixels=chunk(b"PLTE", bytes(range(100, 112)))
)
# One colour stands for nothing.
keyed = noise(8, 3)
keyed[::2, ::3] = [1, 2, 3]
files["rgb8-key.png"] = png(keyed, 8, 2, before_pixels=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
# A gamma changes nothing here, nor in Pillow.
files["rgb8-gamma.png"] = png(noise(8, 3), 8, 2, before_pixels=chunk(b"gAMA", struct.pack(">I", 100000)))
for orientation in [3, 6]:
    tags = chunk(b"eXIf", exif(orientation, ">"))
    files[f"orientation{orientation}.png"] = png(noise(8, 3), 8, 2, before_pixels=tags)

files["rgb.ppm"] = b"P6\n# a comment\n%d %d\n255\n" % (WIDTH, HEIGHT) + photo.tobytes()
files["rgb15.ppm"] = b"P6 %d %d 15\n" % (WIDTH, HEIGHT) + (photo >> 4).tobytes()
files["gray.pgm"] = b"P5 %d %d 255 " % (WIDTH, HEIGHT) + photo[..., 0].tobytes()
samples = generator.integers(0, 1001, (HEIGHT, WIDTH, 1))
files["gray1000.pgm"] = b"P5 %d %d 1000\n" % (WIDTH, HEIGHT) + samples.astype(">u2").tobytes()
wide["gray1000.pgm"] = (samples * 255 + 500) // 1000

tensors = {}
for name, data in files.items():
    tensors[name] = numpy.frombuffer(data, numpy.uint8)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if name in wide:
        tensors[name + "/dropped"] = numpy.repeat(wide[name], 3, 2).astype(numpy.uint8)
        continue
    tensors[name + "/dropped"] = numpy.asarray(image.convert("RGB"))
    if image.has_transparency_data:
        for label, back in [("white", (255, 255, 255)), ("green", (10, 200, 30))]:
            below = Image.new("RGBA", image.size, (*back, 255))
            tensors[f"{name}/{label}"] = numpy.asarray(
                Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")
            )

# Headers that declare far more than follows.
tensors["bomb.png"] = numpy.frombuffer(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(99))), numpy.uint8
)  # fmt: skip
frame = files["444.jpg"].index(b"\xff\xc0") + 5
tensors["bomb.jpg"] = numpy.frombuffer(
    files["444.jpg"][:frame] + b"\xff\xdc\xff\xdc" + files["444.jpg"][frame + 4 :], numpy.uint8
)
tensors["bomb.ppm"] = numpy.frombuffer(b"P6 1000000 1000000 255\n" + bytes(9), numpy.uint8)

save_file(
    {name: numpy.ascontiguousarray(value) for name, value in tensors.items()},
    Path(__file__).parent / "images.safetensors",
    {"pillow": PIL.__version__, "libjpeg_turbo": features.version("libjpeg_turbo")},
)
