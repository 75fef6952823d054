"""optimizer/adamw/siglip-b16-224: an update of all parameters of SigLIP B/16."""

from . import siglip


def prepare(name, _):
    parameters = list(siglip.make_model().parameters())
    for parameter in parameters:
        parameter.grad = parameter.detach() * 0.01
    return siglip.make_optimizer(name.split("/")[1], parameters).step
