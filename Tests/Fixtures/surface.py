"""Parts of arrays by indices in brackets, and other operations on tensors, with their gradients, as PyTorch computes them.

    python Tests/Fixtures/surface.py      # needs numpy, torch, safetensors

Names are `<case>.input0`, `.input1`, `.value`, `.seed` (the gradient of the value), `.gradient0`, `.gradient1`. PyTorch
computes in double precision from single precision inputs. `SurfaceTests` has the same cases by the same names.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
generator = np.random.default_rng(0)
arrays = {}


def numbers(*shape):
    return generator.uniform(-2, 2, shape).astype(np.float32)


def record(name, inputs, function):
    inputs = [torch.tensor(x).double().requires_grad_() for x in inputs]
    value = function(*inputs)
    results = {"value": value}
    if value.requires_grad:
        seed = torch.tensor(numbers(*value.shape))
        found = torch.autograd.grad(value, inputs, seed.double())
        results |= {"seed": seed} | {f"gradient{i}": gradient for i, gradient in enumerate(found)}
    results |= {f"input{i}": x for i, x in enumerate(inputs)}
    for key, x in results.items():
        arrays[f"{name}.{key}"] = np.array(x.detach().numpy(), np.float32, order="C")


x = numbers(4, 5, 6)
i, j, column = torch.tensor([2, 0, -1]), torch.tensor([1, 4, 1]), torch.tensor([[3], [0]])
parts = {
    "position": np.s_[1],
    "positionsFromTheEnd": np.s_[-1, 2],
    "range": np.s_[1:3],
    "rangeToTheEnd": np.s_[:, -3:],
    "ellipsis": np.s_[..., 0],
    "ellipsisBetween": np.s_[0, ..., 1:4],
    "newAxis": np.s_[:, None],
    "newAxisAtTheEnd": np.s_[..., None],
    "newAxisBesidePositions": np.s_[0, None, 1],
    "strides": np.s_[1:, ::2, 1:6:3],
    "picks": np.s_[i],
    "picksOfAnAxis": np.s_[:, j],
    "picksOfTheLast": np.s_[..., column],
    "picksTogether": np.s_[i, j],
    "picksOfNeighbours": np.s_[:, i, j],
    "picksApart": np.s_[i, :, j],
    "picksThatBroadcast": np.s_[column, :, j],
    "picksBehindAPosition": np.s_[0, :, j],
    "picksAroundAPosition": np.s_[i, 0, j],
    "picksAroundANewAxis": np.s_[:, i, None, j],
    "picksOfARange": np.s_[1:3, ::2, j],
}
for name, part in parts.items():
    record(name, [x], lambda x: x[part])
record("reversed", [x], lambda x: x.flip(1))
record("reversedStride", [x], lambda x: x[:, :, [4, 2]])
record("mask", [x], lambda x: x[x > 0])
record("maskOfLeadingAxes", [x], lambda x: x[x[..., 0] > 0])
record("maskOfAnAxis", [x], lambda x: x[:, torch.tensor([True, False, True, True, False])])
record("maskOfNothing", [x], lambda x: x[x > 5])
record("maskedSelect", [numbers(4, 1)], lambda x: x.masked_select(torch.tensor([[1, 0, 1]]) > 0))


def assigned(part):
    def function(x, updates):
        result = x.clone()
        result[part] = updates
        return result

    return function


# Where an element is assigned twice PyTorch says nothing about which one stays.
k = torch.tensor([1, 4, 2])
unique = parts | {"picksOfAnAxis": np.s_[:, k], "picksOfARange": np.s_[1:3, ::2, k]}
for name, updates in {
    "position": (5, 6), "rangeToTheEnd": (6,), "ellipsis": (4, 1), "newAxis": (4, 1, 5, 6), "strides": (3, 3, 2),
    "picksOfAnAxis": (3, 6), "picksTogether": (3, 6), "picksApart": (3, 5), "picksOfARange": (2, 3, 3),
}.items():
    record(f"{name}Assigned", [x, numbers(*updates)], assigned(unique[name]))
record("maskAssigned", [x, numbers()], assigned(torch.tensor(x > 0)))
record("indexPut", [x, numbers(3, 6)], lambda x, u: x.index_put([i, j], u))
record(
    "indexPutAccumulated", [x, numbers(3, 6)],
    lambda x, u: x.index_put([torch.tensor([2, 2, 0]), torch.tensor([1, 1, 4])], u, accumulate=True))

matrix = numbers(3, 5)
ties = generator.integers(0, 3, (4, 6)).astype(np.float32)
for diagonal in (-1, 0, 2):
    record(f"tril{diagonal}", [numbers(2, 3, 4)], lambda x: x.tril(diagonal))
    record(f"triu{diagonal}", [numbers(2, 3, 4)], lambda x: x.triu(diagonal))
record("roll", [matrix], lambda x: x.roll(2, 1))
record("rollBack", [matrix], lambda x: x.roll(-8, 0))
record("rollAll", [matrix], lambda x: x.roll(7))
record("std", [matrix], lambda x: x.std(1, unbiased=False))
record("stdUnbiased", [matrix], lambda x: x.std((0, 1), unbiased=True, keepdim=True))
record("cumulativeProduct", [matrix], lambda x: x.cumprod(1))
record("cumulativeProductWithZeros", [ties], lambda x: x.cumprod(1))
record("cumulativeMax", [ties], lambda x: x.cummax(1).values)
record("cumulativeMin", [ties], lambda x: x.cummin(0).values)
record("median", [ties], lambda x: x.median())
record("medianOfRows", [matrix[:, :4]], lambda x: x.median(1).values)
for q in (0, 0.1, 0.25, 0.5, 0.8, 1):
    record(f"quantile{q}", [matrix], lambda x: x.quantile(torch.tensor(q, dtype=x.dtype), 1))
record("quantileOfAll", [x], lambda x: x.quantile(torch.tensor(0.3, dtype=x.dtype)))
record("expm1", [matrix], torch.expm1)
record("log1p", [np.abs(matrix) - 0.9], torch.log1p)
record("any", [ties], lambda x: (x > 1).any(1).detach())
record("all", [ties], lambda x: (x > 0).all(0, keepdim=True).detach())
record("nonzero", [ties], lambda x: x.nonzero().detach())
record("argmax", [ties], lambda x: x.argmax(1).detach())
record("argmin", [matrix], lambda x: x.argmin(0).detach())

save_file(arrays, HERE / "surface.safetensors", metadata={"torch": torch.__version__})
