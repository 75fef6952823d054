"""A random B/16-224 of transformers, and whether `siglip` computes and converts the same.

    python .ci/parity.py make FOLDER        # FOLDER/model, pixels.safetensors, tokens.safetensors; in FOLDER/model as well
                                            # what it computes, expected.safetensors and gradient.safetensors, as
                                            # CheckpointParityTests reads them when PAIRWISE_SIGLIP_REFERENCE names it
    python .ci/parity.py embedded FOLDER    # FOLDER/embeddings-*.safetensors: what `siglip embed` wrote
    python .ci/parity.py converted FOLDER   # FOLDER/returned: the model after it went through every format
    python .ci/parity.py tune FOLDER        # pictures, a tokenizer and FOLDER/tune.json to fine-tune the model with
    python .ci/parity.py tuned FOLDER       # FOLDER/tuned-transformers: what became of it, with embeddings-tuned.safetensors
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import SiglipConfig, SiglipModel


def outputs(model, pixels, ids):
    with torch.inference_mode():
        result = model(pixel_values=pixels, input_ids=ids)
    names = ["image_embeds", "text_embeds", "logits_per_image"]
    return {name: getattr(result, name).contiguous() for name in names}


def make(folder):
    torch.manual_seed(3)
    model = SiglipModel(SiglipConfig()).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # As initialised, biases are 0 and norms 1, which hides errors.
            if parameter.ndim <= 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
        model.logit_scale.fill_(4.7)
        model.logit_bias.fill_(-16)
    model.save_pretrained(folder / "model", max_shard_size="300MB")
    pixels = torch.rand(4, 3, 224, 224) * 2 - 1
    ids = torch.randint(32000, (4, 64))
    save_file({"pixel_values": pixels}, folder / "pixels.safetensors")
    save_file({"input_ids": ids.int()}, folder / "tokens.safetensors")
    save_file(outputs(model, pixels, ids), folder / "expected.safetensors")
    reference(folder / "model", model.double(), pixels, ids)


def reference(folder, model, pixels, ids):
    """What the model computes in double precision, and the gradient of its loss."""
    result = model(pixel_values=pixels.double(), input_ids=ids, return_loss=True)
    result.loss.backward()
    arrays = {
        "image_features": result.vision_model_output.pooler_output,
        "text_features": result.text_model_output.pooler_output,
        **{name: getattr(result, name) for name in ["image_embeds", "text_embeds", "logits_per_image", "loss"]},
    }
    arrays = {name: array.detach().float().contiguous() for name, array in arrays.items()}
    save_file({"pixels": pixels, "input_ids": ids.int(), **arrays}, folder / "expected.safetensors")
    gradient = {name: parameter.grad.float().contiguous() for name, parameter in model.named_parameters()}
    save_file(gradient, folder / "gradient.safetensors")


def embedded(folder):
    expected = load_file(folder / "expected.safetensors")
    found = sorted(folder.glob("embeddings-*.safetensors"))
    assert found, "no embeddings"
    for path in found:
        arrays = load_file(path)
        for name, array in expected.items():
            difference = ((arrays[name] - array).abs().max() / array.abs().max()).item()
            print(f"{path.name} {name}: {difference:.1e} of the largest element")
            if not difference <= 1e-4:
                sys.exit(f"{path.name}: {name} differs")


def converted(folder):
    expected = load_file(folder / "expected.safetensors")
    original = SiglipModel.from_pretrained(folder / "model").eval()
    returned, info = SiglipModel.from_pretrained(folder / "returned", output_loading_info=True)
    if any(info[kind] for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]):
        sys.exit(f"transformers does not find the weights: {info}")
    for name, tensor in original.state_dict().items():
        if not torch.equal(tensor, returned.state_dict()[name]):
            sys.exit(f"{name} changed on its way through the formats")
    again = outputs(
        returned.eval(), load_file(folder / "pixels.safetensors")["pixel_values"],
        load_file(folder / "tokens.safetensors")["input_ids"].long(),
    )
    for name, array in expected.items():
        if not torch.equal(array, again[name]):
            sys.exit(f"transformers computes another {name} from what siglip wrote")
    print("transformers computes the same from what siglip wrote, bit for bit")


def tune(folder):
    (folder / "model" / "spiece.model").write_bytes(Path("Examples/Data/tokenizer.model").read_bytes())
    (folder / "model" / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "SiglipTokenizer"}))
    rows = ["image,caption"]
    for number, word in enumerate("apple dog car moon fish tree house book".split()):
        pixels = bytes([number * 30, 255 - number * 30, 90] * 64 * 48)
        (folder / f"{number}.ppm").write_bytes(b"P6 64 48 255 " + pixels)
        rows.append(f"{number}.ppm,{word}")
    (folder / "pictures.csv").write_text("\n".join(rows))
    (folder / "tune.json").write_text(json.dumps({
        "data": str(folder / "pictures.csv"), "output": str(folder / "tuned"), "steps": 2, "batchSize": 4,
        "model": {"checkpoint": str(folder / "model")},
        "towers": {"image": {"training": 1}, "text": {"training": 1, "layerwiseDecay": 0.8}},
        "optimizer": {"learningRate": 1e-4}, "schedule": {"warmUpSteps": 0}, "augmentations": [{"name": "horizontalFlip"}],
    }))


def tuned(folder):
    model, info = SiglipModel.from_pretrained(folder / "tuned-transformers", output_loading_info=True)
    if any(info[kind] for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]):
        sys.exit(f"transformers does not find the weights: {info}")
    tokens = load_file(folder / "tokens.safetensors")["input_ids"].long()
    computed = outputs(model.eval(), load_file(folder / "pixels.safetensors")["pixel_values"], tokens)
    written = load_file(folder / "embeddings-tuned.safetensors")
    before = load_file(folder / "expected.safetensors")
    for name in ["image_embeds", "text_embeds"]:
        difference = ((written[name] - computed[name]).abs().max() / computed[name].abs().max()).item()
        moved = ((before[name] - computed[name]).abs().max() / computed[name].abs().max()).item()
        print(f"fine-tuned {name}: {difference:.1e} of the largest element, moved by {moved:.1e}")
        if not difference <= 1e-5 or not moved > 1e-3:
            sys.exit(f"fine-tuned {name} differs, or was not tuned")


if __name__ == "__main__":
    parts = {"make": make, "embedded": embedded, "converted": converted, "tune": tune, "tuned": tuned}
    parts[sys.argv[1]](Path(sys.argv[2]))
