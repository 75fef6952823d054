"""step/siglip-b16-224/batch4/adamw, step/clip-rn50/batch8/adamw: forward, backward, clipping and the optimizer's update; /bf16
under autocast."""

import re

import torch
from torch import nn
from torch.nn import functional
from transformers import SiglipTextConfig, SiglipTextModel

from . import clip, siglip


class EmojiNames(nn.Module):
    """The text tower of emoji names, with the mean of all positions, and a projection of locked image features."""

    def __init__(self):
        super().__init__()
        config = SiglipTextConfig(vocab_size=8000, max_position_embeddings=16, hidden_size=192, num_hidden_layers=3,
                                  num_attention_heads=4, intermediate_size=768, projection_size=256)
        config._attn_implementation = "sdpa"
        self.tower = SiglipTextModel(config)
        self.projection = nn.Linear(1280, 256, bias=False)
        self.logit_scale, self.logit_bias = nn.Parameter(torch.tensor(2.302585)), nn.Parameter(torch.tensor(-10.0))

    def forward(self, features, tokens):
        tower = self.tower
        states = tower.final_layer_norm(tower.encoder(tower.embeddings(tokens)).last_hidden_state)
        texts = functional.normalize(tower.head(states.mean(1)))
        images = functional.normalize(self.projection(features))
        logits = texts @ images.t() * self.logit_scale.exp() + self.logit_bias
        signs = 2 * torch.eye(len(texts)) - 1
        return -functional.logsigmoid(signs * logits).sum(-1).mean()


def prepare(name, _):
    pattern = r"step/([^/]+)/batch(\d+)/(\w+)(/rematerialised)?(/bf16)?"
    tower, batch, kind, rematerialised, precision = re.fullmatch(pattern, name).groups()
    batch = int(batch)
    if tower.startswith("text"):
        model = EmojiNames()
        inputs = torch.randn(batch, 1280), torch.randint(8000, (batch, 16))
        compute_loss = lambda: model(*inputs)
    elif tower.startswith("clip"):
        model = clip.CLIP(tower)
        inputs = clip.make_inputs(batch)
        compute_loss = lambda: model.loss(**inputs)
    else:
        model = siglip.make_model()
        inputs = siglip.make_inputs(batch)
        if rematerialised:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        compute_loss = lambda: model(**inputs, return_loss=True).loss
    model.train()
    parameters = list(model.parameters())
    optimizer = siglip.make_optimizer(kind, parameters)

    def run():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bool(precision)):
            loss = compute_loss()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return run
