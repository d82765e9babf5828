"""How the cost of a layer grows with the image's side, the kernel's size, the channels and the batch."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from math import log10
from typing import Any

import measure
import numpy as np

import convcli

Row = dict[str, Any]

# Two orders of magnitude of each, the others fixed, and what the time should come to grow with.
SIDE = (32, 64, 128, 256, 512, 1024, 2048, 4096)
SIZE = (1, 3, 5, 9, 17, 33, 65, 129)
CHANNELS = (8, 16, 32, 64, 128, 256, 512, 1024)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128)
KINDS: dict[str, tuple[Sequence[int], str, Callable[[int], tuple[str, tuple[int, ...], int]]]] = {
    "image side": (SIDE, "one channel, 3×3", lambda n: ("Conv2D(1, 3, use_bias=False)", (n, n, 1), 1)),
    "kernel size": (
        SIZE,
        "512², one channel",
        lambda n: (f"Conv2D(1, {n}, padding='same', use_bias=False)", (512, 512, 1), 1),
    ),
    "channels": (CHANNELS, "28², 3×3", lambda n: (f"Conv2D({n}, 3, padding='same', use_bias=False)", (28, 28, n), 1)),
    "batch": (
        BATCH,
        "28×28×32 → 32, 3×3",
        lambda n: ("Conv2D(32, 3, padding='same', use_bias=False)", (28, 28, 32), n),
    ),
}


def rows(rounds: int) -> Iterator[Row]:
    """A row for each kind: the milliseconds of each size, and the slope of their logarithms over the upper half."""
    for kind, (sizes, what, make) in KINDS.items():
        calls, ways = {}, {}
        for size in sizes:
            layer, shape, batch = make(size)
            prepared = convcli.prepare(convcli.load([layer]), shape, seed=0, compiled=False)
            x = np.random.default_rng(0).standard_normal((batch, *shape), np.float32)
            calls[str(size)] = lambda prepared=prepared, x=x: prepared(x)
            ways[str(size)] = prepared.algorithms["conv2d"][0]
        times = measure.steady(calls, rounds)
        taken = {size: 1e3 * statistics.median(each) for size, each in times.items()}
        yield {"kind": kind, "what": what, "ms": taken, "algorithm": ways, "slope": slope(taken)}


def slope(taken: dict[str, float]) -> float:
    """The exponent with which time grows over the upper half of the sizes."""
    half = [(log10(int(size)), log10(ms)) for size, ms in taken.items()][len(taken) // 2 - 1 :]
    return float(np.polyfit(*zip(*half, strict=True), 1)[0])


def line(row: Row) -> str:
    figures = "  ".join(f"{size}: {ms:.3g}" for size, ms in row["ms"].items())
    return f"{row['kind']:<12} {row['what']:<22} slope {row['slope']:5.2f}   {figures}"


WIDTH, HEIGHT, MARGIN = 640, 400, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def plot(found: Sequence[Row]) -> str:
    """All curves on logarithmic axes, each against its size over its smallest, as SVG."""
    points = {
        row["kind"]: [(log10(int(size) / int(next(iter(row["ms"])))), log10(ms)) for size, ms in row["ms"].items()]
        for row in found
    }
    every = [point for each in points.values() for point in each]
    right = max(x for x, _ in every)
    low, high = np.floor(min(y for _, y in every)), np.ceil(max(y for _, y in every))

    def place(x: float, y: float) -> tuple[float, float]:
        across = MARGIN + x / right * (WIDTH - 2 * MARGIN)
        return round(across, 1), round(HEIGHT - MARGIN - (y - low) / (high - low) * (HEIGHT - 2 * MARGIN), 1)

    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {view}>']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for power in range(int(low), int(high) + 1):
        (x, y), (end, _) = place(0, power), place(right, power)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{end}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} ms</text>')
    for times in (1, 4, 16, 64):
        x, y = place(log10(times), low)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">×{times}</text>')
    for number, (row, colour) in enumerate(zip(found, COLOURS, strict=True)):
        path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points[row["kind"]]))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        label = f"{row['kind']} from {next(iter(row['ms']))} ({row['what']}): slope {row['slope']:.2f}"
        parts.append(f'<text x="{MARGIN + 12}" y="{MARGIN + 18 * number}" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])
