"""Writes efficientnet.safetensors: what PyTorch computes for two emoji with the examples' EfficientNet-Lite0.

Needs numpy, pillow, safetensors and torch (a CPU build is enough). Run from anywhere: python efficientnet.py

    pixels   F32 [2, 3, 96, 96]  the network's input
    features F32 [2, 1280]       the pooled features
    logits   F32 [2, 1000]       the ImageNet logits
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "Examples" / "Data"
sys.path.insert(0, str(DATA))

import efficientnet_lite0  # noqa: E402  (found through the line above)


def main():
    rows = (DATA / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]
    codes = [row.split("\t")[0] for row in rows]
    chosen = [codes.index(code) for code in ("1f355", "1f436")]  # pizza, dog face
    images = load_file(DATA / "images.safetensors")["images"][chosen].numpy()
    model = efficientnet_lite0.load(load_file(DATA / "efficientnet-lite0.safetensors"))
    pixels = efficientnet_lite0.preprocess(images, 96).contiguous()
    with torch.inference_mode():
        features, logits = model(pixels)
    tensors = {"pixels": pixels, "features": features, "logits": logits}
    save_file(tensors, HERE / "efficientnet.safetensors", metadata={"torch": torch.__version__})
    print("top classes:", logits.argmax(1).tolist())


if __name__ == "__main__":
    main()
