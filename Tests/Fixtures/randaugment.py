"""The operations of big_vision's RandAugment, written out with TensorFlow: randaugment.safetensors.

Needs numpy, safetensors and tensorflow (tensorflow-cpu will do); reads the images of augmentation.safetensors. Follows
big_vision's pp/autoaugment.py, whose file cannot be imported: it needs TensorFlow Addons, of which only these few lines
of geometry are used.
"""

import math
from pathlib import Path

import numpy
import tensorflow as tf
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
GRAY = 128


def blend(first, second, factor):
    if factor in (0.0, 1.0):
        return second if factor else first
    first, second = tf.cast(first, tf.float32), tf.cast(second, tf.float32)
    return tf.cast(tf.clip_by_value(first + factor * (second - first), 0.0, 255.0), tf.uint8)


def channels(image, change):
    return tf.stack([change(image[:, :, channel]) for channel in range(3)], 2)


def auto_contrast(image):
    def stretch(plane):
        low, high = (tf.cast(f(plane), tf.float32) for f in (tf.reduce_min, tf.reduce_max))
        if not high > low:
            return plane
        scale = 255.0 / (high - low)
        return tf.cast(tf.clip_by_value(tf.cast(plane, tf.float32) * scale + -low * scale, 0.0, 255.0), tf.uint8)

    return channels(image, stretch)


def equalize(image):
    def level(plane):
        plane = tf.cast(plane, tf.int32)
        counts = tf.histogram_fixed_width(plane, [0, 255], nbins=256)
        step = (tf.reduce_sum(counts) - counts[counts != 0][-1]) // 255
        if step == 0:
            return tf.cast(plane, tf.uint8)
        table = tf.concat([[0], ((tf.cumsum(counts) + step // 2) // step)[:-1]], 0)
        return tf.cast(tf.gather(tf.clip_by_value(table, 0, 255), plane), tf.uint8)

    return channels(image, level)


def posterize(image, bits):
    shift = tf.constant(8 - bits, tf.uint8)
    return tf.bitwise.left_shift(tf.bitwise.right_shift(image, shift), shift)


def solarize(image, threshold):
    return tf.where(tf.cast(image, tf.int32) < threshold, image, 255 - image)


def solarize_add(image, addition):
    added = tf.cast(tf.clip_by_value(tf.cast(image, tf.int64) + addition, 0, 255), tf.uint8)
    return tf.where(image < 128, added, image)


def color(image, factor):
    return blend(tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image)), image, factor)


def contrast(image, factor):
    # Not the mean brightness but the number of pixels by 256: so it stands there.
    counts = tf.histogram_fixed_width(tf.cast(tf.image.rgb_to_grayscale(image), tf.int32), [0, 255], nbins=256)
    mean = tf.clip_by_value(tf.reduce_sum(tf.cast(counts, tf.float32)) / 256.0, 0.0, 255.0)
    return blend(tf.fill(image.shape, tf.cast(mean, tf.uint8)), image, factor)


def brightness(image, factor):
    return blend(tf.zeros_like(image), image, factor)


def sharpness(image, factor):
    if min(image.shape[:2]) < 3:
        return image
    kernel = tf.constant([1, 1, 1, 1, 5, 1, 1, 1, 1], tf.float32, [3, 3, 1, 1]) / 13.0
    smooth = tf.nn.depthwise_conv2d(
        tf.cast(image, tf.float32)[None], tf.tile(kernel, [1, 1, 3, 1]), [1, 1, 1, 1], "VALID"
    )
    smooth = tf.cast(tf.clip_by_value(smooth, 0.0, 255.0), tf.uint8)[0]
    padding = [[1, 1], [1, 1], [0, 0]]
    inside = tf.pad(tf.ones_like(smooth), padding) == 1
    return blend(tf.where(inside, tf.pad(smooth, padding), image), image, factor)


def moved(image, matrix):
    """TensorFlow Addons' transform to the nearest pixel; gray where there was none."""
    marked = tf.concat([image, tf.ones_like(image[:, :, :1])], 2)
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=marked[None],
        transforms=tf.reshape(tf.cast(tf.stack([*matrix, 0.0, 0.0]), tf.float32), [1, 8]),
        output_shape=image.shape[:2],
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )[0]
    return tf.where(result[:, :, 3:] == 0, tf.constant(GRAY, tf.uint8), result[:, :, :3])


def rotate(image, degrees):
    angle = tf.constant(degrees, tf.float32) * (math.pi / 180.0)
    height, width = (tf.constant(side - 1, tf.float32) for side in image.shape[:2])
    cos, sin = tf.cos(angle), tf.sin(angle)
    left = (width - (cos * width - sin * height)) / 2.0
    top = (height - (sin * width + cos * height)) / 2.0
    return moved(image, [cos, -sin, left, sin, cos, top])


def cutout(image, x, y, half):
    height, width = image.shape[:2]
    result = image.numpy().copy()
    result[max(0, y - half) : height - max(0, height - y - half), max(0, x - half) : width - max(0, width - x - half)] = GRAY
    return result


OPERATIONS = {
    "autoContrast": (auto_contrast, [()]),
    "equalize": (equalize, [()]),
    "invert": (lambda image: 255 - image, [()]),
    "rotate": (rotate, [(30.0,), (-30.0,), (15.0,), (-3.0,)]),
    "posterize": (posterize, [(4,), (2,), (0,)]),
    "solarize": (solarize, [(256,), (128,), (25,)]),
    "solarizeAdd": (solarize_add, [(110,), (11,)]),
    "color": (color, [(1.9,), (0.46,), (0.1,)]),
    "contrast": (contrast, [(1.9,), (0.46,)]),
    "brightness": (brightness, [(1.9,), (0.46,)]),
    "sharpness": (sharpness, [(1.9,), (0.46,)]),
    "shearX": (lambda image, level: moved(image, [1.0, level, 0.0, 0.0, 1.0, 0.0]), [(0.3,), (-0.3,), (0.12,)]),
    "shearY": (lambda image, level: moved(image, [1.0, 0.0, 0.0, level, 1.0, 0.0]), [(0.3,), (-0.3,), (0.12,)]),
    "translateX": (lambda image, pixels: moved(image, [1.0, 0.0, pixels, 0.0, 1.0, 0.0]), [(100.0,), (-10.0,), (4.5,)]),
    "translateY": (lambda image, pixels: moved(image, [1.0, 0.0, 0.0, 0.0, 1.0, pixels]), [(100.0,), (-10.0,), (4.5,)]),
    "cutout": (cutout, [(0, 0, 4), (3, 2, 40), (20, 10, 7)]),
}

tensors = {}
images = {name: image for name, image in load_file(HERE / "augmentation.safetensors").items() if "/" not in name}
generator = numpy.random.default_rng(21)
# Few values, in a part of the range: histograms with holes.
images["narrow"] = (generator.integers(0, 6, (31, 45, 3)) * [7, 19, 3] + [90, 40, 200]).astype(numpy.uint8)
tensors["narrow"] = images["narrow"]
for name, image in images.items():
    if name in ("parts", "cube"):
        continue
    for operation, (change, arguments) in OPERATIONS.items():
        for values in arguments:
            label = "/".join([name, operation, *(f"{value:g}" for value in values)])
            tensors[label] = numpy.ascontiguousarray(change(tf.constant(image), *values))
save_file(tensors, HERE / "randaugment.safetensors", {"tensorflow": tf.__version__})
