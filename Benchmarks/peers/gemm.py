"""The suite `gemm` in PyTorch: prints one JSON list of measurements."""

import argparse
import json
import statistics
import time

import torch

SHAPES = [(size, size, size) for size in (256, 512, 1024, 2048)] + [(1568, 768, 3072)]

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
parser.add_argument("--filter", default="")
options = parser.parse_args()
torch.set_num_threads(options.threads)
measurements = []
for m, k, n in SHAPES:
    name = f"gemm/{m}x{k}x{n}/NN"
    if options.filter not in name:
        continue
    a, b = torch.randn(m, k), torch.randn(k, n)
    times = []
    for _ in range(2):
        a @ b
    while len(times) < 5 or sum(times) < 0.25:
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    measurements.append({"name": name, "median_s": statistics.median(times), "min_s": min(times), "runs": len(times)})
print(json.dumps({"version": f"PyTorch {torch.__version__}", "measurements": measurements}))
