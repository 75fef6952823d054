"""Writes what transformers' SigLIP computes with small random weights: embeddings, logits, loss and all gradients.

    python Tests/Fixtures/siglip.py      # needs torch, transformers, safetensors

Names are `<case>/weight/<name in transformers>`, `<case>/gradient/<name in transformers>` (of the loss),
`<case>/pixels`, `<case>/input_ids`, `<case>/image_features` and `<case>/text_features` (what the towers give),
`<case>/image_embeddings` and `<case>/text_embeddings` (of length 1), `<case>/logits_per_image` and `<case>/loss`.
Computed in float64.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import SiglipConfig, SiglipModel

torch.manual_seed(7)
arrays = {}


def draw(name, shape):
    """Weights of which none is zero, and no scale one: either would hide errors."""
    if name == "logit_scale":
        return torch.full(shape, 1.3)
    if name == "logit_bias":
        return torch.full(shape, -1.7)
    values = torch.randn(shape)
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.3 * values
    if name.endswith("bias"):
        return 0.3 * values
    if "embedding" in name or "probe" in name:
        return 0.5 * values
    return 1.2 * values / shape[-1] ** 0.5


def run(case, *, patch, width, depth, heads, hidden, batch):
    sizes = dict(
        hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=hidden
    )
    config = SiglipConfig(
        vision_config=dict(image_size=32, patch_size=patch, **sizes),
        text_config=dict(
            vocab_size=50, max_position_embeddings=7, projection_size=width, bos_token_id=None, eos_token_id=None, **sizes
        ),
        # The other implementation computes the softmax in float32.
        attn_implementation="sdpa",
    )
    model = SiglipModel(config).double().eval()
    for name, parameter in model.named_parameters():
        # Rounded to what the file holds.
        parameter.data = draw(name, parameter.shape).float().double()
    pixels = (torch.rand(batch, 3, 32, 32) * 2 - 1).float()
    ids = torch.randint(50, (batch, 7))
    result = model(input_ids=ids, pixel_values=pixels.double(), return_loss=True)
    result.loss.backward()

    def put(name, tensor):
        tensor = tensor.detach()
        arrays[f"{case}/{name}"] = (tensor.float() if tensor.is_floating_point() else tensor.int()).contiguous()

    put("pixels", pixels)
    put("input_ids", ids)
    put("image_features", result.vision_model_output.pooler_output)
    put("text_features", result.text_model_output.pooler_output)
    put("image_embeddings", result.image_embeds)
    put("text_embeddings", result.text_embeds)
    put("logits_per_image", result.logits_per_image)
    put("loss", result.loss)
    for name, parameter in model.named_parameters():
        put(f"weight/{name}", parameter)
        put(f"gradient/{name}", parameter.grad)


run("siglip", patch=8, width=32, depth=2, heads=4, hidden=64, batch=4)
# 3 x 3 patches of 10 pixels: two rows and two columns of each image belong to none.
run("dropped", patch=10, width=16, depth=1, heads=2, hidden=24, batch=3)
save_file(arrays, Path(__file__).with_suffix(".safetensors"))
