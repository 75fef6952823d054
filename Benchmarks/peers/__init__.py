"""The benchmark's work in PyTorch and onnxruntime, under the same names; `python -m peers SUITE NAME...`."""
