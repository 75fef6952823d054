"""What is asked of each piece of work."""

import re
import statistics

# The least ratio of the peer's time to ours, by the work's name; the first that fits counts.
RATIOS = [
    (r"gemm/.*/bf16", 0.8),
    (r"loss/.*/bf16", 1.5),
    (r"(step|inference)/.*/(bf16|int8)", 1.1),
    (r"attention/.*/bf16", None),
    (r"gemm/(64|128)x.*", None),
    (r"gemm/.*", 0.85),
    (r"kernels/.*", 1.2),
    (r"attention/.*", 1.15),
    (r"optimizer/.*", 1.0),
    (r"loss/sigmoid/1024x.*", 1.6),
    (r"loss/sigmoid/(4096|8192)x.*", 2.2),
    (r"step/siglip-b16-224/batch[48]/adamw", 1.15),
    (r"step/text-.*", 1.5),
    (r"step/clip-rn50/.*", 1.0),
    (r"inference/clip-.*", 1.0),
    (r"inference/.*", 1.1),
    (r"conv/.*", 0.8),
    (r"tower/.*", 1.3),
    (r"overhead/mlp-16-.*", 12),
    (r"overhead/mlp-784-.*", 3),
    (r"tokenize/.*", 0.67),
    (r"train/loader/.*", 1.5),
    (r"train/step/siglip-b16-224/.*", 0.95),
    (r"train/step/siglip-64/.*", 0.85),
]
# The least ratio of an earlier build's time to ours.
BEFORE = 0.97
# The peer of a step with data: the same step of one batch again and again.
BARE = "the step alone"
# PyTorch would need more memory than most machines have, or has nothing of the kind.
WITHOUT_PEER = r"loss/sigmoid/32768x.*|optimizer/lion/.*|train/table/.*"
PARAMETERS = 203_155_970


def ratio(name):
    """The least ratio asked for, or None."""
    return next((least for pattern, least in RATIOS if re.fullmatch(pattern, name)), None)


def has_peer(name):
    return not re.fullmatch(WITHOUT_PEER, name)


def extra_memory(name, measurement):
    """Bytes beyond what is given: for a loss embeddings and their gradients, for a step 16 bytes per parameter; None
    where nothing is asked. What the process held before it began does not count for a loss."""
    if match := re.fullmatch(r"loss/sigmoid/(\d+)x(\d+)(?:/bf16)?", name):
        operands = 4 * 4 * int(match[1]) * int(match[2])
        return measurement["peak_rss_bytes"] - measurement["base_rss_bytes"] - operands
    if name.startswith("step/siglip"):
        return measurement["peak_rss_bytes"] - 16 * PARAMETERS
    return None


def checks(rows, limits):
    """All targets beyond the ratios of single rows: (what, target, found, holds). `rows` is by name."""
    result = []

    def check(what, target, found, holds):
        result.append((what, target, found, holds))

    for suite, what in ("gemm/.*(?<!bf16)", "products"), ("gemm/.*bf16", "products of bfloat16"), ("conv/.*", "convolutions"):
        compared = [row for name, row in rows.items() if re.fullmatch(suite, name) and ratio(name) and row.ratio]
        for who in compared[0].contenders[1:] if compared else []:
            mean = statistics.geometric_mean(statistics.median(row.ratios_to(who)) for row in compared)
            check(f"geometric mean of {len(compared)} {what} beside {who}", "at least 1.0", f"{mean:.3f}", mean >= 1)
    for name, row in rows.items():
        ours, peer = row.ours, row.best_peer
        if name == "optimizer/adamw/siglip-b16-224" and limits["copy"]:
            share = ours["bytes"] / row.ours_time / limits["copy"]
            check(f"{name}: share of copy bandwidth", "at least 80%", f"{share:.0%}", share >= 0.8)
        if match := re.fullmatch(r"train/table/(\d+)", name):
            bytes_each = (ours["peak_rss_bytes"] - ours["base_rss_bytes"]) / int(match[1])
            check(f"{name}: memory for each row", "at most 200 bytes", f"{bytes_each:.0f}", bytes_each <= 200)
        extra = extra_memory(name, ours)
        if name.startswith("loss/") and peer:
            share = extra / extra_memory(name, peer)
            check(f"{name}: memory beyond embeddings and gradients", "at most 5% of the peer's",
                  f"{extra / 2**20:.0f} MiB, {share:.1%}", share <= 0.05)
        elif name.startswith("loss/"):
            check(f"{name}: memory beyond embeddings and gradients", "at most 64 MiB", f"{extra / 2**20:.0f} MiB",
                  extra <= 64 * 2**20)
        elif re.fullmatch(r"step/siglip-b16-224/batch[48]/adamw", name) and peer:
            share = ours["peak_rss_bytes"] / peer["peak_rss_bytes"]
            check(f"{name}: peak memory", "at most 0.9 of the peer's", f"{share:.2f}", share <= 0.9)
            share = extra / extra_memory(name, peer)
            check(f"{name}: activation memory", "at most 0.6 of the peer's", f"{share:.2f}", share <= 0.6)
    plain = rows.get("step/siglip-b16-224/batch8/adamw")
    again = rows.get("step/siglip-b16-224/batch32/adamw/rematerialised")
    if plain and again:
        share = (again.ours_time / 32) / (plain.ours_time / 8)
        check("rematerialised, batch 32: time per pair beside batch 8", "at most 1.35", f"{share:.2f}", share <= 1.35)
    return result
