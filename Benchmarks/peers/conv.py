"""conv/32x112x112/16x1x1/stride1/groups1/batch16: a convolution; with /training its gradients too."""

import re

import torch
from torch.nn import functional

PATTERN = r"conv/(\d+)x(\d+)x\d+/(\d+)x(\d+)x\d+/stride(\d+)/groups(\d+)/batch(\d+)(/training)?"


def prepare(name, _):
    *numbers, training = re.fullmatch(PATTERN, name).groups()
    inputs, size, outputs, window, stride, groups, batch = map(int, numbers)
    operands = [torch.randn(batch, inputs, size, size), torch.randn(outputs, inputs // groups, window, window),
                torch.randn(outputs)]
    padding = window // 2 if window % 2 else 0

    def forward():
        return functional.conv2d(*operands, stride, padding, 1, groups)

    if training:
        for operand in operands:
            operand.requires_grad_()
        seed = torch.randn_like(forward())
        return lambda: torch.autograd.grad(forward(), operands, seed)
    return torch.inference_mode()(forward)
