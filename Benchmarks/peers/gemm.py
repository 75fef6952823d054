"""gemm/MxKxN/NT: M x K times K x N; T where the operand lies in memory with its axes exchanged."""

import numpy
import torch


def prepare(name, options):
    _, sizes, form = name.split("/")
    m, k, n = map(int, sizes.split("x"))
    a = torch.randn(m, k) if form[0] == "N" else torch.randn(k, m).t()
    b = torch.randn(k, n) if form[1] == "N" else torch.randn(n, k).t()
    if options.engine == "numpy":
        a, b = a.numpy(), b.numpy()
        return lambda: numpy.matmul(a, b)
    return lambda: torch.mm(a, b)
