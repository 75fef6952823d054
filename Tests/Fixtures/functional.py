"""What PyTorch's functions compute, and their gradients: functional.safetensors.

    python Tests/Fixtures/functional.py      # needs torch, safetensors

Names are `<case>.input0`, `.input1`, ..., `.value`, `.seed` (the gradient that flows into the value) and `.gradient0`, ...
Computed in double precision from single precision inputs. Made with torch 2.13.0.
"""

import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

generator = torch.Generator().manual_seed(0)
arrays = {}


def draw(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float32).double()


def probabilities(*shape):
    return torch.rand(shape, generator=generator, dtype=torch.float32).double() * 0.98 + 0.01


def single(tensor):
    return tensor.detach().float().contiguous().clone()


def record(case, inputs, function):
    leaves = [x.float().double().requires_grad_() for x in inputs]
    value = function(*leaves)
    seed = draw(*value.shape).float().double()
    gradients = torch.autograd.grad(value, leaves, seed)
    arrays[f"{case}.value"], arrays[f"{case}.seed"] = single(value), single(seed)
    for i, (x, gradient) in enumerate(zip(leaves, gradients)):
        arrays[f"{case}.input{i}"], arrays[f"{case}.gradient{i}"] = single(x), single(gradient)


x = draw(3, 8) * 4
record("leakyRelu", [x], lambda x: F.leaky_relu(x, 0.2))
record("elu", [x], lambda x: F.elu(x, 0.7))
record("hardswish", [x], F.hardswish)
record("mish", [x], F.mish)
record("glu", [draw(2, 6, 3)], lambda x: F.glu(x, 1))

image = draw(2, 6, 4, 5)
record("groupNorm", [image, draw(6), draw(6)], lambda x, s, o: F.group_norm(x, 3, s, o, 1e-5))
record("rmsNorm", [draw(2, 3, 7), draw(7)], lambda x, s: F.rms_norm(x, (7,), s, 1e-6))

record("conv1d", [draw(2, 4, 9), draw(6, 2, 3), draw(6)],
       lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=3, dilation=2, groups=2))
record("convTransposed2d", [draw(2, 4, 5, 3), draw(4, 3, 3, 2), draw(6)],
       lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(3, 2), padding=(1, 0), output_padding=(2, 1), groups=2,
                                          dilation=(1, 2)))

photo = draw(2, 2, 7, 10)
record("adaptiveAverage", [photo], lambda x: F.adaptive_avg_pool2d(x, (3, 4)))
record("adaptiveAverageLarger", [photo], lambda x: F.adaptive_avg_pool2d(x, (9, 5)))
record("adaptiveMaximum", [photo], lambda x: F.adaptive_max_pool2d(x, (3, 4)))
for name, size in [("Up", (11, 15)), ("Down", (3, 4))]:
    record(f"nearest{name}", [photo], lambda x: F.interpolate(x, size, mode="nearest"))
    for mode in ["bilinear", "bicubic"]:
        record(f"{mode}{name}", [photo], lambda x: F.interpolate(x, size, mode=mode))
        record(f"{mode}{name}Corners", [photo], lambda x: F.interpolate(x, size, mode=mode, align_corners=True))
        record(f"{mode}{name}Antialias", [photo], lambda x: F.interpolate(x, size, mode=mode, antialias=True))
record("unfold", [photo], lambda x: F.unfold(x, (3, 2), dilation=(1, 2), padding=(2, 1), stride=(2, 3)))
record("fold", [draw(2, 12, 12)], lambda x: F.fold(x, (7, 8), (3, 2), dilation=(1, 2), padding=(2, 1), stride=(3, 2)))

a, b = draw(4, 5), draw(4, 5)
for reduction in ["mean", "sum", "none"]:
    record(f"mse.{reduction}", [a, b], lambda x, y: F.mse_loss(x, y, reduction=reduction))
    record(f"l1.{reduction}", [a, b], lambda x, y: F.l1_loss(x, y, reduction=reduction))
    record(f"huber.{reduction}", [a, b], lambda x, y: F.huber_loss(x, y, reduction=reduction, delta=0.8))
    record(f"kl.{reduction}", [a.log_softmax(1), b.softmax(1)], lambda x, y: F.kl_div(x, y, reduction=reduction))
    record(f"klOfLogarithms.{reduction}", [a.log_softmax(1), b.log_softmax(1)],
           lambda x, y: F.kl_div(x, y, reduction=reduction, log_target=True))
    weights, positive = probabilities(5), probabilities(5) * 3
    arrays[f"bceLogits.{reduction}.weights"], arrays[f"bceLogits.{reduction}.positive"] = single(weights), single(positive)
    record(f"bceLogits.{reduction}", [a * 3, probabilities(4, 5)],
           lambda x, y: F.binary_cross_entropy_with_logits(x, y, weights.float().double(), reduction=reduction,
                                                           pos_weight=positive.float().double()))
    record(f"bce.{reduction}", [probabilities(4, 5), probabilities(4, 5)],
           lambda x, y: F.binary_cross_entropy(x, y, reduction=reduction))

# Logits have their classes last here and second there.
logits, labels = draw(3, 4, 6) * 2, torch.tensor([[0, 5, 2, -100], [3, 3, 1, 4], [-100, 0, 5, 5]])
targets, weights = draw(3, 4, 6).softmax(-1), probabilities(6) * 2
arrays["crossEntropy.labels"] = labels.int()
arrays["crossEntropy.weights"] = single(weights)
weights = weights.float().double()
for reduction in ["mean", "sum", "none"]:
    for name, options in {
        "plain": {}, "weighted": {"weight": weights}, "smooth": {"label_smoothing": 0.2},
        "both": {"weight": weights, "label_smoothing": 0.2},
    }.items():
        record(f"crossEntropy.{name}.{reduction}", [logits],
               lambda x: F.cross_entropy(x.movedim(-1, 1), labels, reduction=reduction, **options))
        record(f"crossEntropyOfTargets.{name}.{reduction}", [logits, targets],
               lambda x, y: F.cross_entropy(x.movedim(-1, 1), y.movedim(-1, 1), reduction=reduction, **options))

save_file(arrays, pathlib.Path(__file__).with_suffix(".safetensors"), metadata={"torch": torch.__version__})
