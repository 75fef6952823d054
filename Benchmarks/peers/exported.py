"""Models in onnxruntime, exported once into a folder of temporary files."""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import onnxruntime
import torch
from onnxruntime import quantization


def session(name, threads, make_model, inputs, outputs):
    """A session that runs a model, exported for inputs of these very shapes (a dictionary by argument's name); of /int8,
    with products of 8 bits: weights by output, what they meet as it comes."""
    folder = Path(tempfile.gettempdir()) / f"pairwise-benchmark-{os.getuid()}-{torch.__version__}"
    plain = name.removesuffix("/int8")
    exported = folder / plain.replace("/", "-")
    if not exported.exists():
        export(exported, make_model(), inputs, outputs)
    if plain != name:
        exported, source = folder / name.replace("/", "-"), exported
        if not exported.exists():
            quantize(exported, source)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(exported / "model.onnx"), options, providers=["CPUExecutionProvider"])


def export(folder, model, inputs, outputs):
    """Writes the graph and the weights; the folder has its name only when it is complete."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with contextlib.redirect_stdout(sys.stderr), torch.inference_mode():
        torch.onnx.export(model.eval(), (), str(partial / "model.onnx"), kwargs=inputs, input_names=list(inputs),
                          output_names=outputs, dynamo=True, external_data=True)
    partial.rename(folder)


def quantize(folder, source):
    """Writes a graph again with weights of 8 bits; the folder has its name only when it is complete."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with contextlib.redirect_stdout(sys.stderr):
        quantization.quantize_dynamic(source / "model.onnx", partial / "model.onnx", per_channel=True,
                                      op_types_to_quantize=["MatMul", "Gemm"], use_external_data_format=True)
    partial.rename(folder)
