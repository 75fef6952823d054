"""Writes what PyTorch's layers compute: outputs, and gradients with respect to every input and parameter.

    python Tests/Fixtures/layers.py      # needs numpy, torch, safetensors

Names are `<case>/parameter/<path in Pairwise>`, `<case>/input/<name>`, `<case>/seed` (the gradient that flows into the
output), `<case>/output`, `<case>/gradient/<path or input name>` and `<case>/buffer/<path>`. Computed in float64.
"""

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).parent / "layers"
torch.set_default_dtype(torch.float64)


class Recorder:
    def __init__(self):
        self.arrays = {}

    def put(self, name, tensor):
        kind = torch.int32 if tensor.dtype == torch.int64 else torch.float32
        self.arrays[name] = tensor.detach().to(kind).contiguous().clone()

    def run(self, case, parameters, inputs, body):
        """`parameters` maps our paths to leaves, `inputs` our input names to tensors."""
        leaves = {n: t for n, t in {**parameters, **inputs}.items() if t.dtype.is_floating_point}
        for tensor in leaves.values():
            tensor.requires_grad_(True)
        output = body(**inputs)
        seed = torch.randn(output.shape)
        gradients = torch.autograd.grad(output, list(leaves.values()), seed)
        for name, tensor in parameters.items():
            self.put(f"{case}/parameter/{name}", tensor)
        for name, tensor in inputs.items():
            self.put(f"{case}/input/{name}", tensor)
        self.put(f"{case}/seed", seed)
        self.put(f"{case}/output", output)
        for name, tensor in zip(leaves, gradients):
            self.put(f"{case}/gradient/{name}", tensor)


def randomize(module):
    """Biases and scales too: zeros and ones would hide errors."""
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape) * 0.4
    return module


def split_attention(attention, prefix=""):
    """The fused projection as three matrices, tied back together so that gradients reach each."""
    weights = [w.clone() for w in attention.in_proj_weight.data.chunk(3)]
    biases = [b.clone() for b in attention.in_proj_bias.data.chunk(3)]
    leaves = {}
    for name, weight, bias in zip(["query", "key", "value"], weights, biases):
        leaves[f"{prefix}{name}.weight"] = weight
        leaves[f"{prefix}{name}.bias"] = bias
    leaves[f"{prefix}output.weight"] = attention.out_proj.weight.data.clone()
    leaves[f"{prefix}output.bias"] = attention.out_proj.bias.data.clone()
    return leaves


def attend(leaves, prefix, heads, query, memory, mask=None):
    names = ["query", "key", "value"]
    return nn.functional.multi_head_attention_forward(
        query.transpose(0, 1), memory.transpose(0, 1), memory.transpose(0, 1), query.shape[-1], heads,
        torch.cat([leaves[f"{prefix}{n}.weight"] for n in names]),
        torch.cat([leaves[f"{prefix}{n}.bias"] for n in names]), None, None, False, 0.0,
        leaves[f"{prefix}output.weight"], leaves[f"{prefix}output.bias"], need_weights=False, attn_mask=mask,
    )[0].transpose(0, 1)


def record_decoder(recorder):
    """PyTorch's whole decoder, its parameters under our names."""
    gelu = partial(nn.functional.gelu, approximate="tanh")
    layer = nn.TransformerDecoderLayer(
        6, 2, 10, dropout=0.0, activation=gelu, layer_norm_eps=1e-6, batch_first=True, norm_first=True)
    decoder = randomize(nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(6, eps=1e-6)))
    leaves = {"norm.scale": decoder.norm.weight, "norm.offset": decoder.norm.bias}
    for index, block in enumerate(decoder.layers):
        prefix = f"blocks.{index}."
        for number in [1, 2, 3]:
            norm = block.get_submodule(f"norm{number}")
            leaves |= {f"{prefix}norm{number}.scale": norm.weight, f"{prefix}norm{number}.offset": norm.bias}
        for number in [1, 2]:
            linear = block.get_submodule(f"linear{number}")
            leaves |= {f"{prefix}mlp.fc{number}.weight": linear.weight, f"{prefix}mlp.fc{number}.bias": linear.bias}
        leaves |= split_attention(block.self_attn, prefix + "attention.")
        leaves |= split_attention(block.multihead_attn, prefix + "crossAttention.")
    mask = torch.full((5, 5), -torch.inf).triu(1)

    def transform(x, memory):
        for index, block in enumerate(decoder.layers):
            prefix = f"blocks.{index}."
            y = block.norm1(x)
            x = x + attend(leaves, prefix + "attention.", 2, y, y, mask)
            x = x + attend(leaves, prefix + "crossAttention.", 2, block.norm2(x), memory)
            x = x + block.linear2(gelu(block.linear1(block.norm3(x))))
        return decoder.norm(x)

    x, memory = torch.randn(2, 5, 6), torch.randn(2, 3, 6)
    recorder.run("decoder", leaves, {"x": x, "memory": memory}, transform)
    torch.testing.assert_close(decoder.train()(x, memory, tgt_mask=mask), transform(x, memory))


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    recorder = Recorder()
    weights = {"weight": torch.randn(4, 3), "bias": torch.randn(4)}
    recorder.run("linear", weights, {"x": torch.randn(2, 5, 3)},
                 lambda x: nn.functional.linear(x, weights["weight"], weights["bias"]))

    conv = {"weight": torch.randn(6, 2, 3, 2), "bias": torch.randn(6)}
    recorder.run("conv2d", conv, {"x": torch.randn(2, 4, 7, 6)},
                 lambda x: nn.functional.conv2d(x, conv["weight"], conv["bias"], stride=(2, 1), padding=(1, 2),
                                                dilation=(1, 2), groups=2))
    patch = {"weight": torch.randn(5, 3, 4, 4), "bias": torch.randn(5)}
    recorder.run("patches", patch, {"x": torch.randn(2, 3, 9, 8)},
                 lambda x: nn.functional.conv2d(x, patch["weight"], patch["bias"], stride=4))

    table = {"table": torch.randn(7, 3)}
    recorder.run("embedding", table, {"indices": torch.tensor([[1, 6, 1], [0, 3, 1]])},
                 lambda indices: nn.functional.embedding(indices, table["table"]))

    norm = {"scale": torch.randn(6), "offset": torch.randn(6)}
    recorder.run("layerNorm", norm, {"x": torch.randn(2, 3, 6) * 2 + 1},
                 lambda x: nn.functional.layer_norm(x, (6,), norm["scale"], norm["offset"], 1e-6))

    for case in ["train", "evaluate"]:
        batch = {"scale": torch.randn(3), "offset": torch.randn(3)}
        mean, variance = torch.randn(3), torch.rand(3) + 0.5
        recorder.put(f"batchNorm.{case}/buffer/runningMean", mean)
        recorder.put(f"batchNorm.{case}/buffer/runningVariance", variance)
        recorder.run(f"batchNorm.{case}", batch, {"x": torch.randn(4, 3, 2, 5) * 3 + 1},
                     lambda x: nn.functional.batch_norm(x, mean, variance, batch["scale"], batch["offset"],
                                                        case == "train", 0.1, 1e-3))
        recorder.put(f"batchNorm.{case}/after/runningMean", mean)
        recorder.put(f"batchNorm.{case}/after/runningVariance", variance)

    mlp = randomize(nn.ModuleDict({"fc1": nn.Linear(6, 10), "fc2": nn.Linear(10, 6)}))
    gelu = partial(nn.functional.gelu, approximate="tanh")
    recorder.run("mlp", dict(mlp.named_parameters()), {"x": torch.randn(2, 3, 6)},
                 lambda x: mlp["fc2"](gelu(mlp["fc1"](x))))

    attention = randomize(nn.MultiheadAttention(6, 2, batch_first=True))
    leaves = split_attention(attention)
    recorder.run("attention.self", leaves, {"x": torch.randn(2, 5, 6)},
                 lambda x: attend(leaves, "", 2, x, x))
    leaves_cross = split_attention(attention)
    recorder.run("attention.cross", leaves_cross, {"x": torch.randn(2, 3, 6), "memory": torch.randn(2, 5, 6)},
                 lambda x, memory: attend(leaves_cross, "", 2, x, memory))
    leaves_masked = split_attention(attention)
    mask = torch.full((5, 5), -torch.inf).triu(1)
    recorder.put("attention.masked/mask", mask)
    recorder.run("attention.masked", leaves_masked, {"x": torch.randn(2, 5, 6)},
                 lambda x: attend(leaves_masked, "", 2, x, x, mask))

    layer = randomize(nn.TransformerEncoderLayer(
        6, 2, 10, dropout=0.0, activation=gelu, layer_norm_eps=1e-6, batch_first=True, norm_first=True))
    block = split_attention(layer.self_attn, "attention.")
    names = {"norm1.weight": "norm1.scale", "norm1.bias": "norm1.offset", "norm2.weight": "norm2.scale",
             "norm2.bias": "norm2.offset", "linear1.weight": "mlp.fc1.weight", "linear1.bias": "mlp.fc1.bias",
             "linear2.weight": "mlp.fc2.weight", "linear2.bias": "mlp.fc2.bias"}
    for theirs, ours in names.items():
        block[ours] = layer.get_parameter(theirs)

    def transform(x):
        normalized = layer.norm1(x)
        x = x + attend(block, "attention.", 2, normalized, normalized)
        return x + layer.linear2(gelu(layer.linear1(layer.norm2(x))))

    x = torch.randn(2, 5, 6)
    recorder.run("block", block, {"x": x}, transform)
    torch.testing.assert_close(layer.train()(x), transform(x))

    group = {"scale": torch.randn(4), "offset": torch.randn(4)}
    recorder.run("groupNorm", group, {"x": torch.randn(2, 4, 3, 5) * 2 + 1},
                 lambda x: nn.functional.group_norm(x, 2, group["scale"], group["offset"], 1e-5))
    rms = {"scale": torch.randn(6)}
    recorder.run("rmsNorm", rms, {"x": torch.randn(2, 3, 6) * 2 + 1},
                 lambda x: nn.functional.rms_norm(x, (6,), rms["scale"], 1e-6))
    line = {"weight": torch.randn(6, 2, 3), "bias": torch.randn(6)}
    recorder.run("conv1d", line, {"x": torch.randn(2, 4, 9)},
                 lambda x: nn.functional.conv1d(x, line["weight"], line["bias"], stride=2, padding=1, groups=2))
    larger = {"weight": torch.randn(4, 3, 3, 3), "bias": torch.randn(3)}
    recorder.run("convTransposed2d", larger, {"x": torch.randn(2, 4, 3, 4)},
                 lambda x: nn.functional.conv_transpose2d(x, larger["weight"], larger["bias"], stride=2, padding=1,
                                                          output_padding=1))
    record_decoder(recorder)
    save_file(recorder.arrays, FOLDER / "layers.safetensors", metadata={"torch": torch.__version__})


if __name__ == "__main__":
    main()
