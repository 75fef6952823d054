"""Writes tiny random models of every SigLIP architecture as published tools save them, and what these tools compute.

    python Tests/Fixtures/siglip_family.py     # needs torch, torchvision, transformers, open_clip_torch, timm, scipy,
                                               # numpy, ml_dtypes, safetensors

`siglip_family/<case>/` is a checkpoint (transformers' or open_clip's own files), and beside it:

    expected.safetensors    what goes in: pixels, or patches and grids (NaFlex); input_ids. What comes out:
                            image_features and text_features (what the towers give), image_embeds and text_embeds (of
                            length 1), logits_per_image, loss. Computed in float64 with the weights as they are stored.
    gradient.safetensors    the loss's gradient, under the weights' names

`siglip_family/*.npz` are some of them as big_vision saves them. `siglip_family/positions.safetensors` are grids of
positions, `<name>/grid`, resized by everyone's own code, `<name>/<method>`. Versions are in the metadata of every
expected.safetensors.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path

import ml_dtypes
import numpy as np
import open_clip
import scipy.ndimage
import timm
import torch
import torch.nn.functional as F
from random_models import randomize, save
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from transformers import Siglip2Config, Siglip2Model, SiglipConfig, SiglipModel

torch.manual_seed(11)
HERE = Path(__file__).with_suffix("")
VERSIONS = {
    name: importlib.metadata.version(name)
    for name in ["torch", "transformers", "open_clip_torch", "timm", "scipy", "numpy"]
}
shutil.rmtree(HERE, ignore_errors=True)
HERE.mkdir()


def hugging_face(case, config, dtype, inputs, **options):
    config._attn_implementation = "sdpa"  # the other one computes the softmax in float32
    model = (Siglip2Model if isinstance(config, Siglip2Config) else SiglipModel)(config)
    randomize(model, dtype)
    folder = HERE / case
    model.to(dtype).save_pretrained(folder, **options)
    model.double()
    state = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    arguments = {
        "pixels": "pixel_values", "patches": "pixel_values", "grids": "spatial_shapes", "mask": "pixel_attention_mask"
    }
    result = model(
        **{arguments.get(k, k): v.double() if v.is_floating_point() else v for k, v in inputs.items()},
        return_loss=True,
    )
    save(
        folder,
        VERSIONS,
        model,
        inputs,
        {
            "image_features": result.vision_model_output.pooler_output,
            "text_features": result.text_model_output.pooler_output,
            "image_embeds": result.image_embeds,
            "text_embeds": result.text_embeds,
            "logits_per_image": result.logits_per_image,
            "loss": result.loss,
        },
    )
    return state


def sizes(width, depth, heads, hidden):
    return dict(
        hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=hidden
    )


def texts(vocabulary, context, **options):
    return dict(
        vocab_size=vocabulary, max_position_embeddings=context, bos_token_id=None, eos_token_id=None, **options
    )


def open_clip_case(case, *, vision_exact, text_exact, head, width=16, depth=2, heads=2, hidden=40, batch=3):
    @timm.models.register_model
    def vit_siglip(pretrained=False, pretrained_cfg=None, pretrained_cfg_overlay=None, **options):
        options.pop("cache_dir", None)
        model = VisionTransformer(
            img_size=12,
            patch_size=4, embed_dim=width, depth=depth, num_heads=heads, mlp_ratio=hidden / width, class_token=False,
            act_layer="gelu" if vision_exact else "gelu_tanh", **options,
        )
        model.default_cfg = dict(input_size=(3, 12, 12))
        return model

    gelu = lambda exact: {"approximate": "none" if exact else "tanh"}
    text = dict(
        context_length=6, vocab_size=40, width=width, heads=heads, layers=depth, mlp_ratio=hidden / width,
        no_causal_mask=True, pool_type="last", norm_kwargs=dict(eps=1e-6),
    )
    if not text_exact:
        text["act_kwargs"] = gelu(False)
    text.update(dict(proj_bias=True) if head else dict(proj_type="none"))
    vision = dict(
        image_size=12, timm_model_name="vit_siglip", timm_model_pretrained=False, timm_pool="map", timm_proj="none",
        layers=depth, width=width, head_width=width // heads, patch_size=4, mlp_ratio=hidden / width,
        act_kwargs=gelu(vision_exact),
    )
    config = dict(embed_dim=width, init_logit_bias=-10, custom_text=True, vision_cfg=vision, text_cfg=text)
    model = open_clip.model.CustomTextCLIP(
        embed_dim=width, vision_cfg=vision, text_cfg=text, init_logit_bias=-10
    )
    randomize(model, torch.float32)
    folder = HERE / case
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(dict(model_cfg=config, preprocess_cfg={}), indent=1))
    state = {name: tensor.float().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    pixels = torch.rand(batch, 3, 12, 12) * 2 - 1
    ids = torch.randint(40, (batch, 6))
    image, words = model.encode_image(pixels.double()), model.encode_text(ids)
    x, y = F.normalize(image, dim=-1), F.normalize(words, dim=-1)
    save(
        folder,
        VERSIONS,
        model,
        dict(pixels=pixels, input_ids=ids),
        dict(
            image_features=image, text_features=words, image_embeds=x, text_embeds=y,
            logits_per_image=model.get_logits(pixels.double(), ids)[0],
            loss=open_clip.loss.SigLipLoss()(x, y, model.logit_scale.exp(), model.logit_bias),
        ),
    )


def big_vision(name, state, dtype, *, heads, depth, stacked, prefix="", compress=False, extra={}):
    """The weights of transformers' model in big_vision's layout."""
    tree = {}

    def kernel(weight):
        return weight.T

    def linear(target, weight, bias, split=None):
        w, b = kernel(weight), bias
        if split == "out":
            w, b = w.reshape(w.shape[0], heads, -1), b.reshape(heads, -1)
        if split == "in":
            w = w.reshape(heads, -1, w.shape[-1])
        tree[target + "/kernel"], tree[target + "/bias"] = w, b

    def norm(target, source):
        tree[target + "/scale"], tree[target + "/bias"] = state[source + ".weight"], state[source + ".bias"]

    def mlp(target, source):
        for i in (0, 1):
            linear(
                f"{target}/MlpBlock_0/Dense_{i}", state[f"{source}.mlp.fc{i + 1}.weight"],
                state[f"{source}.mlp.fc{i + 1}.bias"],
            )

    for tower, target in [("vision_model", "img/Transformer"), ("text_model", "txt/Encoder_0")]:
        for i in range(depth):
            source, block = f"{tower}.encoder.layers.{i}", f"{target}/encoderblock_{i}"
            norm(block + "/LayerNorm_0", source + ".layer_norm1")
            norm(block + "/LayerNorm_1", source + ".layer_norm2")
            attention = block + "/MultiHeadDotProductAttention_0/"
            for ours, theirs, split in [
                ("query", "q_proj", "out"), ("key", "k_proj", "out"), ("value", "v_proj", "out"), ("out", "out_proj", "in")
            ]:
                projection = f"{source}.self_attn.{theirs}"
                linear(attention + ours, state[projection + ".weight"], state[projection + ".bias"], split)
            mlp(block, source)
    norm("img/Transformer/encoder_norm", "vision_model.post_layernorm")
    norm("txt/Encoder_0/encoder_norm", "text_model.final_layer_norm")

    patches = state["vision_model.embeddings.patch_embedding.weight"]
    tree["img/embedding/kernel"] = patches.T if patches.ndim == 2 else patches.transpose(2, 3, 1, 0)
    tree["img/embedding/bias"] = state["vision_model.embeddings.patch_embedding.bias"]
    positions = state["vision_model.embeddings.position_embedding.weight"]
    side = int(len(positions) ** 0.5)
    tree["img/pos_embedding"] = positions.reshape(side, side, -1) if patches.ndim == 2 else positions[None]
    tree["img/MAPHead_0/probe"] = state["vision_model.head.probe"]
    pool = "img/MAPHead_0/MultiHeadDotProductAttention_0/"
    parts = zip(
        ["query", "key", "value"],
        np.split(state["vision_model.head.attention.in_proj_weight"], 3),
        np.split(state["vision_model.head.attention.in_proj_bias"], 3),
    )
    for part, weight, bias in parts:
        linear(pool + part, weight, bias, "out")
    out = "vision_model.head.attention.out_proj"
    linear(pool + "out", state[out + ".weight"], state[out + ".bias"], "in")
    norm("img/MAPHead_0/LayerNorm_0", "vision_model.head.layernorm")
    mlp("img/MAPHead_0", "vision_model.head")

    tree["txt/Embed_0/embedding"] = state["text_model.embeddings.token_embedding.weight"]
    tree["txt/pos_embedding"] = state["text_model.embeddings.position_embedding.weight"][None]
    linear("txt/head", state["text_model.head.weight"], state["text_model.head.bias"])
    tree["t"], tree["b"] = state["logit_scale"], state["logit_bias"]
    if stacked:
        for name_0 in [name for name in tree if "encoderblock_0/" in name]:
            tree[name_0.replace("encoderblock_0", "encoderblock")] = np.stack(
                [tree.pop(name_0.replace("encoderblock_0", f"encoderblock_{i}")) for i in range(depth)]
            )
    arrays = {prefix + name: np.ascontiguousarray(array).astype(dtype) for name, array in tree.items()}
    (np.savez_compressed if compress else np.savez)(HERE / name, **arrays, **extra)


def numpy(state):
    return {name: tensor.numpy() for name, tensor in state.items()}


pixels = lambda batch, side: torch.rand(batch, 3, side, side) * 2 - 1
ids = lambda batch, context, vocabulary=40: torch.randint(vocabulary, (batch, context))

# Version 1, 16 tokens; 11 pixels of which a grid of 2 x 2 patches leaves out the last three; in several files.
state = hugging_face(
    "v1-16",
    SiglipConfig(
        vision_config=dict(image_size=11, patch_size=4, **sizes(16, 2, 2, 24)),
        text_config=texts(40, 16, projection_size=16, **sizes(16, 2, 2, 24)),
    ),
    torch.float32,
    dict(pixels=pixels(4, 11), input_ids=ids(4, 16)),
    max_shard_size="20KB",
)
big_vision(
    "v1-16.npz", numpy(state), np.float32, heads=2, depth=2, stacked=False, prefix="params/", compress=True,
    extra={"opt/0/count": np.int32(3)},
)

# Version 1, 64 tokens, with exact GELU; bfloat16.
state = hugging_face(
    "v1-64",
    SiglipConfig(
        vision_config=dict(image_size=12, patch_size=4, hidden_act="gelu", **sizes(16, 2, 2, 24)),
        text_config=texts(40, 64, hidden_act="gelu", **sizes(16, 2, 2, 24)),
    ),
    torch.bfloat16,
    dict(pixels=pixels(3, 12), input_ids=ids(3, 64)),
)

# Version 2 with a larger image tower, as g-opt; float16.
hugging_face(
    "v2-gopt",
    SiglipConfig(
        vision_config=dict(image_size=12, patch_size=4, **sizes(24, 3, 4, 32)),
        text_config=texts(60, 9, projection_size=24, **sizes(16, 2, 2, 20)),
    ),
    torch.float16,
    dict(pixels=pixels(5, 12), input_ids=ids(5, 9, 60)),
)

# NaFlex: one image fills the sequence, the others do not; one has a grid larger than that of the positions.
grids = torch.tensor([[3, 4], [2, 3], [1, 10], [4, 2]])
mask = torch.stack([torch.arange(12) < h * w for h, w in grids.tolist()]).long()
state = hugging_face(
    "v2-naflex",
    Siglip2Config(
        vision_config=dict(num_patches=16, patch_size=2, **sizes(16, 2, 2, 24)),
        text_config=texts(40, 7, projection_size=16, **sizes(16, 2, 2, 24)),
    ),
    torch.bfloat16,
    dict(
        patches=(torch.rand(4, 12, 12) * 2 - 1) * mask[:, :, None], grids=grids, mask=mask, input_ids=ids(4, 7)
    ),
)
big_vision("v2-naflex.npz", numpy(state), ml_dtypes.bfloat16, heads=2, depth=2, stacked=True)

# Version 1 in open_clip: exact GELU. The international So400m: GELU differs between the towers, no projection of texts.
open_clip_case("open_clip-v1", vision_exact=True, text_exact=True, head=True)
open_clip_case("open_clip-i18n", vision_exact=False, text_exact=True, head=False)

positions = {}
for name, (side, height, width) in {"larger": (4, 6, 6), "smaller": (7, 5, 5), "uneven": (6, 4, 9)}.items():
    grid = torch.randn(side * side, 3)
    image = grid.reshape(1, side, side, 3).permute(0, 3, 1, 2)
    flat = lambda image: image.permute(0, 2, 3, 1).reshape(height * width, 3)
    positions[f"{name}/grid"] = grid
    positions[f"{name}/size"] = torch.tensor([height, width], dtype=torch.int32)
    positions[f"{name}/linearZoom"] = torch.tensor(
        scipy.ndimage.zoom(grid.reshape(side, side, 3).numpy(), (height / side, width / side, 1), order=1)
    ).reshape(height * width, 3)
    positions[f"{name}/bicubic"] = flat(F.interpolate(image, (height, width), mode="bicubic", align_corners=False))
    positions[f"{name}/bicubicAntialiased"] = resample_abs_pos_embed(
        grid[None], [height, width], [side, side], num_prefix_tokens=0
    )[0]
    positions[f"{name}/bilinearAntialiased"] = flat(
        F.interpolate(image, (height, width), mode="bilinear", align_corners=False, antialias=True)
    )
save_file({name: tensor.contiguous() for name, tensor in positions.items()}, HERE / "positions.safetensors", VERSIONS)
