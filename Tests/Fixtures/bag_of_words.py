"""CLIP's bag-of-words text tower written out for one text at a time, and the gradient of CLIP's loss.

    python Tests/Fixtures/bag_of_words.py      # needs torch, safetensors

`endToken/...` has texts of CLIP's kind, which end at the first of the largest id, padded by 0 (a word too) and by that id;
`padding/...` texts filled up with an id of their own, before and between the words too, among them one of a single word and
one of none. In float64.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(4)
VOCABULARY, CONTEXT, WIDTH, OUTPUT, END, PADDING = 20, 6, 8, 5, 19, 1

TEXTS = {
    "endToken": [
        [18, 4, 0, 7, 19, 0],
        [18, 4, 0, 7, 19, 19],
        [18, 19, 0, 0, 0, 0],
        [19, 3, 3, 3, 3, 3],
        [18, 2, 5, 9, 9, 19],
    ],
    "padding": [
        [4, 0, 7, 1, 1, 1],
        [1, 4, 1, 0, 7, 1],
        [6, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
        [2, 5, 9, 9, 19, 3],
    ],
}


def words(kind, row):
    return row[: row.index(END) + 1] if kind == "endToken" else [token for token in row if token != PADDING]


def embed(row, table, scale, offset, weight, bias):
    mean = sum((table[token] for token in row), torch.zeros(WIDTH).double()) / max(1, len(row))
    centred = mean - mean.mean()
    normalized = centred / (centred.square().mean() + 1e-5).sqrt() * scale + offset
    return weight @ normalized + (bias if bias is not None else 0)


arrays = {}
for kind, rows in TEXTS.items():
    weights = {
        "tokenEmbedding.table": torch.randn(VOCABULARY, WIDTH),
        "norm.scale": 1 + 0.3 * torch.randn(WIDTH),
        "norm.offset": 0.3 * torch.randn(WIDTH),
        "projection.weight": torch.randn(OUTPUT, WIDTH) / WIDTH**0.5,
    }
    if kind == "padding":
        weights["projection.bias"] = 0.3 * torch.randn(OUTPUT)
    weights = {name: weight.double().requires_grad_() for name, weight in weights.items()}
    images = F.normalize(torch.randn(len(rows), OUTPUT).double(), dim=-1)
    table, scale, offset, weight, *bias = weights.values()
    texts = torch.stack(
        [embed(words(kind, row), table, scale, offset, weight, bias[0] if bias else None) for row in rows]
    )
    logits = 3 * images @ F.normalize(texts, dim=-1).T
    labels = torch.arange(len(rows))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    values = dict(tokens=torch.tensor(rows).int(), images=images, texts=texts, loss=loss)
    values |= {f"weights/{name}": weight for name, weight in weights.items()}
    values |= {f"gradient/{name}": weight.grad for name, weight in weights.items()}
    for name, value in values.items():
        value = value.detach()
        arrays[f"{kind}/{name}"] = (value.float() if value.is_floating_point() else value).contiguous()
save_file(arrays, Path(__file__).with_suffix(".safetensors"))
