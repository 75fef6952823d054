"""Values and gradients where a convention is needed: NaN, infinities, zeros of both signs, subnormal and huge numbers,
kinks and ties.

PyTorch computes them in double precision from single precision inputs, so that a result is the exact one, rounded once,
wherever the answer is not a matter of convention. Where this library means to differ, the line says so.

    python Tests/Fixtures/special_values.py      # needs numpy, torch, safetensors

Names are `<function>.input0`, `.input1`, `.value`, `.gradient0`, `.gradient1` (for a gradient of ones), `.second0`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
NAN, INF = float("nan"), float("inf")
arrays = {}


def single(x):
    with np.errstate(over="ignore"):
        return np.asarray(x.detach().numpy() if torch.is_tensor(x) else x).astype(np.float32)


def record(name, inputs, function, fix=None, second=False):
    inputs = [torch.tensor(np.asarray(x, np.float32)).double().requires_grad_() for x in inputs]
    value = function(*inputs)
    gradients = torch.autograd.grad(value.sum(), inputs, create_graph=second)
    results = {"value": single(value)}
    for i, (x, gradient) in enumerate(zip(inputs, gradients)):
        results[f"input{i}"] = single(x)
        results[f"gradient{i}"] = single(gradient)
    if second:
        results["second0"] = single(torch.autograd.grad(gradients[0].sum(), inputs)[0])
    if fix:
        fix(results)
    for key, array in results.items():
        arrays[f"{name}.{key}"] = np.ascontiguousarray(array)


# Functions of one number: 33 numbers, two vectors of a kernel and one more.
positive = [0.0, 1e-45, 1e-40, 1.1754944e-38, 1e-20, 0.25, 0.5, 1.0, 1.5, 5.75, 6.0, 10.0, 100.0, 1e18, 3e38, INF]
everything = [NAN] + positive + [-x for x in positive]
finite = [x for x in everything if abs(x) != INF]


def nan_of_nan(results):
    # PyTorch's sign of NaN is 0; here NaN is never lost.
    results["gradient0"][np.isnan(results["input0"])] = NAN


def one_of_nan(results):
    results["gradient0"][np.isnan(results["input0"])] = 1


for name, function in {
    "negate": torch.neg,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: F.softplus(x, threshold=500),
    "logSigmoid": F.logsigmoid,
    "relu": torch.relu,
    "clamp": lambda x: x.clamp(-1, 6),
    "clampMin": lambda x: x.clamp(min=0),
    "clampMax": lambda x: x.clamp(max=0),
    "maximumWithNumber": lambda x: torch.maximum(x, torch.tensor(1.0).double()),
    "minimumWithNumber": lambda x: torch.minimum(x, torch.tensor(1.0).double()),
    "pow-1": lambda x: x.pow(-1),
    "pow0": lambda x: x.pow(0),
    "pow1": lambda x: x.pow(1),
    "pow2": lambda x: x.pow(2),
    "pow3": lambda x: x.pow(3),
}.items():
    record(name, [everything], function)
record("abs", [everything], torch.abs, fix=nan_of_nan)
# PyTorch's lets a gradient pass at NaN or not, depending on where in the array it stands.
record("relu6", [everything], F.relu6, fix=one_of_nan)
record("leakyRelu", [everything], lambda x: F.leaky_relu(x, 0.25))
record("elu", [everything], lambda x: F.elu(x, 0.5))
kinks = [NAN, -INF, INF, -4.0, -3.0, -1e-40, -0.0, 0.0, 1e-40, 1.5, 3.0, 5.0, 3e38]
record("hardswish", [kinks], F.hardswish)
record("mish", [[x for x in finite if not -1e18 < x < -5.75]], F.mish)
# PyTorch's derivative is NaN where the value is infinite, an infinity less an infinity.
record("expm1", [[x for x in everything if not 1e18 <= x]], torch.expm1)
record("sin", [finite], torch.sin)
record("cos", [finite], torch.cos)
# At infinity PyTorch's derivatives are NaN, an infinity times 0; beyond 10 its 1 - tanh² is rounded to 0.
near = [x for x in everything if not abs(x) > 10]
record("tanh", [near], torch.tanh)
tails = [x for x in finite if not -1e18 < x < -5.75]
record("silu", [finite], F.silu)
record("gelu", [tails], lambda x: F.gelu(x, approximate="tanh"))
record("geluExact", [tails], F.gelu)
record("quickGelu", [finite], lambda x: x * torch.sigmoid(1.702 * x))
record("normalProbability", [tails], torch.special.ndtr)

# Second derivatives, where 1 - y would have no digits left in single precision.
for name, function, limit in [
    ("sigmoid", torch.sigmoid, 20), ("tanh", torch.tanh, 10), ("softplus", lambda x: F.softplus(x, threshold=500), 20),
    ("logSigmoid", F.logsigmoid, 20), ("silu", F.silu, 20), ("quickGelu", lambda x: x * torch.sigmoid(1.702 * x), 11),
    ("gelu", lambda x: F.gelu(x, approximate="tanh"), 5), ("geluExact", F.gelu, 5),
    ("normalProbability", torch.special.ndtr, 5),
]:
    record(f"{name}Twice", [np.linspace(-limit, limit, 33)], function, second=True)

# Functions of two numbers, on a grid.
numbers = [NAN, -INF, -1e30, -2.0, -1.0, -1e-40, -0.0, 0.0, 1e-40, 0.5, 1.0, 2.0, 3.0, 1e30, INF]
a, b = (x.reshape(-1) for x in np.meshgrid(numbers, numbers, indexing="ij"))
for name, function in {
    "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div, "maximum": torch.maximum,
    "minimum": torch.minimum,
}.items():
    record(name, [a, b], function)
record("mseLoss", [a, b], lambda x, y: F.mse_loss(x, y, reduction="none"))
record("huberLoss", [a, b], lambda x, y: F.huber_loss(x, y, reduction="none"))


def nan_of_nan_distance(results):
    # As of the absolute value.
    for gradient in ["gradient0", "gradient1"]:
        results[gradient][np.isnan(results["value"])] = NAN


record("l1Loss", [a, b], lambda x, y: F.l1_loss(x, y, reduction="none"), fix=nan_of_nan_distance)
# Nothing subnormal: 1e-40 * x^(1e-40 - 1) would overflow in single precision on the way to 1, and so would any power of
# 1e-40 close to -1.
record("pow", [np.where(np.abs(x) == 1e-40, x * 1e10, x) for x in (a, b)], torch.pow)

# Reductions of rows.
rows = np.array([
    [1, 2, 3, 4, 5], [NAN, 1, 2, 2, 0], [NAN, NAN, 1, 5, 5], [3, 3, 1, 3, 1], [INF, INF, 1, 2, 3],
    [-INF, INF, 1, 2, 3], [-INF, -INF, -INF, -INF, 1], [-INF] * 5, [0, 2, 3, 4, 5], [0, 0, 3, 4, 5], [0] * 5,
    [0, NAN, 1, 1, 1], [0, INF, 1, 1, 1], [1e-40, 2, 3, 1, 1], [1e-30, 1e-30, 1, 1, 1], [1e30, 1e30, 1e-30, 1, 1],
    [10000.01, 10000.02, 10000.0, 9999.99, 10000.01], [1.5e18, -1e18, 2e18, 3e18, 0], [1e-18, 2e-18, 3e-18, 0, 0],
    [7] * 5, [88, 89, -1e4, 3, 2], [-0.0, 0.0, -0.0, 0.0, 1],
])


def by_rows(function):
    return lambda x: torch.stack([function(row) for row in x])


def others(results):
    # PyTorch divides the product by the element, which is undefined where that is 0, infinite or NaN.
    x = results["input0"].astype(np.float64)
    with np.errstate(all="ignore"):
        for i in range(x.shape[1]):
            results["gradient0"][:, i] = single(np.delete(x, i, 1).prod(1))


def nan_of_infinite(results):
    # PyTorch: an infinity for the finite elements beside infinite ones, where the variance is NaN.
    results["gradient0"][np.isnan(results["value"])] = NAN


def softmax(results):
    # PyTorch: NaN. Here a row whose every element is exp(-infinity) = 0 has the gradient 0.
    x = results["input0"].astype(np.float64)
    results["gradient0"][(x == -INF).all(1)] = 0
    # PyTorch: 1 for each of two equal elements that are so large that adding log 2 changes nothing.
    finite = np.isfinite(x).all(1)
    results["gradient0"][finite] = single(torch.tensor(x[finite]).softmax(1))


for name, function, fix in [
    ("sum", torch.sum, None), ("mean", torch.mean, None),
    ("std", lambda x: x.std(unbiased=False), nan_of_infinite),
    ("stdUnbiased", lambda x: x.std(), nan_of_infinite),
    ("median", torch.median, None), ("quantile", lambda x: x.quantile(0.4), None),
    ("cumulativeMax", lambda x: x.cummax(0).values, None), ("cumulativeMin", lambda x: x.cummin(0).values, None),
    ("variance", lambda x: x.var(unbiased=False), nan_of_infinite),
    ("varianceUnbiased", lambda x: x.var(), nan_of_infinite),
    # Not amax, whose gradients are all NaN if one element is.
    ("max", torch.max, None), ("min", torch.min, None),
    ("sumOfSquares", lambda x: x.square().sum(), None), ("norm", torch.linalg.vector_norm, None),
    ("product", torch.prod, others), ("logSumExp", lambda x: x.logsumexp(0), softmax),
]:
    record(name, [rows], by_rows(function), fix=fix)

# Among infinities the sum of the products depends on its order.
record("cumulativeProduct", [rows[np.isfinite(rows).all(1)]], by_rows(lambda x: x.cumprod(0)))

save_file(arrays, HERE / "special_values.safetensors", metadata={"torch": torch.__version__})
