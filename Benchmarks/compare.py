#!/usr/bin/env python3
"""Times suites here and in PyTorch and other peers in turn, several rounds, and prints the ratios of their times.

    python3 Benchmarks/compare.py all
    python3 Benchmarks/compare.py gemm attention --threads 1 --rounds 7 --filter 768

A ratio above 1 means that Pairwise is faster. The first use makes a virtual environment in Benchmarks/.venv. The
limits of the machine, multiply-adds in registers and copying memory, are measured in the same run. Give the machine
nothing else to do.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

from comparison import contenders, environment, table, targets

SUITES = ["gemm", "kernels", "conv", "attention", "loss", "optimizer", "step", "inference", "overhead", "tower",
          "tokenize"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="+", choices=SUITES + ["all"], metavar="SUITE",
                        help=", ".join(SUITES) + " or all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="5, or 3 where each measurement has a process of its own")
    parser.add_argument("--filter", default="", help="only work whose name contains this")
    parser.add_argument("--iterations", type=int, help="runs in a round, without a run before; to try things out")
    parser.add_argument("--python", help="an interpreter with the peers' packages, instead of Benchmarks/.venv")
    parser.add_argument("--no-peers", action="store_true", help="only Pairwise")
    parser.add_argument("--json", type=Path, help="write all measurements here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    return parser.parse_args()


def compare(name, taking_part, rounds):
    """All take turns, so that what else the machine does strikes all alike."""
    found = {who.name: [] for who in taking_part}
    for _ in range(rounds):
        for who in taking_part:
            found[who.name].append(who.measure(name))
    return table.Row(name, found)


def measure_limits(program, options):
    """The best of a few tries: nothing can be faster than what a machine does at its best."""
    best = {}
    (ours,) = contenders.contenders("limits", program, None, options)
    for name in contenders.names("limits", program, ""):
        found = [ours.measure(name) for _ in range(3)]
        best[name.split("/")[1]] = max(m["flops"] + m["bytes"] for m in found) / min(m["min_s"] for m in found)
    ours.stop()
    return best


def describe(limits, options):
    return (f"{platform.machine()}, {options.threads} threads; {limits['multiply-add'] / 1e9:.0f} GFLOP/s in registers, "
            f"{limits['copy'] / 1e9:.1f} GB/s copying")


def main():
    options = parse()
    suites = SUITES if "all" in options.suites else options.suites
    program = environment.build()
    interpreter = None if options.no_peers else options.python or environment.python()
    limits = measure_limits(program, options)
    peers = environment.versions(interpreter) if interpreter else "no peers"
    print(describe(limits, options), peers, sep="\n", flush=True)
    print(table.aligned(table.HEADINGS), flush=True)
    rows = {}
    for suite in suites:
        everyone = contenders.contenders(suite, program, interpreter, options)
        rounds = options.rounds or (3 if suite in contenders.ISOLATED else 5)
        for name in contenders.names(suite, program, options.filter):
            has_peer = interpreter and targets.has_peer(name)
            taking_part = contenders.capable(everyone, name) if has_peer else everyone[:1]
            rows[name] = compare(name, taking_part, rounds)
            print(table.aligned(rows[name].cells(limits)), flush=True)
        for who in everyone:
            who.stop()
        # What is measured is kept, should a later suite fail.
        write(options, [describe(limits, options), peers], rows, targets.checks(rows, limits), limits)
    # Others who use the machine's memory may have left it alone by now.
    limits = {name: max(rate, limits[name]) for name, rate in measure_limits(program, options).items()}
    heading = [describe(limits, options), peers]
    print(heading[0])
    verdicts = targets.checks(rows, limits)
    for what, target, found, holds in verdicts:
        print(f"{what}: {found} ({target}): {'holds' if holds else 'MISSED'}")
    write(options, heading, rows, verdicts, limits)


def write(options, heading, rows, verdicts, limits):
    if options.json:
        options.json.write_text(json.dumps({
            "heading": heading, "threads": options.threads, "limits": limits,
            "rows": [{"name": row.name, "ratio": row.ratio, "ratios": row.ratios, "rounds": row.rounds}
                     for row in rows.values()]}, indent=1))
    if options.markdown:
        cells = [table.HEADINGS] + [row.cells(limits) for row in rows.values()]
        checks = [["target", "asked", "found", ""]]
        checks += [[what, target, found, "holds" if holds else "MISSED"] for what, target, found, holds in verdicts]
        options.markdown.write_text("\n\n".join(heading) + "\n\n" + table.markdown(cells)
                                    + ("\n" + table.markdown(checks) if verdicts else ""))


if __name__ == "__main__":
    sys.exit(main())
