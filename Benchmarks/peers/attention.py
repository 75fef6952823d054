"""attention/12x64/tokens196/batch8: attention and its gradients; all operands lie as [batch, tokens, heads * width]."""

import re

import torch
from torch.nn import functional


def prepare(name, _):
    heads, width, tokens, batch = map(int, re.fullmatch(r"attention/(\d+)x(\d+)/tokens(\d+)/batch(\d+)(?:/bf16)?", name).groups())
    kind = torch.bfloat16 if name.endswith("/bf16") else torch.float32
    inputs = [torch.randn(batch, tokens, heads * width, dtype=kind, requires_grad=True) for _ in range(3)]
    seed = torch.randn(batch, tokens, heads * width, dtype=kind)

    def run():
        apart = [x.view(batch, tokens, heads, width).transpose(1, 2) for x in inputs]
        output = functional.scaled_dot_product_attention(*apart)
        torch.autograd.grad(output.transpose(1, 2).reshape(seed.shape), inputs, seed)

    return run
