"""Writes tiny random models of CLIP's architectures as published tools save them, and what these tools compute.

    python Tests/Fixtures/clip_family.py     # needs torch, torchvision, transformers, open_clip_torch, safetensors

`clip_family/<case>/` is a checkpoint, and beside it `expected.safetensors` and `gradient.safetensors`, as siglip_family.py
describes them. Where there is batch normalisation, `training/` has the loss and its gradient while training, with the running
statistics after that step.

    python Tests/Fixtures/clip_family.py FOLDER     # residual networks of the published depths in folders of FOLDER, each
                                                    # for CheckpointParityTests by PAIRWISE_SIGLIP_REFERENCE=FOLDER/<depths>
"""

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from random_models import randomize, save, save_gradient
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel

torch.manual_seed(12)
HERE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix("")
VERSIONS = {name: importlib.metadata.version(name) for name in ["torch", "transformers", "open_clip_torch"]}
shutil.rmtree(HERE, ignore_errors=True)
HERE.mkdir()


def pixels(batch, side):
    return torch.rand(batch, 3, side, side) * 2 - 1


def texts(batch, context, vocabulary, padding):
    """Ids that end at a place of their own; what follows is the end once more (OpenAI's tokenizer in transformers) or 0."""
    end = vocabulary - 1
    ids = torch.randint(1, end - 1, (batch, context))
    for row in range(batch):
        length = 2 + row * (context - 2) // max(batch - 1, 1)
        ids[row, length - 1] = end
        ids[row, length:] = end if padding == "end" else 0
    ids[:, 0] = end - 1
    return ids


def hugging_face(case, dtype, inputs, *, vision, text, width, **options):
    config = CLIPConfig(vision_config=vision, text_config=text, projection_dim=width)
    config._attn_implementation = "sdpa"
    model = CLIPModel(config)
    randomize(model, dtype)
    folder = HERE / case
    model.to(dtype).save_pretrained(folder, **options)
    model.double()
    result = model(pixel_values=inputs["pixels"].double(), input_ids=inputs["input_ids"], return_loss=True)
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


def open_clip_case(case, inputs, dtype=torch.float32, **config):
    model = open_clip.CLIP(**config)
    randomize(model, dtype)
    folder = HERE / case
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(dict(model_cfg=config, preprocess_cfg={}), indent=1))
    state = {name: tensor.float().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    images, ids = inputs["pixels"].double(), inputs["input_ids"]
    image, words = model.encode_image(images), model.encode_text(ids)
    x, y = F.normalize(image, dim=-1), F.normalize(words, dim=-1)
    save(
        folder,
        VERSIONS,
        model,
        inputs,
        dict(
            image_features=image, text_features=words, image_embeds=x, text_embeds=y,
            logits_per_image=model.get_logits(images, ids)[0], loss=loss_of(model, x, y),
        ),
    )
    if any("running_mean" in name for name in state):
        train(folder / "training", model, images, ids)


def loss_of(model, images, texts):
    scale = model.logit_scale.exp()
    if model.logit_bias is None:
        return open_clip.loss.ClipLoss()(images, texts, scale)
    return open_clip.loss.SigLipLoss()(images, texts, scale, model.logit_bias)


def train(folder, model, images, ids):
    folder.mkdir()
    model.zero_grad()
    model.train()
    loss = loss_of(
        model, F.normalize(model.encode_image(images), dim=-1), F.normalize(model.encode_text(ids), dim=-1)
    )
    loss.backward()
    save_gradient(folder, model)
    save_file({"loss": loss.detach().float()}, folder / "expected.safetensors")


def residual_network(case, stages, channels):
    open_clip_case(
        case,
        dict(pixels=pixels(5, 64), input_ids=texts(5, 8, 40, "zero")),
        embed_dim=20,
        vision_cfg=dict(image_size=64, layers=stages, width=channels),
        text_cfg=dict(context_length=8, vocab_size=40, width=16, heads=2, layers=1),
    )


if len(sys.argv) > 1:
    for stages in [[3, 4, 6, 3], [3, 4, 23, 3], [4, 6, 10, 6], [6, 8, 18, 8], [3, 15, 36, 10]]:
        residual_network("-".join(map(str, stages)), stages, 8)
    sys.exit()


# As OpenAI's models in transformers: padded with the end of a text; in several files; pixels that fill no patch.
hugging_face(
    "huggingface",
    torch.float32,
    dict(pixels=pixels(4, 14), input_ids=texts(4, 9, 40, "end")),
    vision=dict(
        image_size=14, patch_size=4, hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40
    ),
    text=dict(
        vocab_size=40, max_position_embeddings=9, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=28, bos_token_id=38, eos_token_id=39,
    ),
    width=20,
    max_shard_size="20KB",
)

# With exact GELU, other epsilons, and the end of a text that older configurations state; float16.
hugging_face(
    "huggingface-old",
    torch.float16,
    dict(pixels=pixels(3, 8), input_ids=texts(3, 7, 30, "zero")),
    vision=dict(
        image_size=8, patch_size=4, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        hidden_act="gelu", layer_norm_eps=1e-4,
    ),
    text=dict(
        vocab_size=30, max_position_embeddings=7, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=24, hidden_act="gelu", layer_norm_eps=1e-3, bos_token_id=0, eos_token_id=2,
    ),
    width=16,
)

# OpenAI's own, in open_clip.
open_clip_case(
    "open_clip",
    dict(pixels=pixels(4, 12), input_ids=texts(4, 8, 40, "zero")),
    embed_dim=20,
    quick_gelu=True,
    vision_cfg=dict(image_size=12, layers=2, width=24, patch_size=4, head_width=8),
    text_cfg=dict(context_length=8, vocab_size=40, width=16, heads=2, layers=2),
)

# With the sizes' odd ratios, exact GELU and SigLIP's bias.
open_clip_case(
    "open_clip-bias",
    dict(pixels=pixels(3, 12), input_ids=texts(3, 8, 40, "zero")),
    embed_dim=16,
    init_logit_bias=-10,
    vision_cfg=dict(image_size=12, layers=2, width=22, patch_size=6, head_width=11, mlp_ratio=4.3637),
    text_cfg=dict(context_length=8, vocab_size=40, width=24, heads=3, layers=3, mlp_ratio=1.5),
)

# A residual network.
residual_network("open_clip-resnet", [1, 2, 1, 1], 2)

# As OpenAI's files: the arrays and three sizes, in half precision, without a configuration.
def openai(case, vision, batch=3):
    folder = HERE / case
    open_clip_case(
        case,
        dict(pixels=pixels(batch, vision["image_size"]), input_ids=texts(batch, 6, 40, "zero")),
        dtype=torch.float16,
        embed_dim=12,
        quick_gelu=True,
        vision_cfg=vision,
        text_cfg=dict(context_length=6, vocab_size=40, width=64, heads=1, layers=1),
    )
    state = load_file(folder / "open_clip_model.safetensors")
    (folder / "open_clip_model.safetensors").unlink()
    (folder / "open_clip_config.json").unlink()
    sizes = dict(input_resolution=vision["image_size"], context_length=6, vocab_size=40)
    torch.save(
        {name: tensor.half() for name, tensor in state.items()} | {k: torch.tensor(v) for k, v in sizes.items()},
        folder / "model.pt",
    )


openai("openai", dict(image_size=8, layers=1, width=64, patch_size=4))
torch.manual_seed(15)  # one with which no channel is dead
openai("openai-resnet", dict(image_size=32, layers=[1, 1, 1, 1], width=2))
