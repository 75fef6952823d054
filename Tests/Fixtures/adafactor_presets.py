"""Writes what the published AdaFactors make of the same gradients in 20 steps.

    python Tests/Fixtures/adafactor_presets.py      # needs numpy, torch, transformers, jax, optax, safetensors

Each original runs in float64: transformers' and PyTorch's classes, optax's `adafactor`, the paper's algorithms 4 and 5
written out with their sums, big_vision's chain from optax's pieces (its momentum, kept in bfloat16, is checked by
`optimizers.py`). optax computes the share of the second moments that it keeps in float32 whatever the parameters are in.

For each configuration there are the parameters after 20 steps, and as `.update` what the 20th step makes of a parameter
that was set to zero before it: the bare update, of which no digit is lost.
"""

import numpy as np
import jax
import jax.numpy as jnp
import optax
import torch
import transformers
from safetensors.numpy import save_file
from transformers.optimization import Adafactor

import optimizers
from optimizers import FOLDER, STEPS, start

jax.config.update("jax_enable_x64", True)

SHAPES = {"matrix": (33, 40), "small": (5, 6), "vector": (45,), "kernel": (5, 3, 3, 4)}
# What optax factors.
LARGE = SHAPES | {"matrix": (128, 130)}
# The kernel is factored by its first and last axis.
LONG_KERNEL = SHAPES | {"kernel": (33, 2, 1, 32)}
SINGLE_EPSILON = float(np.finfo(np.float32).eps)


def gradient(shape, name, step):
    """Grows and shrinks from step to step, so that some updates are clipped and some are not."""
    return optimizers.gradient(shape, name, step) * 2.0 ** (step * 3 % 5 - 2)


def run_torch(make, shapes=SHAPES):
    def run(is_bare):
        parameters = {n: torch.nn.Parameter(torch.tensor(start(s, n))) for n, s in shapes.items()}
        optimizer = make(list(parameters.values()))
        for step in range(STEPS):
            for name, parameter in parameters.items():
                parameter.grad = torch.tensor(gradient(shapes[name], name, step))
                if is_bare and step == STEPS - 1:
                    parameter.data.zero_()
            optimizer.step()
        return {n: p.detach().numpy() for n, p in parameters.items()}
    return run


def run_optax(transformation, shapes):
    def run(is_bare):
        parameters = {n: jnp.array(start(s, n)) for n, s in shapes.items()}
        state = transformation.init(parameters)
        update = jax.jit(transformation.update)
        for step in range(STEPS):
            gradients = {n: jnp.array(gradient(s, n, step)) for n, s in shapes.items()}
            if is_bare and step == STEPS - 1:
                parameters = jax.tree.map(jnp.zeros_like, parameters)
            updates, state = update(gradients, state, parameters)
            parameters = optax.apply_updates(parameters, updates)
        return {n: np.array(p) for n, p in parameters.items()}
    return run


def big_vision(rate, decay, cap):
    """`scale_by_adafactor` and what `make` chains behind it, with momentum in float64."""
    return optax.chain(
        optax.scale_by_factored_rms(
            min_dim_size_to_factor=32, decay_rate=0.8, epsilon=1e-30,
            decay_rate_fn=lambda i, exponent: jnp.minimum(
                cap, 1.0 - (jnp.array(i, jnp.float64) + 1.0) ** -exponent)),
        optax.ema(0.9, debias=False), optax.scale(rate), optax.add_decayed_weights(decay), optax.scale(-1.0))


clipped_steps = {True: 0, False: 0}


def run_paper(is_bare):
    """Shazeer & Stern 2018: algorithm 4 for matrices, 5 for vectors, with what section 9 proposes."""
    result = {}
    for name, shape in SHAPES.items():
        x = start(shape, name)
        r = c = v = 0.0
        for t in range(1, STEPS + 1):
            if is_bare and t == STEPS:
                x = np.zeros(shape)
            g = gradient(shape, name, t - 1)
            alpha = max(1e-3, np.sqrt(np.mean(x**2))) * min(1e-2, 1 / np.sqrt(t))
            beta2 = 1 - t**-0.8
            q = g**2 + 1e-30
            if len(shape) >= 2:
                r = beta2 * r + (1 - beta2) * q.sum(-1, keepdims=True)
                c = beta2 * c + (1 - beta2) * q.sum(-2, keepdims=True)
                v = r * c / r.sum(-2, keepdims=True)
            else:
                v = beta2 * v + (1 - beta2) * q
            u = g / np.sqrt(v)
            size = np.sqrt(np.mean(u**2))
            clipped_steps[bool(size > 1)] += 1
            x = x - alpha * u / max(1.0, size / 1.0)
        result[name] = x
    return result


def main():
    arrays = {}

    def add(configuration, run):
        for name, array in run(False).items():
            arrays[f"{configuration}/{name}"] = np.array(array, np.float32, order="C")
        for name, array in run(True).items():
            arrays[f"{configuration}/{name}.update"] = np.array(array, np.float32, order="C")

    add("paper", run_paper)
    assert min(clipped_steps.values()) > 20, clipped_steps
    add("optax", run_optax(optax.adafactor(0.1, weight_decay_rate=1e-3), LARGE))
    add("optax.momentum", run_optax(optax.adafactor(
        0.02, multiply_by_parameter_scale=False, momentum=0.9, dtype_momentum=jnp.float64), SHAPES))
    add("huggingFace", run_torch(lambda p: Adafactor(p, weight_decay=0.1)))
    add("huggingFace.manual", run_torch(lambda p: Adafactor(
        p, lr=0.02, relative_step=False, scale_parameter=False, beta1=0.9, clip_threshold=2.0)))
    add("huggingFace.warmUp", run_torch(lambda p: Adafactor(p, warmup_init=True)))
    # The default of the first epsilon is that of the parameters' type: here single precision's.
    epsilons = (SINGLE_EPSILON, 1e-3)
    add("torch", run_torch(lambda p: torch.optim.Adafactor(p, eps=epsilons)))
    # 1/sqrt(t) falls below this learning rate within the 20 steps.
    add("torch.decay", run_torch(lambda p: torch.optim.Adafactor(p, lr=0.3, weight_decay=0.1, eps=epsilons)))
    add("bigVision", run_optax(big_vision(0.02, 1e-3, 0.8), LONG_KERNEL))
    save_file(arrays, FOLDER / "presets.safetensors", metadata={
        "torch": torch.__version__, "transformers": transformers.__version__, "optax": optax.__version__,
        "numpy": np.__version__})


if __name__ == "__main__":
    main()
