#!/usr/bin/env python3
"""Times suites here and in PyTorch and other peers in turn, several rounds, and prints the ratios of their times.

    python3 Benchmarks/compare.py all
    python3 Benchmarks/compare.py gemm attention --threads 1 --rounds 7 --filter 768
    python3 Benchmarks/compare.py all --before ../before/Benchmarks/.build/release/benchmark

A ratio above 1 means that Pairwise is faster. The first use makes a virtual environment in Benchmarks/.venv. The
limits of the machine, multiply-adds in registers and copying memory, are measured in the same run. Give the machine
nothing else to do.

With --before the only peer is an earlier build of the same program, and no work may take over 3% longer than there. A
ratio is then that of the best times, as both do the same and noise only ever adds; work that seems slower is measured
again, twice as often each time, before it counts as slower.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

from comparison import contenders, environment, table, targets

SUITES = ["gemm", "kernels", "conv", "attention", "loss", "optimizer", "step", "inference", "overhead", "tower",
          "tokenize"]
# Beside these: it needs libjpeg and libpng.
TRAIN = "train"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="+", choices=SUITES + [TRAIN, "all"], metavar="SUITE",
                        help=", ".join(SUITES) + f" or all, or {TRAIN}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="5, or 3 where each measurement has a process of its own")
    parser.add_argument("--filter", default="", help="only work whose name contains this")
    parser.add_argument("--iterations", type=int, help="runs in a round, without a run before; to try things out")
    parser.add_argument("--python", help="an interpreter with the peers' packages, instead of Benchmarks/.venv")
    parser.add_argument("--no-peers", action="store_true", help="only Pairwise")
    parser.add_argument("--program", type=Path, help="a build of `benchmark`, instead of building it first")
    parser.add_argument("--before", type=Path, metavar="PROGRAM", help="compare with an earlier build of `benchmark`")
    parser.add_argument("--json", type=Path, help="write all measurements here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    return parser.parse_args()


def compare(name, taking_part, rounds, options):
    """All take turns, so that what else the machine does strikes all alike."""
    found = {who.name: [] for who in taking_part}

    def measure(rounds):
        for _ in range(rounds):
            for who in taking_part:
                found[who.name].append(who.measure(name))
        return table.Row(name, found, is_before=bool(options.before))

    row = measure(rounds)
    for repetition in 2, 4, 8:
        if options.before and row.is_slower():
            row = measure(rounds * repetition)
    return row


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
    suites = SUITES if "all" in options.suites else []
    suites = suites + [suite for suite in options.suites if suite not in suites + ["all"]]
    program = str(options.program.resolve()) if options.program else environment.build(TRAIN in options.suites)
    interpreter = None if options.no_peers or options.before else options.python or environment.python()
    limits = measure_limits(program, options)
    peers = environment.versions(interpreter) if interpreter else "an earlier build" if options.before else "no peers"
    print(describe(limits, options), peers, sep="\n", flush=True)
    print(table.aligned(table.HEADINGS), flush=True)
    rows = {}
    if TRAIN in suites:
        environment.make_pictures(interpreter)
    for suite in suites:
        everyone = contenders.contenders(suite, program, interpreter, options)
        rounds = options.rounds or (3 if suite in contenders.ISOLATED else 5)
        known = contenders.names(suite, options.before, "") if options.before else None
        for name in contenders.names(suite, program, options.filter):
            has_peer = name in known if options.before else interpreter and targets.has_peer(name)
            taking_part = contenders.capable(everyone, name) if has_peer else everyone[:1]
            rows[name] = compare(name, taking_part, rounds, options)
            print(table.aligned(rows[name].cells(limits)), flush=True)
        for who in everyone:
            who.stop()
        # What is measured is kept, should a later suite fail.
        write(options, [describe(limits, options), peers], rows, checks(rows, limits, options), limits)
    # Others who use the machine's memory may have left it alone by now.
    limits = {name: max(rate, limits[name]) for name, rate in measure_limits(program, options).items()}
    heading = [describe(limits, options), peers]
    print(heading[0])
    verdicts = checks(rows, limits, options)
    for what, target, found, holds in verdicts:
        print(f"{what}: {found} ({target}): {'holds' if holds else 'MISSED'}")
    write(options, heading, rows, verdicts, limits)


def checks(rows, limits, options):
    if not options.before:
        return targets.checks(rows, limits)
    slower = [name for name, row in rows.items() if row.is_slower()]
    return [(f"{len(rows)} pieces of work beside an earlier build", "none over 3% slower",
             ", ".join(slower) or "none", not slower)]


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
