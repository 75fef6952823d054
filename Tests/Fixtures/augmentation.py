"""Images changed by torchvision and Pillow, and parts that torchvision chooses: augmentation.safetensors.

Needs numpy, pillow, safetensors, torch and torchvision.
"""

from pathlib import Path

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional

SIZES = [(37, 23), (40, 40), (5, 91), (1, 1)]
FACTORS = [0.0, 0.3, 0.9, 1.0, 1.1, 1.9, 3.5]
TURNS = [-0.5, -0.31, -0.002, 0.0, 0.004, 0.1, 0.5]
ADJUSTMENTS = {
    "brightness": (functional.adjust_brightness, FACTORS),
    "contrast": (functional.adjust_contrast, FACTORS),
    "saturation": (functional.adjust_saturation, FACTORS),
    "hue": (functional.adjust_hue, TURNS),
}

generator = numpy.random.default_rng(12)
tensors = {}
for width, height in SIZES:
    noise = generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    # A third of it gray, a third black, white and full colours.
    noise[: height // 3] = noise[: height // 3, :, :1]
    noise[height // 3 : 2 * (height // 3)] = (noise[height // 3 : 2 * (height // 3)] > 127) * 255
    name = f"{width}x{height}"
    image = Image.fromarray(noise)
    tensors[name] = noise
    tensors[f"{name}/mirrored"] = numpy.asarray(functional.hflip(image)).copy()
    for label, (adjust, factors) in ADJUSTMENTS.items():
        for factor in factors:
            tensors[f"{name}/{label}/{factor}"] = numpy.asarray(adjust(image, factor)).copy()

# Every step of the cube's values by 15: hues are made of divisions.
steps = numpy.arange(0, 256, 15, dtype=numpy.uint8)
cube = numpy.stack(numpy.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(18, -1, 3)
tensors["cube"] = numpy.ascontiguousarray(cube)
tensors["cube/hue/0.25"] = numpy.asarray(functional.adjust_hue(Image.fromarray(tensors["cube"]), 0.25)).copy()

# What was drawn, and what part it made: width, height, scale (2), ratio (2) - numbers - places - left, top, width, height.
drawn, places = [], []
uniform, randint = torch.Tensor.uniform_, torch.randint
torch.Tensor.uniform_ = lambda *arguments: (drawn.append(uniform(*arguments).item()), torch.tensor(drawn[-1:]))[1]
torch.randint = lambda *arguments, **more: (places.append(randint(*arguments, **more).item()), torch.tensor(places[-1:]))[1]
torch.manual_seed(5)
rows = []
SCALES = [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.9, 1.0), (3 / 4, 4 / 3)), ((1.0, 1.0), (2.0, 3.0)), ((1.0, 1.0), (0.3, 0.4))]
for width, height in [(224, 224), (640, 480), (37, 23), (5, 91), (300, 7), (1, 1)]:
    for scale, ratio in SCALES:
        for _ in range(4):
            drawn.clear()
            places.clear()
            image = torch.empty(3, height, width)
            top, left, part_height, part_width = RandomResizedCrop.get_params(image, scale, ratio)
            numbers = drawn + [0] * (20 - len(drawn))
            rows.append([width, height, *scale, *ratio, *numbers, *(places or [0, 0]), left, top, part_width, part_height])
torch.Tensor.uniform_, torch.randint = uniform, randint
tensors["parts"] = numpy.array(rows, dtype=numpy.float32)

save_file(
    tensors,
    Path(__file__).parent / "augmentation.safetensors",
    {"pillow": PIL.__version__, "torchvision": torchvision.__version__},
)
