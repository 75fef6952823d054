"""Writes trajectories of PyTorch's, optax's and big_vision's optimizers over 20 steps.

    python Tests/Fixtures/optimizers.py      # needs numpy, torch, timm, jax, optax, safetensors

Everything is computed in float64 (but for big_vision's bfloat16 momentum) and stored as float32. Starting points and
gradients follow formulas of exact binary fractions, so the tests compute the same ones.
"""

from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import torch
from safetensors.numpy import save_file
from timm.optim.sgdw import SGDW
from timm.utils.model_ema import ModelEmaV3

jax.config.update("jax_enable_x64", True)

FOLDER = Path(__file__).parent / "optimizers"
STEPS = 20

SMALL = {"matrix": (5, 6), "vector": (7,), "scalar": ()}
# Factored are: large (two axes), cube (first and last axis), patch is not (second largest is 31).
LARGE = {"large": (33, 40), "cube": (34, 2, 32), "patch": (31, 64), "vector": (45,)}


def start(shape, name):
    k = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((k * 7 + len(name) * 3) % 19 - 9) / 16.0).reshape(shape)


def gradient(shape, name, step):
    k = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((k * 37 + step * 101 + len(name) * 53 + (k * step) % 29) % 61 - 30) / 64.0).reshape(shape)


def run_torch(make, shapes, schedule=lambda step: 1.0, clip=None, late={}):
    """Parameters in `late` are frozen before the step that it says."""
    parameters = {n: torch.nn.Parameter(torch.tensor(start(s, n))) for n, s in shapes.items()}
    optimizer = make(list(parameters.values()))
    rate = optimizer.param_groups[0]["lr"]
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step)
        for name, parameter in parameters.items():
            is_frozen = step < late.get(name, 0)
            parameter.grad = None if is_frozen else torch.tensor(gradient(shapes[name], name, step))
        if clip is not None:
            norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters.values()))
            for parameter in parameters.values():
                parameter.grad *= min(1.0, clip / norm.item())
        optimizer.step()
    return {n: p.detach().numpy() for n, p in parameters.items()}


def factored_axes(shape, minimum=32):
    """(second largest axis, largest axis), or None."""
    if len(shape) < 2:
        return None
    order = np.argsort(shape, kind="stable")
    if shape[order[-2]] < minimum:
        return None
    return int(order[-2]), int(order[-1])


def run_big_vision(shapes, rate, decay, cap, momentum_type, schedule=lambda step: 1.0, steps=STEPS,
                   start=start, gradient=gradient, views={}, late={}):
    """big_vision's AdaFactor, written out; without momentum if that has no type. Parameters in `late` are frozen before
    the step that it says, and count their own updates."""
    result = {}
    for name, shape in shapes.items():
        view = views.get(name, shape)
        p = start(shape, name)
        axes = factored_axes(view)
        m = np.zeros(shape, momentum_type or np.float64)
        row = column = v = 0.0
        first = late.get(name, 0)
        for step in range(first, steps):
            g = gradient(shape, name, step)
            beta2 = min(cap, 1 - (step - first + 1.0) ** -0.8)
            q = (g**2 + 1e-30).reshape(view)
            if axes is not None:
                d1, d0 = axes
                row = beta2 * row + (1 - beta2) * q.mean(d0, keepdims=True)
                column = beta2 * column + (1 - beta2) * q.mean(d1, keepdims=True)
                u = g.reshape(view) * (row / row.mean(d1, keepdims=True)) ** -0.5 * column**-0.5
                u = u.reshape(shape)
            else:
                v = beta2 * v + (1 - beta2) * q
                u = (g.reshape(view) * v**-0.5).reshape(shape)
            if momentum_type is not None:
                u = 0.9 * m.astype(np.float64) + 0.1 * u
                m = u.astype(momentum_type)
            p = p - schedule(step) * (rate * u + decay * p)
        result[name] = p
    return result


def run_optax(shapes, rate, decay, cap, steps=STEPS):
    """The same from optax's pieces, as big_vision chains them, with momentum in float64."""
    transformation = optax.chain(
        optax.scale_by_factored_rms(
            min_dim_size_to_factor=32, decay_rate=0.8, epsilon=1e-30,
            decay_rate_fn=lambda i, exponent: jnp.minimum(
                cap, 1.0 - (jnp.array(i, jnp.float64) + 1.0) ** -exponent)),
        optax.ema(0.9, debias=False))
    parameters = {n: jnp.array(start(s, n)) for n, s in shapes.items()}
    state = transformation.init(parameters)
    update = jax.jit(transformation.update)
    for step in range(steps):
        gradients = {n: jnp.array(gradient(s, n, step)) for n, s in shapes.items()}
        updates, state = update(gradients, state, parameters)
        parameters = {n: p - rate * updates[n] - decay * p for n, p in parameters.items()}
    return {n: np.array(p) for n, p in parameters.items()}


def run_lion(shapes, schedule=lambda step: 1.0, late={}, **settings):
    """optax's; parameters in `late` are frozen before the step that it says."""
    result = {}
    rate = settings.pop("rate")
    for name, shape in shapes.items():
        p = jnp.array(start(shape, name))
        state = None
        for step in range(late.get(name, 0), STEPS):
            transformation = optax.lion(rate * schedule(step), **settings)
            if state is None:
                state = transformation.init(p)
            g = jnp.array(gradient(shape, name, step))
            # The sign must not hang on the last digit: it is clear, or nothing at all.
            direction = np.abs(settings["b1"] * np.array(state[0].mu) + (1 - settings["b1"]) * np.array(g))
            assert not ((direction > 0) & (direction < 1e-7)).any()
            updates, state = transformation.update(g, state, p)
            p = optax.apply_updates(p, updates)
        result[name] = np.array(p)
    return result


def run_average(**settings):
    """timm's average of weights that are one gradient after another. `vector` is a buffer."""
    model = torch.nn.Module()
    for name, shape in SMALL.items():
        tensor = torch.tensor(start(shape, name))
        if name == "vector":
            model.register_buffer(name, tensor)
        else:
            model.register_parameter(name, torch.nn.Parameter(tensor))
    average = ModelEmaV3(model, **settings)
    for step in range(STEPS):
        for name, shape in SMALL.items():
            getattr(model, name).data.copy_(torch.tensor(gradient(shape, name, step)))
        average.update(model, step + 1)
    return {n: t.numpy() for n, t in average.module.state_dict().items()}


def optax_average(dtype, use_jit):
    """What optax's average of a gradient that is always 1 applies after 300 steps."""
    transformation = optax.ema(0.9, debias=False, accumulator_dtype=dtype)
    ones = jnp.ones((40, 40), jnp.float32)
    state = transformation.init(ones)
    update = jax.jit(transformation.update) if use_jit else transformation.update
    for _ in range(300):
        applied, state = update(ones, state)
    return float(applied[0, 0])


def check_averages():
    """The numbers that AdaFactor's documentation names."""
    assert abs(optax_average(jnp.bfloat16, True) - 0.97036) < 1e-5
    assert abs(optax_average(jnp.bfloat16, False) - 0.98281) < 1e-5
    assert abs(optax_average(jnp.float32, True) - 1) < 1e-6
    m = ml_dtypes.bfloat16(0)
    for _ in range(300):
        applied = np.float32(0.9) * np.float32(m) + np.float32(0.1)
        m = ml_dtypes.bfloat16(applied)
    assert abs(applied - 0.98594) < 1e-5


def check_golden():
    found = run_big_vision(
        {"p": (32, 48)}, 1e-3, 1e-4, 0.95, np.float64, steps=3,
        start=lambda shape, _: np.fromfunction(lambda i, j: ((7 * i + 13 * j) % 17 - 8) / 10, shape),
        gradient=lambda shape, _, s: np.fromfunction(lambda i, j: np.sin(0.1 * (i + 1) * (j + 1) + s), shape))["p"]
    golden = {(0, 0): -0.8001475487203035, (5, 7): -0.09952786316054818, (31, 47): 0.4000630531360419}
    for place, value in golden.items():
        assert abs(found[place] - value) < 1e-15, (place, found[place], value)


def warm_up_cosine(step):
    """big_vision's: 4 steps of warm-up, 20 in all."""
    return step / 4 if step < 4 else 0.5 * (1 + np.cos(np.pi * (step - 4) / 16))


def main():
    FOLDER.mkdir(exist_ok=True)
    arrays = {}

    def add(configuration, trajectory):
        for name, array in trajectory.items():
            arrays[f"{configuration}/{name}"] = np.array(array, dtype=np.float32, order="C")

    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    add("sgd", run_torch(lambda p: sgd(p, lr=0.1), SMALL))
    add("sgd.momentum", run_torch(lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.01), SMALL))
    add("sgd.nesterov", run_torch(lambda p: sgd(p, lr=0.05, momentum=0.8, nesterov=True), SMALL))
    add("adam", run_torch(lambda p: adam(p, lr=0.01), SMALL))
    # A decay that is a binary fraction: where it cancels the gradient, Adam makes much of the last digit.
    add("adam.decay", run_torch(lambda p: adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.125), SMALL))
    add("adamw", run_torch(lambda p: adamw(p, lr=0.01, betas=(0.9, 0.95), weight_decay=0.1), SMALL))
    add("adamw.scheduled", run_torch(
        lambda p: adamw(p, lr=0.01, betas=(0.9, 0.95), weight_decay=0.1), SMALL, schedule=warm_up_cosine, clip=1.0))
    late = {"vector": 10, "scalar": 15}
    add("sgd.late", run_torch(lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.01), SMALL, late=late))
    add("adam.late", run_torch(lambda p: adam(p, lr=0.01), SMALL, late=late))
    add("adamw.late", run_torch(
        lambda p: adamw(p, lr=0.01, betas=(0.9, 0.95), weight_decay=0.1), SMALL, schedule=warm_up_cosine, late=late))

    add("sgdw", run_torch(lambda p: SGDW(p, lr=0.1, momentum=0.9, weight_decay=0.01), SMALL))
    add("sgdw.nesterov", run_torch(
        lambda p: SGDW(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1), SMALL, schedule=warm_up_cosine,
        late=late))
    add("lion", run_lion(SMALL, rate=0.01, b1=0.9, b2=0.99, weight_decay=0.1))
    add("lion.late", run_lion(
        SMALL, rate=0.01, b1=0.95, b2=0.98, weight_decay=0.0, schedule=warm_up_cosine, late=late))

    add("average", run_average(decay=0.9))
    add("average.late", run_average(decay=0.8, update_after_step=7, exclude_buffers=True))
    add("average.warmUp", run_average(decay=0.85, update_after_step=2, use_warmup=True, warmup_gamma=0.5))

    check_golden()
    check_averages()
    exact = run_big_vision(LARGE, 1e-3, 1e-4, 0.95, np.float64)
    for name, array in run_optax(LARGE, 1e-3, 1e-4, 0.95).items():
        np.testing.assert_allclose(exact[name], array, rtol=1e-12)
    add("adafactor", run_big_vision(LARGE, 1e-3, 1e-4, 0.95, None))
    add("adafactor.uncapped", run_big_vision(LARGE, 1e-2, 0, 0.999, None))
    add("adafactor.momentum", run_big_vision(
        LARGE, 1e-3, 1e-4, 0.95, ml_dtypes.bfloat16, schedule=warm_up_cosine))
    add("adafactor.float32", run_big_vision(LARGE, 1e-3, 1e-4, 0.95, np.float64, schedule=warm_up_cosine))
    add("adafactor.late", run_big_vision(
        LARGE, 1e-3, 1e-4, 0.95, np.float64, schedule=warm_up_cosine, late={"large": 10, "vector": 15}))
    # A matrix of 66 outputs seen as two heads of 33.
    views = {"large": (33, 1, 40), "heads": (2, 33, 40)}
    add("adafactor.views", run_big_vision(
        {"large": (33, 40), "heads": (66, 40)}, 1e-3, 0, 0.95, None, views=views))
    save_file(arrays, FOLDER / "trajectories.safetensors", metadata={
        "torch": torch.__version__, "timm": version("timm"), "optax": optax.__version__, "numpy": np.__version__})


if __name__ == "__main__":
    main()
