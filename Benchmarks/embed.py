#!/usr/bin/env python3
"""From JPEG files to embeddings with SigLIP B/16-224: `siglip embed` and Python in turn, decoding included.

    swift build --package-path Examples -c release --traits ImageCodecs --product siglip
    Benchmarks/.venv/bin/python Benchmarks/embed.py --images 256 --rounds 3

Needs numpy, pillow, safetensors, torch, torchvision and transformers. Photos are made of the examples' pictures, the
model is random. Python's time is that of decoding (Pillow), transformers' fast processor and PyTorch; loading the
program and the model is left out, and a batch to warm up. `siglip embed` is given twice: that same part without a warm-up,
and the whole command with loading, writing the file and all.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parent / "Examples/.build/release/siglip"


def make_photos(folder: Path, count: int) -> None:
    """JPEGs of 640 x 480: pictures of all sizes on coloured gradients, with a camera's noise."""
    import numpy
    from PIL import Image
    from safetensors.numpy import load_file

    pictures = load_file(HERE.parent / "Examples/Data/images.safetensors")["images"]
    generator = numpy.random.default_rng(1)
    y, x = numpy.mgrid[:480, :640] / 480
    for number in range(count):
        directions, colors = generator.normal(size=(3, 2)), generator.uniform(60, 200, 3)
        back = colors + 60 * numpy.stack([numpy.sin(2 * (a * x + b * y)) for a, b in directions], -1)
        photo = Image.fromarray(back.clip(0, 255).astype(numpy.uint8))
        for _ in range(6):
            side = int(generator.integers(80, 320))
            picture = Image.fromarray(pictures[generator.integers(len(pictures))]).resize((side, side))
            photo.paste(picture, (int(generator.integers(-40, 600)), int(generator.integers(-40, 440))))
        noisy = numpy.asarray(photo) + generator.normal(0, 4, (480, 640, 3))
        Image.fromarray(noisy.clip(0, 255).astype(numpy.uint8)).save(folder / f"{number:04}.jpg", quality=90)


def make_model(folder: Path) -> None:
    import torch
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    torch.manual_seed(0)
    SiglipModel(SiglipConfig()).save_pretrained(folder)
    SiglipImageProcessor().save_pretrained(folder)


def serve_python(model: str, photos: str, batch_size: int, threads: int) -> None:
    """Embeds the photos once for every line on standard input; answers with seconds."""
    from concurrent.futures import ThreadPoolExecutor

    import torch
    from PIL import Image
    from safetensors.torch import save_file
    from transformers import SiglipImageProcessor, SiglipModel

    torch.set_num_threads(threads)
    tower = SiglipModel.from_pretrained(model, attn_implementation="sdpa").eval()
    processor = SiglipImageProcessor.from_pretrained(model)
    files = sorted(Path(photos).glob("*.jpg"))
    decode = lambda file: Image.open(file).convert("RGB")
    with ThreadPoolExecutor(threads) as pool, torch.inference_mode():
        for _ in sys.stdin:
            # What the system has taken back since the last round is not part of the work.
            tower.get_image_features(pixel_values=torch.zeros(batch_size, 3, 224, 224))
            start, embeds = time.perf_counter(), []
            for first in range(0, len(files), batch_size):
                images = list(pool.map(decode, files[first : first + batch_size]))
                pixels = processor(images, return_tensors="pt")["pixel_values"]
                pooled = tower.get_image_features(pixel_values=pixels)
                pooled = getattr(pooled, "pooler_output", pooled)
                embeds.append(pooled / pooled.norm(dim=-1, keepdim=True))
            result = torch.cat(embeds)
            seconds = time.perf_counter() - start
            save_file({"image_embeds": result}, Path(photos) / "python.safetensors")
            print(json.dumps(seconds), flush=True)


def time_siglip(model: Path, photos: Path, batch_size: int) -> tuple[float, float]:
    """Seconds from the first file to the last embedding, and of the whole command."""
    start = time.perf_counter()
    output = subprocess.run(
        [PROGRAM, "embed", photos, "--model", model, "--batch-size", str(batch_size)]
        + ["--output", photos / "siglip.safetensors"], check=True, capture_output=True, text=True).stdout
    whole = time.perf_counter() - start
    return float(re.search(r"embedded in ([0-9.]+) s", output)[1]), whole


def compare_embeddings(photos: Path) -> None:
    from safetensors.numpy import load_file

    ours, theirs = (load_file(photos / f"{who}.safetensors")["image_embeds"] for who in ["siglip", "python"])
    cosines = (ours * theirs).sum(1)
    print(f"cosine of the embeddings of both: {cosines.min():.6f} at least, {cosines.mean():.6f} on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where photos and model are kept; a temporary one if not given")
    parser.add_argument("--prepare", action="store_true", help="only make photos and model")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve_python(*options.serve, options.batch_size, options.threads)

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        model, photos = folder / "model", folder / f"photos-{options.images}"
        if not model.exists():
            make_model(model)
        if not photos.exists():
            photos.mkdir(parents=True)
            make_photos(photos, options.images)
        if options.prepare:
            return
        python = subprocess.Popen(
            [sys.executable, __file__, "--serve", model, photos, "--batch-size", str(options.batch_size)]
            + ["--threads", str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ratios = []
        for _ in range(options.rounds):
            work, whole = time_siglip(model, photos, options.batch_size)
            python.stdin.write("\n")
            python.stdin.flush()
            theirs = json.loads(python.stdout.readline())
            ratios.append(theirs / work)
            print(f"siglip embed {work:.2f} s (whole command {whole:.2f} s), Python {theirs:.2f} s: "
                  f"{theirs / work:.2f} times as fast, whole command {theirs / whole:.2f}", flush=True)
        python.stdin.close()
        python.wait()
        print(f"{options.images} images, median of {options.rounds}: {sorted(ratios)[len(ratios) // 2]:.2f} times as fast")
        compare_embeddings(photos)


if __name__ == "__main__":
    main()
