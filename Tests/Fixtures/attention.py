"""Attention and CLIP's loss by PyTorch, in double precision rounded to single: attention.safetensors.

    python Tests/Fixtures/attention.py

Layouts are Pairwise's: [B, T, H, D]. Made with torch 2.13.0.
"""

import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

generator = torch.Generator().manual_seed(0)
arrays = {}


def draw(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float32).double()


def keep(name, tensor):
    arrays[name] = tensor.detach().float().contiguous()


def attention(name, query, key, value, mask=None, is_causal=False):
    gradient = draw(query.shape[0], query.shape[1], query.shape[2], value.shape[3])
    leaves = [t.clone().requires_grad_() for t in (query, key, value)]
    output = F.scaled_dot_product_attention(
        *(t.transpose(1, 2) for t in leaves), attn_mask=mask, is_causal=is_causal
    ).transpose(1, 2)
    output.backward(gradient)
    for part, tensor in zip(("query", "key", "value"), leaves):
        keep(f"{name}.{part}", tensor)
        keep(f"{name}.{part}.gradient", tensor.grad)
    keep(f"{name}.gradient", gradient)
    keep(f"{name}.output", output)
    if mask is not None:
        keep(f"{name}.mask", mask)


attention("plain", draw(2, 7, 3, 8), draw(2, 5, 3, 8), draw(2, 5, 3, 6))
attention("causal", draw(1, 9, 2, 4), draw(1, 9, 2, 4), draw(1, 9, 2, 4), is_causal=True)
mask = draw(2, 1, 7, 5)
mask[0, 0, :, 3] = -torch.inf
mask[1, 0, 2, 1:] = -torch.inf
attention("masked", draw(2, 7, 3, 8), draw(2, 5, 3, 8), draw(2, 5, 3, 8), mask)
# Scores beyond 100: a softmax that overflows gives NaN.
attention("large", 12 * draw(1, 4, 2, 8), 12 * draw(1, 6, 2, 8), draw(1, 6, 2, 8))

images = F.normalize(draw(9, 6), dim=1).requires_grad_()
texts = F.normalize(draw(9, 6), dim=1).requires_grad_()
scale = torch.tensor(2.659, dtype=torch.float64, requires_grad=True)
logits = scale.exp() * images @ texts.T
labels = torch.arange(9)
loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
loss.backward()
for name, tensor in (("images", images), ("texts", texts), ("scale", scale)):
    keep(f"clip.{name}", tensor)
    keep(f"clip.{name}.gradient", tensor.grad)
keep("clip.loss", loss)

save_file(arrays, pathlib.Path(__file__).with_suffix(".safetensors"), metadata={"torch": torch.__version__})
