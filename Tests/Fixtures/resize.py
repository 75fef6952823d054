"""Images resized by Pillow: resize.safetensors. Needs numpy, pillow and safetensors."""

from pathlib import Path

import numpy
import PIL
from PIL import Image
from safetensors.numpy import save_file

SIZES = [(37, 23), (64, 64), (5, 91)]
TARGETS = [(16, 16), (64, 40), (160, 160), (37, 12), (3, 200)]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

generator = numpy.random.default_rng(3)
tensors = {}
for width, height in SIZES:
    noise = generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    # Half of it only black and white: where cubic weights overshoot.
    noise[: height // 2] = (noise[: height // 2] > 127) * 255
    tensors[f"{width}x{height}"] = noise
    for target in TARGETS:
        for name, resample in FILTERS.items():
            resized = Image.fromarray(noise).resize(target, resample)
            tensors[f"{width}x{height}/{name}/{target[0]}x{target[1]}"] = numpy.asarray(resized)
save_file(tensors, Path(__file__).parent / "resize.safetensors", {"pillow": PIL.__version__})
