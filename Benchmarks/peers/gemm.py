"""gemm/MxKxN/NT: M x K times K x N; T where the operand lies in memory with its axes exchanged."""

import torch


def prepare(name, _):
    _, sizes, form = name.split("/")
    m, k, n = map(int, sizes.split("x"))
    a = torch.randn(m, k) if form[0] == "N" else torch.randn(k, m).t()
    b = torch.randn(k, n) if form[1] == "N" else torch.randn(n, k).t()
    return lambda: torch.mm(a, b)
