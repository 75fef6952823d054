"""The benchmark's work in PyTorch and other peers, under the same names; `python -m peers SUITE NAME...`."""
