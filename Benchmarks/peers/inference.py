"""inference/siglip-b16-224/batch4: embeddings of that many images and texts."""

import re

import torch
from torch.nn import functional

from . import exported, siglip


class Embeddings(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = siglip.make_model()

    def forward(self, pixel_values, input_ids):
        images = self.model.vision_model(pixel_values=pixel_values).pooler_output
        texts = self.model.text_model(input_ids=input_ids).pooler_output
        return functional.normalize(images), functional.normalize(texts)


def prepare(name, options):
    inputs = siglip.make_inputs(int(re.fullmatch(r"inference/siglip-b16-224/batch(\d+)", name)[1]))
    if options.engine == "onnxruntime":
        session = exported.session(name, options.threads, Embeddings, inputs, ["images", "texts"])
        arrays = {key: value.numpy() for key, value in inputs.items()}
        return lambda: session.run(None, arrays)
    model = Embeddings().eval()
    return torch.inference_mode()(lambda: model(**inputs))
