"""EfficientNet-Lite0 in plain PyTorch, with the parameter names of the published checkpoint."""

import torch
from torch import nn
from torch.nn import functional

# (repeats, kernel, stride, expansion, channels) of each stage.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


class SameConv2d(nn.Conv2d):
    """A bias-free convolution with TensorFlow's "same" padding: the odd pixel goes to the right and bottom."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x):
        pads = []
        for size in (x.shape[3], x.shape[2]):  # functional.pad takes the last axis first
            kernel, stride = self.kernel_size[0], self.stride[0]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Inverted residual: expand 1x1, depthwise, project 1x1 (linear); no squeeze-and-excitation."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.expands, self.residual = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = SameConv2d(inputs, hidden, 1), batch_norm(hidden)
        self._depthwise_conv = SameConv2d(hidden, hidden, kernel, stride, groups=hidden)
        self._bn1 = batch_norm(hidden)
        self._project_conv, self._bn2 = SameConv2d(hidden, outputs, 1), batch_norm(outputs)

    def forward(self, x):
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Takes pixels [batch, 3, height, width] scaled as (x - 127) / 128, x in 0...255."""

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv2d(3, 32, 3, 2), batch_norm(32)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for index in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if index == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv2d(inputs, 1280, 1), batch_norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def features(self, x):
        """The pooled features [batch, 1280]."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))

    def forward(self, x):
        """The pooled features [batch, 1280] and the ImageNet logits [batch, 1000]."""
        features = self.features(x)
        return features, self._fc(features)


def load(state):
    """The network in evaluation mode with `state`, a dictionary of tensors of any floating type."""
    model = EfficientNetLite0()
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    model.load_state_dict({name: value.float() for name, value in state.items()} | counters, strict=True)
    return model.eval()


def preprocess(images, size):
    """U8 images [count, height, width, 3] to the network's input [count, 3, size, size].

    Squashed by Pillow's bicubic filter (antialiased when shrinking), rounded back to 8 bits as Pillow does.
    """
    import numpy
    from PIL import Image

    resized = [numpy.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)) for image in images]
    pixels = torch.from_numpy(numpy.stack(resized)).permute(0, 3, 1, 2).float()
    return (pixels - 127) / 128
