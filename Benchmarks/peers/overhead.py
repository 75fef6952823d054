"""overhead/mlp-16-32-32-4/batch8: a training step of a small classifier with ReLU and plain gradient descent."""

import re

import torch
from torch import nn
from torch.nn import functional


def prepare(name, _):
    sizes, batch = re.fullmatch(r"overhead/mlp-([\d-]+)/batch(\d+)", name).groups()
    sizes, batch = list(map(int, sizes.split("-"))), int(batch)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=True)
    x, labels = torch.randn(batch, sizes[0]), torch.arange(batch) % sizes[-1]

    def run():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return run
