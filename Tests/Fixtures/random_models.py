"""Random weights for the models of siglip_family.py and clip_family.py, and files with what they compute."""

import torch
from safetensors.torch import save_file


def draw(name, shape):
    """Weights of which none is zero, and no scale one: either would hide errors."""
    if name == "logit_scale":
        return torch.full(shape, 1.3)
    if name == "logit_bias":
        return torch.full(shape, -1.7)
    values = torch.randn(shape)
    if len(shape) == 4 and "patch" not in name:
        return 1.2 * values / shape[1:].numel() ** 0.5
    if "bn3" in name:
        # What a block adds is less than what it passes on, so that deep networks stay well-conditioned.
        return 0.2 * (1 + 0.3 * values) if name.endswith("weight") else 0.1 * values
    if len(shape) == 1 and name.endswith("weight"):
        return 1 + 0.3 * values
    if name.endswith("bias"):
        return 0.3 * values
    if "embed" in name and "patch" not in name or "probe" in name or "latent" in name:
        return 0.5 * values
    return 1.2 * values / shape[-1] ** 0.5


def randomize(model, dtype):
    """Double precision, with numbers that `dtype` holds."""
    model.double().eval()
    for name, parameter in model.named_parameters():
        parameter.data = draw(name, parameter.shape).to(dtype).double()
    for name, buffer in model.named_buffers():
        if "running" in name:
            start = 0.5 if "var" in name else -0.5
            buffer.data = (start + torch.rand(buffer.shape)).to(dtype).double()


def save(folder, versions, model, inputs, outputs):
    """What goes in and comes out, and the gradient of the loss, under the weights' names."""
    outputs["loss"].backward()
    arrays = {
        name: tensor.detach().float() if tensor.is_floating_point() else tensor.int()
        for name, tensor in {**inputs, **outputs}.items()
    }
    save_file(
        {name: tensor.contiguous() for name, tensor in arrays.items()}, folder / "expected.safetensors", versions
    )
    save_gradient(folder, model)


def save_gradient(folder, model):
    """Beside it the running statistics, if there are any: a checkpoint without them would be refused."""
    arrays = {name: parameter.grad for name, parameter in model.named_parameters()}
    arrays |= {name: buffer for name, buffer in model.named_buffers() if "running" in name}
    save_file(
        {name: array.float().contiguous() for name, array in arrays.items()}, folder / "gradient.safetensors"
    )
