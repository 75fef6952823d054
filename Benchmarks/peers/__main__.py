"""Measures a peer: `python -m peers gemm gemm/256x256x256/NN`, in the folder Benchmarks.

Without names they are read from standard input, and each is answered by a line of JSON, as `benchmark --serve` does.
"""

import argparse
import importlib
import json
import re
import resource
import statistics
import sys
import time

import torch


def memory(field):
    """VmRSS or VmHWM (the peak) of this process in bytes; where there is no /proc the peak for both."""
    try:
        status = open("/proc/self/status").read()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) * 1024


def forget_peak():
    """Importing libraries may have needed more than they keep; the peak is to be that of the work."""
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(run, iterations):
    """As Pairwise's `Work.measure`."""
    times = []
    if iterations:
        times = [timed(run) for _ in range(iterations)]
    else:
        spent = timed(run)
        while spent < 0.05:
            spent += timed(run)
        spent = 0
        while spent < 4 and (len(times) < 5 or spent < 0.4):
            times.append(timed(run))
            spent += times[-1]
    return {"median_s": statistics.median(times), "min_s": min(times), "runs": len(times)}


def main():
    parser = argparse.ArgumentParser(prog="peers")
    parser.add_argument("suite")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--engine", default="torch", help="torch, or another one that a suite has")
    options = parser.parse_intermixed_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    # A module of a suite has `prepare(name, options)`: it makes the operands and returns what does the work once.
    prepare = importlib.import_module(f"peers.{options.suite}").prepare
    forget_peak()
    base = memory("VmRSS")
    prepared, run = None, None
    for line in options.names or sys.stdin:
        name = line.strip()
        if name != prepared:
            run = None  # frees the operands of the work before
            run, prepared = prepare(name, options), name
        result = {"name": name} | measure(run, options.iterations)
        result |= {"peak_rss_bytes": memory("VmHWM"), "base_rss_bytes": base}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
