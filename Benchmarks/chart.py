#!/usr/bin/env python3
"""Draws the speed of square products against their size, beside the peers' and what registers alone can do.

    python3 Benchmarks/compare.py gemm --filter /NN --threads 1 --json one.json
    python3 Benchmarks/compare.py gemm --filter /NN --threads 2 --json two.json
    python3 Benchmarks/chart.py one.json two.json Documentation/images/gemm-speed.svg
"""

import json
import math
import statistics
import sys
from pathlib import Path

WIDTH, HEIGHT = 430, 330  # of one panel
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 44, 48
COLORS = {"Pairwise": "#1f5fbf", "PyTorch": "#d1541f", "NumPy": "#6b7280"}
LABELS = {"PyTorch": "PyTorch (MKL)", "NumPy": "NumPy (OpenBLAS)"}


def speeds(rows):
    """By contender: size and GFLOP/s of every square product."""
    result = {}
    for row in rows:
        suite, what = row["name"].split("/")[:2]
        sizes = what.split("x")
        if suite != "gemm" or len(set(sizes)) > 1:
            continue
        size = int(sizes[0])
        for who, rounds in row["rounds"].items():
            time = statistics.median(m["median_s"] for m in rounds)
            result.setdefault(who, []).append((size, 2 * size**3 / time / 1e9))
    return result


def nice_step(top):
    """A round distance between about five lines."""
    rough = top / 5
    power = 10 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough)


def panel(data, left):
    """One chart, for one number of threads."""
    found = speeds(data["rows"])
    ceiling = data["limits"]["multiply-add"] / 1e9
    top = 1.08 * max([ceiling] + [speed for points in found.values() for _, speed in points])
    sizes = [size for size, _ in found["Pairwise"]]
    low, high = math.log2(min(sizes)), math.log2(max(sizes))

    def x(size):
        return left + LEFT + (math.log2(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(speed):
        return HEIGHT - BOTTOM - speed / top * (HEIGHT - TOP - BOTTOM)

    def text(at, height, words, anchor="middle", more=""):
        return f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}" {more}>{words}</text>'

    begin, end = x(min(sizes)), x(max(sizes))
    threads = data["threads"]
    parts = [text((begin + end) / 2, 24, f"{threads} thread" + "s" * (threads > 1), more='font-weight="600"')]
    for index in range(int(top / nice_step(top)) + 1):
        speed = index * nice_step(top)
        parts.append(f'<path d="M{begin:.1f} {y(speed):.1f}H{end:.1f}" stroke="#e5e7eb"/>')
        parts.append(text(begin - 8, y(speed) + 4, f"{speed:g}", "end"))
    for size in sizes:
        if size & (size - 1) == 0:
            parts.append(text(x(size), HEIGHT - BOTTOM + 18, size))
    parts.append(text(begin - 8, TOP - 4, "GFLOP/s", "end"))
    parts.append(text((begin + end) / 2, HEIGHT - 10, "rows, columns and depth of the product"))
    parts.append(f'<path d="M{begin:.1f} {y(ceiling):.1f}H{end:.1f}" stroke="#111827" stroke-dasharray="5 4"/>')
    parts.append(text(end, y(ceiling) - 6, "multiply-adds in registers", "end"))
    # Names stand on the right, above their lines, that of the slowest below.
    slowest = min(found, key=lambda who: found[who][-1][1])
    for who, points in found.items():
        color = COLORS.get(who, "#6b7280")
        path = "L".join(f"{x(size):.1f} {y(speed):.1f}" for size, speed in points)
        width = 2.5 if who == "Pairwise" else 1.75
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="{width}" stroke-linejoin="round"/>')
        parts += [f'<circle cx="{x(size):.1f}" cy="{y(speed):.1f}" r="{width:.1f}" fill="{color}"/>'
                  for size, speed in points]
        heights = [y(speed) for _, speed in points[-len(points) // 2:]]
        place = max(heights) + 17 if who == slowest else min(heights) - 8
        parts.append(text(end, place, LABELS.get(who, who), "end", f'fill="{color}" font-weight="600"'))
    return parts


def main():
    *inputs, output = sys.argv[1:]
    if not inputs:
        sys.exit(__doc__)
    parts = []
    for index, path in enumerate(inputs):
        parts += panel(json.loads(Path(path).read_text()), index * WIDTH)
    width = WIDTH * len(inputs)
    Path(output).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#374151">\n'
        "<title>GFLOP/s of square matrix products</title>\n"
        f'<rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    main()
