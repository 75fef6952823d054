"""Writes files of PyTorch and, beside them, what they hold.

    python Tests/Fixtures/torch_files.py     # needs torch, safetensors

`torch_files/state.pt` is a dictionary of tensors of every type and layout, `training.pt` the same as a training program saves
it, `script.pt` a TorchScript archive; `*.safetensors` have their tensors. `system.pt` asks for `os.system`, `legacy.pt` is in
the format before version 1.6.
"""

import collections
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

torch.manual_seed(1)
HERE = Path(__file__).with_suffix("")
shutil.rmtree(HERE, ignore_errors=True)
HERE.mkdir()

base = torch.arange(24.0).reshape(4, 6)
state = collections.OrderedDict(
    plain=torch.randn(3, 4), half=torch.randn(5).half(), brain=torch.randn(2, 2).bfloat16(),
    double=torch.randn(2).double(), long=torch.tensor([-3, 2**31]), int=torch.tensor([7, -7], dtype=torch.int32),
    short=torch.tensor([300, -300], dtype=torch.int16), char=torch.tensor([-128, 127], dtype=torch.int8),
    byte=torch.tensor([0, 255], dtype=torch.uint8), bool=torch.tensor([True, False]), scalar=torch.tensor(2.5),
    empty=torch.zeros(0, 3), view=base[1:3, 2:5], transposed=base.t(), strided=base[::2, ::3],
    parameter=torch.nn.Parameter(torch.randn(2, 3)),
)
torch.save(state, HERE / "state.pt")
torch.save(state, HERE / "legacy.pt", _use_new_zipfile_serialization=False)
torch.save(
    {
        "epoch": 3, "name": "run", "best": None, "flag": True, "history": [1, -2.5, 2**40, "a"],
        "state_dict": {"module." + name: tensor for name, tensor in state.items()},
        "optimizer": {"state": {0: {"exp_avg": torch.randn(2)}}, "param_groups": [{"betas": (0.9, 0.95)}]},
    },
    HERE / "training.pt",
)
save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, HERE / "state.safetensors")


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2, 3))
        self.register_buffer("mean", torch.randn(3).half())
        self.sizes = [1, 2]

    def forward(self, x):
        return x @ self.weight.t() + self.sizes[0]


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))

    def forward(self, x):
        return self.inner(x), self.layers(x)


module = torch.jit.script(Outer())
torch.jit.save(module, HERE / "script.pt")
save_file({name: tensor.clone() for name, tensor in module.state_dict().items()}, HERE / "script.safetensors")


class System:
    def __reduce__(self):
        return os.system, ("true",)


torch.save({"weight": torch.zeros(1), "other": System()}, HERE / "system.pt")
