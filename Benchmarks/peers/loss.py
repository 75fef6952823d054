"""loss/sigmoid/8192x768: the sigmoid loss as big_vision and transformers write it, and its gradients; /bf16 under autocast."""

import math

import torch
from torch.nn import functional


def prepare(name, _):
    pairs, width = map(int, name.split("/")[2].split("x"))
    x, y = (functional.normalize(torch.randn(pairs, width)).requires_grad_() for _ in range(2))
    log_scale, bias = (torch.tensor(value, requires_grad=True) for value in (math.log(10), -10.0))

    def run():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=name.endswith("/bf16")):
            logits = x @ y.t() * log_scale.exp() + bias
            signs = 2 * torch.eye(pairs) - 1
            loss = -functional.logsigmoid(signs * logits).sum(-1).mean()
        torch.autograd.grad(loss, [x, y, log_scale, bias])

    return run
