"""train/loader/photos/512: torch's DataLoader with two workers, and what open_clip makes its transforms of: torchvision's
classes on Pillow's images. Captions are tokenised by sentencepiece."""

import csv
import re
import sys
from pathlib import Path

import torch
from PIL import Image
from sentencepiece import SentencePieceProcessor
from torch.utils.data import DataLoader, Dataset

BENCHMARKS = Path(__file__).resolve().parents[1]
# See environment.py.
sys.path.append(str(BENCHMARKS / ".venv/torchvision"))
# torchvision's usual build does not load its operations beside a torch for CPUs, and stops where it names them. The
# transforms need none.
library = torch.library.Library("torchvision", "FRAGMENT")
for name in "nms", "qnms":
    if not hasattr(torch.ops.torchvision, name):
        library.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")

from torchvision import transforms

BATCH, CONTEXT, SIDE = 32, 64, 224


class Pairs(Dataset):
    """Image files with captions, as `TrainingData.swift` makes them tensors."""

    def __init__(self, folder):
        with open(folder / "train.tsv", encoding="utf-8", newline="") as file:
            self.rows = list(csv.reader(file, delimiter="\t"))[1:]
        self.folder = folder
        self.tokenizer = SentencePieceProcessor(
            model_file=str(BENCHMARKS.parent / "Examples/Data/tokenizer.model"))
        self.transform = transforms.Compose([
            transforms.RandAugment(2, 10),
            transforms.Resize((SIDE, SIDE), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ])

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        path, caption = self.rows[index]
        with Image.open(self.folder / path) as file:
            image = self.transform(file.convert("RGB"))
        # The rule of big_vision: small letters, no punctuation.
        text = " ".join(re.sub(r"[^\w\s]|_", "", caption.lower()).split())
        tokens = self.tokenizer.encode(text)[: CONTEXT - 1] + [1]
        return image, torch.tensor(tokens + [1] * (CONTEXT - len(tokens)))


def prepare(name, _):
    pictures, count = re.fullmatch(r"train/loader/(\w+)/(\d+)", name).groups()
    loader = DataLoader(Pairs(BENCHMARKS / ".pictures" / pictures), batch_size=BATCH, shuffle=True, drop_last=True,
                        num_workers=2, persistent_workers=True)

    def endless():
        while True:
            yield from loader

    batches = endless()

    def run():
        for _ in range(int(count) // BATCH):
            next(batches)

    return run
