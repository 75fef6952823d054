"""Models in onnxruntime, exported once into a folder of temporary files."""

import os
import tempfile
from pathlib import Path

import torch


def session(name, threads, model, inputs, outputs):
    """A session that runs `model`, exported for inputs of these very shapes (a dictionary by argument's name)."""
    import onnxruntime

    folder = Path(tempfile.gettempdir()) / f"pairwise-benchmark-{os.getuid()}-{torch.__version__}"
    folder.mkdir(exist_ok=True)
    path = folder / (name.replace("/", "-") + ".onnx")
    if not path.exists():
        import contextlib
        import sys

        with contextlib.redirect_stdout(sys.stderr), torch.inference_mode():
            torch.onnx.export(model().eval(), (), str(path), kwargs=inputs, input_names=list(inputs),
                              output_names=outputs, dynamo=True, external_data=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
