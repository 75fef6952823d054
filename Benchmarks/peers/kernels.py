"""kernels/gelu/1568x768: an operation and its gradients, for a gradient that is given."""

import torch
from torch.nn import functional


def prepare(name, _):
    _, operation, sizes = name.split("/")
    rows, columns = map(int, sizes.split("x"))
    x, y = (torch.randn(rows, columns, requires_grad=True) for _ in range(2))
    scale, offset = (torch.randn(columns, requires_grad=True) for _ in range(2))
    forward, inputs = {
        "gelu": (lambda: functional.gelu(x, approximate="tanh"), [x]),
        "layer-norm": (lambda: functional.layer_norm(x, (columns,), scale, offset, 1e-6), [x, scale, offset]),
        "softmax": (lambda: torch.softmax(x, -1), [x]),
        "add": (lambda: x + y, [x, y]),
        "sum": (lambda: x.sum(), [x]),
    }[operation]
    seed = torch.randn_like(forward())
    return lambda: torch.autograd.grad(forward(), inputs, seed)
