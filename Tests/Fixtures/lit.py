"""Writes a training in which an image tower is locked, then unfrozen: PyTorch's losses and weights.

    python Tests/Fixtures/lit.py      # needs numpy, torch, safetensors

SigLIP's loss of two small towers. For ten steps the image tower is locked; then it trains with a tenth of the learning
rate and without weight decay, while the text tower's moments go on. In float64, from numbers that float32 has exactly.
"""

import torch
from safetensors.numpy import save_file

from optimizers import FOLDER, STEPS, warm_up_cosine

UNFROZEN_FROM = 10
torch.set_default_dtype(torch.float64)


def numbers(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).float().double()


class Towers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.image = torch.nn.ModuleDict({"hidden": torch.nn.Linear(6, 9), "output": torch.nn.Linear(9, 5)})
        self.text = torch.nn.ModuleDict({"words": torch.nn.Embedding(11, 7), "output": torch.nn.Linear(7, 5)})
        self.logitScale = torch.nn.Parameter(torch.tensor(1.0))
        self.logitBias = torch.nn.Parameter(torch.tensor(-1.5))
        for parameter in self.parameters():
            if parameter.dim() > 0:
                parameter.data = numbers(*parameter.shape, scale=0.5)

    def forward(self, images, words):
        x = self.image["output"](torch.nn.functional.gelu(self.image["hidden"](images), approximate="tanh"))
        y = self.text["output"](self.text["words"](words).mean(1))
        x, y = (z / (z.norm(dim=-1, keepdim=True) + 1e-8) for z in (x, y))
        logits = x @ y.T * self.logitScale.exp() + self.logitBias
        signs = 2 * torch.eye(len(x)) - 1
        return -torch.nn.functional.logsigmoid(signs * logits).sum() / len(x)


def train(model, images, words, make, rate):
    image, rest = list(model.image.parameters()), [p for n, p in model.named_parameters() if not n.startswith("image")]
    optimizer = make([{"params": image, "weight_decay": 0.0}, {"params": rest}])
    model.image.requires_grad_(False)
    losses = []
    for step in range(STEPS):
        if step == UNFROZEN_FROM:
            model.image.requires_grad_(True)
        for group, multiplier in zip(optimizer.param_groups, (0.1, 1.0)):
            group["lr"] = rate * multiplier * warm_up_cosine(step)
        optimizer.zero_grad()
        loss = model(images[step], words[step])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def main():
    torch.manual_seed(1)
    start = Towers().state_dict()
    images, words = numbers(STEPS, 8, 6), torch.randint(11, (STEPS, 8, 4))
    arrays = {f"start/{name}": tensor.float().numpy() for name, tensor in start.items()}
    arrays |= {"images": images.float().numpy(), "words": words.int().numpy()}
    for name, rate, make in [
        ("adamw", 0.05, lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.1)),
        ("sgd", 0.5, lambda groups: torch.optim.SGD(groups, momentum=0.9, weight_decay=0.01)),
        ("adafactor", 0.1, lambda groups: torch.optim.Adafactor(
            groups, eps=(float(torch.finfo(torch.float32).eps), 1e-3), weight_decay=0.1)),
    ]:
        model = Towers()
        model.load_state_dict(start)
        arrays[f"{name}/losses"] = train(model, images, words, make, rate).float().numpy()
        arrays |= {f"{name}/{path}": tensor.float().numpy() for path, tensor in model.state_dict().items()}
    save_file(arrays, FOLDER / "lit.safetensors", metadata={"torch": torch.__version__})


if __name__ == "__main__":
    main()
