"""Rows of results, for a terminal and for a page."""

import statistics

from . import targets


class Row:
    """One piece of work: the measurements of all rounds, by contender, ours first."""

    def __init__(self, name, rounds, is_before=False):
        self.name = name
        self.contenders = list(rounds)
        self.times = {who: statistics.median(m["median_s"] for m in found) for who, found in rounds.items()}
        self.rounds = rounds
        self.ours_time = self.times["Pairwise"]
        peers = [who for who in self.contenders if who != "Pairwise"]
        self.peer_name = min(peers, key=self.times.get) if peers else None
        self.ours = self.highest("Pairwise")
        self.best_peer = self.highest(self.peer_name) if peers else None
        self.ratios = self.ratios_to(self.peer_name) if peers else []
        self.ratio = statistics.median(self.ratios) if peers else None
        self.target = targets.ratio(name)
        # Work that the earlier build lacks is measured alone.
        if is_before and peers:
            self.ratio = self.best(self.peer_name) / self.best("Pairwise")
            self.target = targets.BEFORE
        if self.peer_name == targets.BARE:
            # Both do the same but for the data, and what else the machine does only ever adds.
            self.ratio = self.best(self.peer_name) / self.best("Pairwise")

    def ratios_to(self, who):
        """A peer's time over ours, for each round."""
        return [their["median_s"] / our["median_s"] for our, their in zip(self.rounds["Pairwise"], self.rounds[who])]

    def best(self, who):
        """The shortest time of all rounds."""
        return min(m["min_s"] for m in self.rounds[who])

    def is_slower(self):
        """Whether the target is missed."""
        return self.target is not None and self.ratio is not None and self.ratio < self.target

    def highest(self, who):
        """The measurement with the median peak of memory."""
        return sorted(self.rounds[who], key=lambda m: m["peak_rss_bytes"])[(len(self.rounds[who]) - 1) // 2]

    def verdict(self):
        if self.target is None or self.ratio is None:
            return ""
        return f"{self.target:g} " + ("MISSED" if self.is_slower() else "holds")

    def rate(self, limits):
        """GFLOP/s or GB/s and the share of the machine's limit."""
        if self.ours["flops"]:
            rate = self.ours["flops"] / self.ours_time
            return f"{rate / 1e9:.0f} GFLOP/s" + (f" {rate / limits['multiply-add']:.0%}" if limits["multiply-add"] else "")
        if self.ours["bytes"]:
            rate = self.ours["bytes"] / self.ours_time
            return f"{rate / 1e9:.0f} GB/s" + (f" {rate / limits['copy']:.0%}" if limits["copy"] else "")
        return ""

    def memory(self):
        """Peaks of both, for work whose processes do nothing else."""
        if self.name.split("/")[0] not in ("loss", "step", "optimizer"):
            return ""
        peaks = [self.ours["peak_rss_bytes"]] + ([self.best_peer["peak_rss_bytes"]] if self.best_peer else [])
        return " / ".join(f"{peak / 2**30:.2f}" for peak in peaks) + " GiB"

    def cells(self, limits):
        spread = f"{min(self.ratios):.2f} - {max(self.ratios):.2f}" if self.ratios else ""
        peers = sorted((who for who in self.contenders if who != "Pairwise"), key=self.times.get)
        peer = ", ".join(f"{time(self.times[who])} {who}" for who in peers) or "not run"
        return [self.name, f"{self.ratio:.2f}" if self.ratio else "", spread, time(self.ours_time), peer,
                self.rate(limits), self.memory(), self.verdict()]


HEADINGS = ["work", "ratio", "min - max", "Pairwise", "peers, the best first", "rate, share of limit", "peak memory", "target"]


def time(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.{2 if seconds * factor < 100 else 0}f} {unit}"
    return f"{seconds * 1e6:.1f} us"


def aligned(cells):
    """One line for a terminal."""
    widths = [58, 7, 14, 10, 36, 22, 20, 12]
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()


def markdown(table):
    """A table for a page; the first row holds the headings."""
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0])] + lines[1:]) + "\n"
