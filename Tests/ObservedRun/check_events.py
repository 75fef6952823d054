"""Reads the events of a run as TensorBoard does and compares them with what was written, number by number.

    check_events.py FOLDER      as ObservedRunTests leaves it; needs the package tensorboard
"""

import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator

folder = pathlib.Path(sys.argv[1])
events = event_accumulator.EventAccumulator(
    str(folder / "events"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()
tags = events.Tags()


def expect(condition, message):
    if not condition:
        sys.exit(f"check_events: {message}")


def single(number):
    """The nearest number of 32 bits."""
    return struct.unpack("f", struct.pack("f", number))[0]


# Every scalar, from both files of lines, in which a number that is not finite is null.
expected = {}
for name in ["metrics.jsonl", "machine.jsonl"]:
    for line in (folder / name).read_text().splitlines():
        numbers = json.loads(line)
        step = numbers.pop("step")
        for tag, number in numbers.items():
            expected.setdefault(tag, []).append((step, math.nan if number is None else single(number)))
expect(set(tags["scalars"]) == set(expected), f"scalars {tags['scalars']}, expected {sorted(expected)}")
count = 0
for tag, course in expected.items():
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    # NaN is unlike itself, but written like itself.
    expect(repr(found) == repr(course), f"other numbers of {tag}")
    count += len(found)
expect(count > 5000, f"only {count} numbers")

# Every picture and text.
picture = (folder / "picture.png").read_bytes()
expect(tags["images"] == ["samples/é"], f"images {tags['images']}")
images = events.Images("samples/é")
expect([image.step for image in images] == [0, 1, 1 << 40], "other steps of images")
for image in images:
    expect((image.width, image.height) == (4, 3), "other sizes of images")
    expect(image.encoded_image_string == picture and picture.startswith(b"\x89PNG"), "other images")
expect(tags["tensors"] == ["notes/text_summary"], f"texts {tags['tensors']}")
expect(events.SummaryMetadata("notes/text_summary").plugin_data.plugin_name == "text", "texts are not shown as such")
texts = [(event.step, event.tensor_proto.string_val[0].decode()) for event in events.Tensors("notes/text_summary")]
expect(texts == [(step, f"step *{step}*\n| 日本 |") for step in [0, 1, 1 << 40]], f"texts {texts}")

# The accumulator stops quietly at a record whose checksum is wrong: the count above would be too small. Seen to be so.
path = max((folder / "events").iterdir(), key=lambda file: file.stat().st_size)
whole = path.read_bytes()
damaged = folder / "damaged"
damaged.mkdir()
(damaged / path.name).write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
partial = event_accumulator.EventAccumulator(str(damaged), size_guidance={"scalars": 0})
partial.Reload()
left = sum(len(partial.Scalars(tag)) for tag in partial.Tags()["scalars"])
expect(left < count, "damage was not noticed")
print(f"tensorboard reads {count} numbers of {len(expected)} names, {len(images)} images and {len(texts)} texts")
