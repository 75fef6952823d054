"""Images prepared by transformers and torchvision: preprocessing.safetensors.

Needs numpy, pillow, safetensors, torch, torchvision and transformers. The processors are those that resize with Pillow.
"""

from pathlib import Path

import numpy
import PIL
import torchvision
import transformers
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

generator = numpy.random.default_rng(7)
SIZES = {"wide": (41, 24), "tall": (17, 38), "square": (20, 20)}
images = {
    name: Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8))
    for name, (width, height) in SIZES.items()
}
tensors = {name: numpy.asarray(image) for name, image in images.items()}


def save(label: str, processor) -> None:
    """The processor's own file, and what it makes of the images."""
    tensors[f"{label}/preprocessor_config.json"] = numpy.frombuffer(
        processor.to_json_string().encode(), numpy.uint8
    )
    for name, value in processor(list(images.values()), return_tensors="np").items():
        tensors[f"{label}/{name}"] = value


size = {"height": 16, "width": 16}
save("siglip", SiglipImageProcessorPil(size=size))
save("siglip2", SiglipImageProcessorPil(size=size, resample=Image.Resampling.BILINEAR))
save("naflex", Siglip2ImageProcessorPil(patch_size=4, max_num_patches=20))

clip = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 13, "width": 13})
tensors["clip/preprocessor_config.json"] = numpy.frombuffer(clip.to_json_string().encode(), numpy.uint8)
# transformers rounds an odd margin down; the original rounds halves to even numbers.
transform = Compose(
    [
        Resize(16, InterpolationMode.BICUBIC),
        CenterCrop(13),
        ToTensor(),
        Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    ]
)
tensors["clip/pixel_values"] = numpy.stack([transform(image).numpy() for image in images.values()])

save_file(
    {name: numpy.ascontiguousarray(value) for name, value in tensors.items()},
    Path(__file__).parent / "preprocessing.safetensors",
    {
        "pillow": PIL.__version__,
        "torchvision": torchvision.__version__,
        "transformers": transformers.__version__,
    },
)
