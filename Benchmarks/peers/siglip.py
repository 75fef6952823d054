"""What the peers that run SigLIP B/16 at 224 pixels have in common: transformers' model, its optimizers, its inputs."""

import torch
from transformers import SiglipConfig, SiglipModel
from transformers.utils import logging

logging.set_verbosity_error()


def make_model():
    """SigLIP B/16-224 with random weights: the default sizes of transformers."""
    config = SiglipConfig()
    config._attn_implementation = "sdpa"
    return SiglipModel(config)


def make_inputs(batch):
    return {"pixel_values": torch.rand(batch, 3, 224, 224) * 2 - 1, "input_ids": torch.randint(32_000, (batch, 64))}


def make_optimizer(kind, parameters):
    if kind == "adamw":
        return torch.optim.AdamW(parameters, lr=1e-5, betas=(0.9, 0.95), weight_decay=1e-4, fused=True)
    if kind == "sgd-momentum":
        return torch.optim.SGD(parameters, lr=1e-5, momentum=0.9, fused=True)
    return torch.optim.Adafactor(parameters, lr=1e-5, weight_decay=1e-8)
