"""What the peers that run CLIP at 224 pixels have in common: ViT-B/32 is transformers', RN50 stands here."""

import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModelWithProjection
from transformers.utils import logging

logging.set_verbosity_error()


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != 4 * width:
            self.shortcut = nn.Sequential(
                self.pool, nn.Conv2d(inputs, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        hidden = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        hidden = self.pool(functional.relu(self.bn2(self.conv2(hidden)), inplace=True))
        return functional.relu(self.bn3(self.conv3(hidden)) + self.shortcut(x), inplace=True)


class AttentionPool(nn.Module):
    def __init__(self, tokens, width, heads, outputs):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(tokens + 1, width) / width ** 0.5)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, outputs)
        self.heads = heads

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positions
        split = lambda states: states.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(
            split(self.query(x[:, :1])), split(self.key(x)), split(self.value(x)))
        return self.output(mixed.transpose(1, 2).flatten(1))


class ResNet50(nn.Sequential):
    """CLIP's: a stem of three convolutions, pools in place of strides, and attention in place of the last pool."""

    def __init__(self):
        stem, inputs = [], 3
        for outputs, stride in [(32, 2), (32, 1), (64, 1)]:
            stem += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
            inputs = outputs
        blocks = []
        for stage, count in enumerate([3, 4, 6, 3]):
            for block in range(count):
                blocks.append(Bottleneck(inputs, 64 << stage, 2 if stage and not block else 1))
                inputs = 256 << stage
        super().__init__(*stem, nn.AvgPool2d(2), *blocks, AttentionPool(49, 2048, 32, 1024))


class CLIP(nn.Module):
    def __init__(self, name):
        super().__init__()
        if name == "clip-rn50":
            self.image = ResNet50()
            self.text = CLIPTextModelWithProjection(CLIPTextConfig(
                projection_dim=1024, attn_implementation="sdpa", eos_token_id=49407))
        else:
            config = CLIPConfig()
            config._attn_implementation = "sdpa"
            self.model = CLIPModel(config)
        self.logit_scale = nn.Parameter(torch.tensor(2.659))
        self.name = name

    def forward(self, pixel_values, input_ids):
        if self.name == "clip-rn50":
            images, texts = self.image(pixel_values), self.text(input_ids).text_embeds
        else:
            model = self.model
            images = model.visual_projection(model.vision_model(pixel_values).pooler_output)
            texts = model.text_projection(model.text_model(input_ids).pooler_output)
        return functional.normalize(images), functional.normalize(texts)

    def loss(self, pixel_values, input_ids):
        images, texts = self(pixel_values, input_ids)
        logits = self.logit_scale.exp() * images @ texts.t()
        labels = torch.arange(len(images))
        return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.t(), labels)) / 2


def make_inputs(batch):
    ids = torch.randint(49_406, (batch, 77))
    ids[:, -1] = 49_407
    return {"pixel_values": torch.rand(batch, 3, 224, 224) * 2 - 1, "input_ids": ids}
