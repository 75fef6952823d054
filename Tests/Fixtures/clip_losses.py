"""open_clip's CoCaLoss and DistillClipLoss of random numbers, and their gradients.

    python Tests/Fixtures/clip_losses.py      # needs torch, open_clip_torch (its losses alone, so no torchvision), safetensors

`coca/<input>`, `distill/<input>` and `<loss>/gradient/<input>` (of the sum of both terms; for CoCa also of each weight's
case, `coca-<case>`). In float64. Some labels are padding.
"""

import importlib.metadata
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

losses = {}
exec(importlib.metadata.distribution("open_clip_torch").locate_file("open_clip/loss.py").read_text(), losses)
CoCaLoss, DistillClipLoss = losses["CoCaLoss"], losses["DistillClipLoss"]
torch.manual_seed(6)
torch.set_default_dtype(torch.float64)
arrays = {}


def embeddings(count, width):
    return F.normalize(torch.randn(count, width), dim=-1)


def record(case, inputs, constants, compute):
    leaves = {name: tensor.float().double().requires_grad_() for name, tensor in inputs.items()}
    constants = {name: t.float().double() if t.is_floating_point() else t for name, t in constants.items()}
    terms = compute(**leaves, **constants)
    sum(terms.values()).backward()
    values = {**leaves, **constants, **terms}
    values |= {f"gradient/{name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    for name, value in values.items():
        value = value.detach()
        arrays[f"{case}/{name}"] = (value.float() if value.is_floating_point() else value.int()).contiguous()


labels = torch.randint(1, 9, (6, 4))
labels[0, 2:] = labels[3, 1:] = labels[4, 3:] = 5
for case, caption, contrastive, padding in [("coca", 2.0, 1.0, 5), ("coca-captions", 0.7, 0.0, 0)]:
    loss = CoCaLoss(caption_loss_weight=caption, clip_loss_weight=contrastive, pad_id=padding)
    record(
        case,
        dict(images=embeddings(6, 5), texts=embeddings(6, 5), logits=2 * torch.randn(6, 4, 9), scale=torch.tensor([1.3])),
        dict(labels=labels),
        lambda images, texts, logits, scale, labels: loss(images, texts, logits, labels, scale.exp(), output_dict=True),
    )
record(
    "distill",
    dict(images=embeddings(6, 5), texts=embeddings(6, 5), scale=torch.tensor([1.3])),
    # A teacher has a width of its own.
    dict(teacher_images=embeddings(6, 7), teacher_texts=embeddings(6, 7), teacher_scale=torch.tensor([2.1])),
    lambda images, texts, scale, teacher_images, teacher_texts, teacher_scale: DistillClipLoss()(
        images, texts, scale.exp(), teacher_images, teacher_texts, teacher_scale.exp(), output_dict=True),
)
versions = {name: importlib.metadata.version(name) for name in ["torch", "open_clip_torch"]}
save_file(arrays, Path(__file__).with_suffix(".safetensors"), versions)
