"""Compares what Tests/NEON printed on two machines, and asks for every kernel of the table.

    compare_kernels.py EXPECTED FOUND

A line is a kernel, how far its results may be apart and of what (of the largest result of the line, or of each), their
kind, whether the memory behind them is intact, the arguments, and the results, all numbers in hexadecimal digits:
`row.softmax 8 largest f intact (7,) 3e1f0a27 ...`. Distances are in units of 2^-23, the precision of single precision.
"""

import collections
import math
import pathlib
import re
import struct
import sys

INTERFACE = pathlib.Path(__file__).parent.parent / "Sources/Kernels/Interface"
# Before the results: kernel, distance, of what, kind, state of the memory, arguments.
HEAD = 6


def kernels_of_table():
    """`group.kernel` for every function of every member of the table."""
    sources = "\n".join(file.read_text() for file in sorted(INTERFACE.glob("*.swift")))
    structures = dict(re.findall(r"^public struct (\w+)[^\n]*\{\n(.*?)^\}", sources, re.M | re.S))
    families = {
        name: [field for field, kind in re.findall(r"^  public let (\w+): ([\w.]+)", body, re.M)
               if kind not in ("Int", "ProductPrecision")]
        for name, body in structures.items()
        # Those of products are kernels of one family in several precisions, which the table has a second time.
        if name.endswith("Kernels") and name != "ProductKernels"
    }
    members = re.findall(r"^  public (?:private\(set\) var|let) (\w+): (\w+Kernels)", structures["KernelTable"], re.M)
    members = [member for member in members if member[1] != "ProductKernels"]
    if sorted(family for _, family in members) != sorted(families) or not all(families.values()):
        sys.exit(f"the kernel table is not understood: {members}, {families}")
    return {f"{group}.{name}" for group, family in members for name in families[family]}


def decoded(kind, words):
    if kind == "i":
        return [int(word, 16) for word in words]
    code, size = {"f": (">f", 4), "d": (">d", 8)}[kind]
    return [struct.unpack(code, int(word, 16).to_bytes(size, "big"))[0] for word in words]


def distance(expected, found, scale):
    """In units of 2^-23 of the scale."""
    if expected == found or (math.isnan(expected) and math.isnan(found)):
        return 0
    if not (math.isfinite(expected) and math.isfinite(found)):
        return math.inf
    return abs(expected - found) / max(scale, sys.float_info.min, 2.0**-126) * 2**23


def worst(head, expected, found):
    """The largest distance of a line's results, and where it is."""
    _, allowed, basis, kind = head[:4]
    if expected == found:
        return 0, 0
    pairs = list(zip(decoded(kind, expected), decoded(kind, found)))
    if allowed == "0":
        # The bits of a NaN are the machine's business; those of everything else are not, the sign of zero neither.
        distances = [
            0 if a == b or (math.isnan(x) and math.isnan(y)) else math.inf
            for a, b, (x, y) in zip(expected, found, pairs)
        ]
    else:
        largest = max((abs(x) for x, _ in pairs if math.isfinite(x)), default=0)
        distances = [distance(x, y, largest if basis == "largest" else abs(x)) for x, y in pairs]
    farthest = max(distances)
    return farthest, distances.index(farthest)


def compare(expected, found):
    lines = [pathlib.Path(path).read_text().splitlines() for path in (expected, found)]
    problems = collections.defaultdict(list)
    if len(lines[0]) != len(lines[1]):
        problems["lines"].append(f"{len(lines[0])} lines expected, {len(lines[1])} found")
    called, groups = set(), {}
    for a, b in zip(*lines):
        a, b = a.split(), b.split()
        head = a[:HEAD]
        kernel, allowed, state = head[0], int(head[1], 16), head[4]
        name = f"{kernel}({', '.join(str(int(word, 16)) for word in head[5].strip('()').split(',')[:-1])})"
        called.add(kernel)
        if state != "intact" or b[HEAD - 2] != "intact":
            problems[kernel].append(f"{name}: memory behind the results was written to")
        if [*head[:4], head[5], len(a)] != [*b[:4], b[5], len(b)]:
            problems[kernel].append(f"{name}: {len(a)} words expected, {len(b)} found: {' '.join(b[:HEAD])}")
            continue
        far, where = worst(head, a[HEAD:], b[HEAD:])
        if far > allowed:
            x, y = (decoded(head[3], [words[HEAD + where]])[0] for words in (a, b))
            problems[kernel].append(
                f"{name}: result {where} is {y}, expected {x}: {far:.3g} units apart, {allowed} are allowed"
            )
        group = groups.setdefault(kernel.split(".")[0], {"kernels": set(), "results": 0, "exact": 0, "worst": (0, 0, 0)})
        group["kernels"].add(kernel)
        group["results"] += len(a) - HEAD
        if allowed == 0:
            group["exact"] += len(a) - HEAD
        else:
            group["worst"] = max(group["worst"], (far / allowed, far, allowed))
    for name, group in groups.items():
        _, far, allowed = group["worst"]
        print(
            f"{name + ':':12} {len(group['kernels'])} kernels, {group['results']:7,} results, {group['exact']:7,} of them to"
            f" the bit" + (f", the others at worst {far:.2g} of {allowed} units apart" if allowed else "")
        )
    table = kernels_of_table()
    for kernel in sorted(table ^ called):
        problems[kernel].append(f"{kernel} was not called" if kernel in table else f"{kernel} is not in the table")
    results = sum(group["results"] for group in groups.values())
    print(f"{len(called)} of {len(table)} kernels called, {results:,} results compared", flush=True)
    # A few of each kernel say what is wrong.
    for texts in problems.values():
        print(*texts[:3], *([f"... and {len(texts) - 3} more"] if len(texts) > 3 else []), sep="\n", file=sys.stderr)
    return not problems


sys.exit(0 if compare(*sys.argv[1:]) else 1)
