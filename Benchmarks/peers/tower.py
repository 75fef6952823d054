"""tower/efficientnet-lite0-224/batch16: pooled features of images, by timm's EfficientNet-Lite0.

PyTorch folds normalisation into convolutions, keeps channels last and runs a frozen trace: half the time of a plain call.
"""

import sys
from unittest import mock

import torch
from torch import nn
from torch.fx.experimental import optimization

# timm imports torchvision, whose compiled operators need the very build of torch they were made for. The model uses
# nothing of it: stand-ins are enough while timm is imported.
_PARTS = ["", ".datasets", ".models", ".models.feature_extraction", ".ops", ".ops.misc", ".transforms",
          ".transforms.functional"]
_stand_ins = {"torchvision" + part: mock.MagicMock(FrozenBatchNorm2d=nn.BatchNorm2d) for part in _PARTS}
sys.modules |= _stand_ins
import timm  # noqa: E402

for _name in _stand_ins:
    del sys.modules[_name]

from . import exported


def make_model():
    return timm.create_model("efficientnet_lite0", pretrained=False, num_classes=0)


def prepare(name, options):
    pixels = torch.rand(16, 3, 224, 224) * 2 - 1
    if options.engine == "onnxruntime":
        session = exported.session(name, options.threads, make_model, {"x": pixels}, ["features"])
        arrays = {"x": pixels.numpy()}
        return lambda: session.run(None, arrays)
    pixels = pixels.to(memory_format=torch.channels_last)
    model = optimization.fuse(make_model().eval().to(memory_format=torch.channels_last))
    with torch.inference_mode():
        model = torch.jit.freeze(torch.jit.trace(model, pixels))
        for _ in range(3):  # the first calls optimise
            model(pixels)
    return torch.inference_mode()(lambda: model(pixels))
