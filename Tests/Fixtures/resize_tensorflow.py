"""Images resized by TensorFlow as big_vision does it: resize_tensorflow.safetensors.

Needs numpy, safetensors and tensorflow (tensorflow-cpu will do). Reads the images of resize.safetensors.
"""

from pathlib import Path

import numpy
import tensorflow
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
TARGETS = [(16, 16), (64, 40), (160, 160), (37, 12), (3, 200)]

tensors = {}
for name, image in load_file(HERE / "resize.safetensors").items():
    if "/" in name:
        continue
    for width, height in TARGETS:
        # big_vision, pp/ops_image.py: get_resize with its defaults.
        resized = tensorflow.image.resize(image, (height, width), method="bilinear", antialias=False)
        resized = tensorflow.cast(tensorflow.clip_by_value(resized, 0, 255), tensorflow.uint8)
        tensors[f"{name}/bilinearWithoutAntialiasing/{width}x{height}"] = numpy.ascontiguousarray(resized)
save_file(tensors, HERE / "resize_tensorflow.safetensors", {"tensorflow": tensorflow.__version__})
