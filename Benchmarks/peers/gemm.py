"""gemm/MxKxN/NT: M x K times K x N; T where the operand lies in memory with its axes exchanged; /bf16 with operands that
are bfloat16 in memory already."""

import numpy
import torch


def prepare(name, options):
    _, sizes, form, *precision = name.split("/")
    m, k, n = map(int, sizes.split("x"))
    a = torch.randn(m, k) if form[0] == "N" else torch.randn(k, m).t()
    b = torch.randn(k, n) if form[1] == "N" else torch.randn(n, k).t()
    if options.engine == "numpy":
        a, b = a.numpy(), b.numpy()
        return lambda: numpy.matmul(a, b)
    if precision:
        a, b = a.bfloat16(), b.bfloat16()
    return torch.inference_mode()(lambda: torch.mm(a, b))
