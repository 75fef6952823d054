"""A tiny random CoCa of open_clip as it saves it, and what it computes.

    python Tests/Fixtures/coca.py      # needs torch, torchvision, open_clip_torch, safetensors

`coca/` is a checkpoint; beside it `expected.safetensors` has inputs, embeddings, logits and both terms of the loss, and
`gradient.safetensors` the gradient of their sum under the weights' names, in float64. `forced` are texts read token by
token, with the logits behind each.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path

import torch
from open_clip.coca_model import CoCa
from open_clip.loss import CoCaLoss
from random_models import randomize, save
from safetensors.torch import save_file

torch.manual_seed(8)
HERE = Path(__file__).with_suffix("")
shutil.rmtree(HERE, ignore_errors=True)
HERE.mkdir()
CONFIG = dict(
    embed_dim=12,
    vision_cfg=dict(
        image_size=12, layers=2, width=16, head_width=8, patch_size=4, attentional_pool=True, attn_pooler_heads=3,
        attn_pooler_queries=5, output_tokens=True),
    text_cfg=dict(
        context_length=6, vocab_size=20, width=12, heads=2, layers=2, embed_cls=True, output_tokens=True),
    multimodal_cfg=dict(context_length=6, vocab_size=20, width=12, heads=3, layers=2, attn_pooler_heads=3),
    custom_text=True,
)
model = CoCa(**{name: value for name, value in CONFIG.items() if name != "custom_text"})
randomize(model, torch.float32)
(HERE / "open_clip_config.json").write_text(json.dumps(dict(model_cfg=CONFIG, preprocess_cfg={}), indent=1))
state = {name: tensor.float().contiguous() for name, tensor in model.state_dict().items()}
save_file(state, HERE / "open_clip_model.safetensors")
pixels = torch.rand(3, 3, 12, 12) * 2 - 1
ids = torch.tensor([[18, 4, 7, 19, 0, 0], [18, 2, 5, 9, 9, 19], [18, 19, 0, 0, 0, 0]])
output = model(pixels.double(), ids)
terms = CoCaLoss(caption_loss_weight=2.0, clip_loss_weight=1.0)(**output, output_dict=True)
# One token after another, each with all that came before computed again; some are what elsewhere is padding.
forced = torch.tensor([[18, 4, 0, 7, 0, 3], [18, 0, 0, 9, 9, 5], [18, 19, 2, 6, 11, 0]])
with torch.no_grad():
    steps = [model(pixels.double(), forced[:, :n], output_labels=False)["logits"][:, -1] for n in range(1, 7)]
save(
    HERE,
    {name: importlib.metadata.version(name) for name in ["torch", "open_clip_torch"]},
    model,
    dict(pixels=pixels, input_ids=ids),
    dict(
        image_embeds=output["image_features"], text_embeds=output["text_features"], logits=output["logits"],
        contrastive_loss=terms["contrastive_loss"], caption_loss=terms["caption_loss"], loss=sum(terms.values()),
        forced=forced, forced_logits=torch.stack(steps, 1)),
)
