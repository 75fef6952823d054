#!/usr/bin/env python3
"""Data for every task of `siglip evaluate`, and what has to be true of the results.

    .ci/evaluate.py make FOLDER    # FOLDER/photos, of one colour each: adds classes, labels.jsonl, captions.jsonl and images,
                                   # and random, a small model that transformers made
    .ci/evaluate.py check FOLDER   # FOLDER/results: by model and task
"""

import json
import shutil
import sys
from pathlib import Path

TASKS = ["zero-shot", "multi-label", "calibration", "retrieval", "crossmodal", "few-shot", "neighbors", "probe"]


def make(folder):
    photos = sorted((folder / "photos").iterdir())
    (folder / "images").mkdir(exist_ok=True)
    labels, captions = [], []
    for number, photo in enumerate(photos):
        own = folder / "classes" / photo.stem
        own.mkdir(parents=True, exist_ok=True)
        for copy in range(5):
            # One pixel tells copies apart.
            pixels = bytearray(photo.read_bytes())
            pixels[-1] ^= copy
            (own / f"{copy}.ppm").write_bytes(pixels)
        names = [photo.stem] + [photos[0].stem] * (number % 3 == 1)
        labels.append({"image": f"photos/{photo.name}", "captions": names})
        shutil.copyfile(photo, folder / "images" / f"{number:04x}.jpg")
        forms = {"caption": [photo.stem], "caption/tokenized": ["never read"]}
        captions.append({"image/key": f"{number:04x}", "image/locale": "en", "en": forms, "de": forms})
    for name, rows in [("labels", labels), ("captions", captions)]:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


    random_model(folder / "random")


def random_model(folder):
    import torch
    from transformers import SiglipConfig, SiglipModel

    sizes = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(3)
    SiglipModel(
        SiglipConfig(
            text_config={**sizes, "vocab_size": 8000, "projection_size": 96},
            vision_config={**sizes, "image_size": 64, "patch_size": 16},
        )
    ).save_pretrained(folder)


def check(folder):
    trained = json.loads((folder / "whole" / "evaluation.json").read_text())["retrieval"]
    for model in ["whole/model", "random"]:
        values = {}
        for task in TASKS:
            place = folder / "results" / model / task
            result = json.loads((place / "evaluation.json").read_text())
            page = (place / "evaluation.html").read_text()
            assert "<img" in page and "<script" not in page and "http" not in page, f"{place}: the page"
            for name, measure in result["measures"].items():
                values[task, name] = measure["value"]
                low, high = measure.get("low", measure["value"]), measure.get("high", measure["value"])
                # Drawing a few images again and again makes bins and ranks of their own.
                is_mean = name not in ["mean average precision"] and "calibration" not in name
                assert low <= measure["value"] <= high or not is_mean, f"{place}: {name} is outside its interval"
        if model == "whole/model":
            # What training says of the same data, and more than it takes to be no chance.
            for way in ["image_to_text", "text_to_image"]:
                found = values["retrieval", f"{way.replace('_', ' ')} R@1"]
                assert abs(found - trained[way]["r1"]) < 1e-12, f"{way}: {found}, {trained[way]['r1']} in training"
            for task in ["zero-shot", "few-shot", "neighbors", "probe"]:
                name = "3-shot accuracy" if task == "few-shot" else "accuracy@1"
                assert values[task, name] > 0.5, f"{task}: {values[task, name]}"
            assert values["multi-label", "mean average precision"] > 0.5
        crossmodal = values["crossmodal", "image to text R@1"]
        assert crossmodal == values["retrieval", "image to text R@1"], "the same captions in two languages"
        print(model, {task: round(value, 3) for (task, name), value in values.items() if name == "accuracy@1"})


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
