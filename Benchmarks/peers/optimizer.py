"""optimizer/adamw/siglip-b16-224: an update of all parameters of SigLIP B/16."""

from torch.optim.swa_utils import get_ema_multi_avg_fn

from . import siglip


def prepare(name, _):
    kind = name.split("/")[1]
    parameters = list(siglip.make_model().parameters())
    if kind == "average":
        average = [parameter.detach() * 2 for parameter in parameters]
        update = get_ema_multi_avg_fn(0.999)
        return lambda: update(average, [parameter.detach() for parameter in parameters], 1)
    for parameter in parameters:
        parameter.grad = parameter.detach() * 0.01
    return siglip.make_optimizer(kind, parameters).step
