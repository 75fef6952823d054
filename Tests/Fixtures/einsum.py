"""Random equations: what PyTorch's einsum and its gradients are, with repeated and missing letters, ellipses, and axes of
size 1 and 0.

    python Tests/Fixtures/einsum.py [COUNT]      # needs numpy, torch, safetensors

Names are `<number> <equation>/input0`, ..., `/seed` (the gradient that flows into the result), `/value`, `/gradient0`, ....
Computed in float64; where NumPy takes the equation too, it agrees.
"""

import random
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
random.seed(1)
torch.manual_seed(1)
arrays = {}


def term_and_shape(sizes, unnamed):
    letters = [random.choice("abcdXY") for _ in range(random.choice([0, 1, 1, 2, 2, 3]))]
    own = {letter: 1 if random.random() < 0.2 else sizes[letter] for letter in letters}
    term, shape = [[x] for x in letters], [[own[x]] for x in letters]
    if random.random() < 0.5:
        count = random.randint(0, len(unnamed))
        place = random.randint(0, len(letters))
        term.insert(place, ["..."])
        shape.insert(place, [1 if random.random() < 0.2 else x for x in unnamed[len(unnamed) - count :]])
    return "".join(sum(term, [])), sum(shape, [])


def equation_and_shapes():
    sizes = {x: random.choice([0, 1, 2, 2, 3, 3, 3, 4]) if random.random() < 0.15 else random.choice([2, 3]) for x in "abcdXY"}
    unnamed = [random.choice([2, 3]) for _ in range(random.randint(0, 2))]
    terms = [term_and_shape(sizes, unnamed) for _ in range(random.choice([1, 2, 2, 3]))]
    equation = ",".join(term for term, _ in terms)
    if random.random() < 0.7:
        letters = sorted(set(equation) - set(",."))
        kept = random.sample(letters, random.randint(0, len(letters)))
        if random.random() < 0.8:
            kept.insert(random.randint(0, len(kept)), "...")
        equation += "->" + "".join(kept)
    return equation, [shape for _, shape in terms]


count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
for number in range(count):
    equation, shapes = equation_and_shapes()
    inputs = [torch.randn(shape, dtype=torch.float64).float().double().requires_grad_() for shape in shapes]
    value = torch.einsum(equation, *inputs)
    try:
        agrees = np.allclose(np.einsum(equation, *[x.detach().numpy() for x in inputs]), value.detach().numpy())
    except ValueError as error:
        agrees = "no '...' ellipsis provided" in str(error)
    assert agrees, equation
    seed = torch.randn(value.shape, dtype=torch.float64).float().double()
    gradients = torch.autograd.grad(value, inputs, seed)
    found = {"value": value, "seed": seed}
    found |= {f"input{i}": x for i, x in enumerate(inputs)} | {f"gradient{i}": x for i, x in enumerate(gradients)}
    for name, array in found.items():
        arrays[f"{number} {equation}/{name}"] = array.detach().numpy().astype(np.float32).copy()
save_file(arrays, HERE / "einsum.safetensors", metadata={"torch": torch.__version__, "numpy": np.__version__})
