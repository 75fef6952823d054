"""inference/siglip-b16-224/batch4, inference/clip-rn50/batch4: embeddings of that many images and texts; /bf16 with
weights, images and everything between in bfloat16, which is faster than autocast; /int8 with linear layers of 8 bits, inputs
as they come."""

import re

import torch
from torch.nn import functional

from . import clip, exported, siglip


class Embeddings(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = siglip.make_model()

    def forward(self, pixel_values, input_ids):
        images = self.model.vision_model(pixel_values=pixel_values).pooler_output
        texts = self.model.text_model(input_ids=input_ids).pooler_output
        return functional.normalize(images), functional.normalize(texts)


def prepare(name, options):
    tower, batch, precision = re.fullmatch(r"inference/([^/]+)/batch(\d+)(/bf16|/int8)?", name).groups()
    is_clip = tower.startswith("clip")
    inputs = (clip if is_clip else siglip).make_inputs(int(batch))
    make_model = (lambda: clip.CLIP(tower)) if is_clip else Embeddings
    if options.engine == "onnxruntime":
        session = exported.session(name, options.threads, make_model, inputs, ["images", "texts"])
        arrays = {key: value.numpy() for key, value in inputs.items()}
        return lambda: session.run(None, arrays)
    model = make_model().eval()
    if precision == "/int8":
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    elif precision:
        model = model.to(torch.bfloat16)
        inputs["pixel_values"] = inputs["pixel_values"].bfloat16()
    return torch.inference_mode()(lambda: model(**inputs))
