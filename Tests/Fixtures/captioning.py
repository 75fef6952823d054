"""The captioning decoder written out in PyTorch: logits, loss and gradients.

    python Tests/Fixtures/captioning.py      # needs torch, safetensors

`<case>/weights/<path>`, `/tokens` (a start, words, the end, filled up), `/memory` (an image's tokens), `/logits`, `/loss`,
`/gradient/<path>` and `/gradient/memory`. `cappa` is as big_vision's `cappa.py` has it: attention without biases, a layer of
its own for logits; `tied` has biases, the token table for logits and a memory of another width. In float64.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
VOCABULARY, CONTEXT, WIDTH, HEADS, HIDDEN, START, END = 13, 6, 8, 2, 12, 0, 1
TOKENS = torch.tensor(
    [[0, 4, 7, 1, 1, 1, 1], [0, 4, 7, 1, 5, 0, 12], [0, 2, 3, 9, 9, 11, 1], [0, 3, 3, 8, 2, 2, 6], [0, 1, 9, 9, 9, 9, 9]]
)


def linear(x, weights, path):
    return F.linear(x, weights[path + ".weight"], weights.get(path + ".bias"))


def norm(x, weights, path):
    return F.layer_norm(x, (WIDTH,), weights[path + ".scale"], weights[path + ".offset"], 1e-6)


def attend(weights, path, x, memory, causal):
    q, k, v = (
        linear(y, weights, f"{path}.{name}").unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for y, name in [(x, "query"), (memory, "key"), (memory, "value")]
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return linear(y.transpose(1, 2).flatten(2), weights, path + ".output")


def logits_of(weights, tokens, memory):
    if "memoryProjection.weight" in weights:
        memory = linear(memory, weights, "memoryProjection")
    x = weights["tokenEmbedding.table"][tokens] + weights["positionEmbedding"][: tokens.shape[1]]
    for index in range(2):
        block = f"decoder.blocks.{index}"
        y = norm(x, weights, block + ".norm1")
        x = x + attend(weights, block + ".attention", y, y, True)
        x = x + attend(weights, block + ".crossAttention", norm(x, weights, block + ".norm2"), memory, False)
        y = F.gelu(linear(norm(x, weights, block + ".norm3"), weights, block + ".mlp.fc1"), approximate="tanh")
        x = x + linear(y, weights, block + ".mlp.fc2")
    x = norm(x, weights, "decoder.norm")
    return linear(x, weights, "output") if "output.weight" in weights else x @ weights["tokenEmbedding.table"].T


def draw(is_tied, memory_width):
    def layer(path, outputs, inputs, bias):
        weights[path + ".weight"] = 1.2 * torch.randn(outputs, inputs) / inputs**0.5
        if bias:
            weights[path + ".bias"] = 0.3 * torch.randn(outputs)

    def scale(path):
        weights[path + ".scale"] = 1 + 0.3 * torch.randn(WIDTH)
        weights[path + ".offset"] = 0.3 * torch.randn(WIDTH)

    weights = {}
    if memory_width != WIDTH:
        layer("memoryProjection", WIDTH, memory_width, False)
    weights["tokenEmbedding.table"] = 0.5 * torch.randn(VOCABULARY, WIDTH)
    weights["positionEmbedding"] = 0.5 * torch.randn(CONTEXT, WIDTH)
    for index in range(2):
        block = f"decoder.blocks.{index}"
        for attention in ["attention", "crossAttention"]:
            for name in ["query", "key", "value", "output"]:
                layer(f"{block}.{attention}.{name}", WIDTH, WIDTH, is_tied)
        for number in [1, 2, 3]:
            scale(f"{block}.norm{number}")
        layer(block + ".mlp.fc1", HIDDEN, WIDTH, True)
        layer(block + ".mlp.fc2", WIDTH, HIDDEN, True)
    scale("decoder.norm")
    if not is_tied:
        layer("output", VOCABULARY, WIDTH, True)
    return {name: weight.float().double().requires_grad_() for name, weight in weights.items()}


arrays = {}
for case, is_tied, memory_width in [("cappa", False, WIDTH), ("tied", True, 5)]:
    weights = draw(is_tied, memory_width)
    memory = torch.randn(len(TOKENS), 3, memory_width).requires_grad_()
    logits = logits_of(weights, TOKENS[:, :-1], memory)
    # One text and one token at a time: those up to the end.
    losses = []
    for row, text in enumerate(TOKENS.tolist()):
        for position, token in enumerate(text[1:]):
            losses.append(-logits[row, position].log_softmax(-1)[token])
            if token == END:
                break
    loss = torch.stack(losses).mean()
    loss.backward()
    values = dict(tokens=TOKENS.int(), memory=memory, logits=logits, loss=loss)
    values |= {f"weights/{name}": weight for name, weight in weights.items()}
    values |= {f"gradient/{name}": leaf.grad for name, leaf in {**weights, "memory": memory}.items()}
    for name, value in values.items():
        value = value.detach()
        arrays[f"{case}/{name}"] = (value.float() if value.is_floating_point() else value).contiguous()
save_file(arrays, Path(__file__).with_suffix(".safetensors"))
