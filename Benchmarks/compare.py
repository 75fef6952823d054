"""Times a suite here and in PyTorch in turn, several rounds, and prints the ratios of their times.

    python Benchmarks/compare.py gemm [--threads 2] [--rounds 7] [--filter 1024]

Needs PyTorch (a CPU build is enough) in the Python that runs it. A ratio above 1 means that Pairwise is faster.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", choices=["gemm"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--filter", default="")
    options = parser.parse_args()
    build = ["swift", "build", "--package-path", str(HERE), "-c", "release"]
    subprocess.run(build + ["--product", "benchmark"], check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run(build + ["--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    choice = ["--threads", str(options.threads)] + (["--filter", options.filter] if options.filter else [])
    ours, theirs = {}, {}
    for _ in range(options.rounds):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            subprocess.run([f"{folder}/benchmark", options.suite, "--json", file.name] + choice, check=True,
                           stdout=subprocess.DEVNULL)
            for measurement in json.load(open(file.name)):
                ours.setdefault(measurement["name"], []).append(measurement["median_s"])
        peer = subprocess.run([sys.executable, str(HERE / f"peers/{options.suite}.py")] + choice, check=True,
                              capture_output=True, text=True)
        peer = json.loads(peer.stdout)
        for measurement in peer["measurements"]:
            theirs.setdefault(measurement["name"], []).append(measurement["median_s"])
    print(f"{peer['version']}, {options.threads} threads, {options.rounds} rounds; time of PyTorch / time of Pairwise")
    print(f"{'':32}{'median':>8}{'min':>8}{'max':>8}{'Pairwise':>12}{'PyTorch':>12}")
    for name, times in ours.items():
        ratios = [their / our for our, their in zip(times, theirs[name])]
        print(f"{name:32}{statistics.median(ratios):8.2f}{min(ratios):8.2f}{max(ratios):8.2f}"
              f"{statistics.median(times) * 1e3:9.2f} ms{statistics.median(theirs[name]) * 1e3:9.2f} ms")


if __name__ == "__main__":
    main()
