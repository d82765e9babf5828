"""How the time of a layer grows with the image's side, the kernel's size, the channels and the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log10
from typing import Any, NamedTuple

import measure
import numpy as np

import convcli

Row = dict[str, Any]


class Growth(NamedTuple):
    """One size that grows by two orders of magnitude while all others stay.

    `layer` makes, of a size, the layer, the shape of a sample and the number of samples.
    """

    sizes: Sequence[int]
    description: str
    layer: Callable[[int], tuple[str, tuple[int, ...], int]]


def _same_conv(filters: int, size: int) -> str:
    return f"Conv2D({filters}, {size}, padding='same', use_bias=False)"


GROWTHS = {
    "image side": Growth(
        (32, 64, 128, 256, 512, 1024, 2048, 4096),
        "one channel, 3×3",
        lambda n: ("Conv2D(1, 3, use_bias=False)", (n, n, 1), 1),
    ),
    "kernel size": Growth(
        (1, 3, 5, 9, 17, 33, 65, 129), "512², one channel", lambda n: (_same_conv(1, n), (512, 512, 1), 1)
    ),
    "channels": Growth((8, 16, 32, 64, 128, 256, 512, 1024), "28², 3×3", lambda n: (_same_conv(n, 3), (28, 28, n), 1)),
    "batch": Growth(
        (1, 2, 4, 8, 16, 32, 64, 128), "28×28×32 → 32, 3×3", lambda n: (_same_conv(32, 3), (28, 28, 32), n)
    ),
}


def rows(rounds: int) -> Iterator[Row]:
    """Yield a row for each growth: the milliseconds of each size, and the exponent with which they grow."""
    for kind, (sizes, description, layer_of) in GROWTHS.items():
        calls, algorithms = {}, {}
        for size in sizes:
            layer, shape, samples = layer_of(size)
            prepared = convcli.prepare(convcli.load([layer]), shape, seed=0)
            x = np.random.default_rng(0).standard_normal((samples, *shape), np.float32)
            calls[str(size)] = lambda prepared=prepared, x=x: prepared(x)
            algorithms[str(size)] = prepared.algorithms["conv2d"][0]
        times = measure.time_calls(calls, rounds)
        ms = {size: measure.median_ms(seconds) for size, seconds in times.items()}
        yield {"kind": kind, "what": description, "ms": ms, "algorithm": algorithms, "slope": slope(ms)}


def slope(ms: dict[str, float]) -> float:
    """Return the exponent with which time grows over the upper half of the sizes."""
    upper_half = [(log10(int(size)), log10(time)) for size, time in ms.items()][len(ms) // 2 - 1 :]
    return float(np.polyfit(*zip(*upper_half, strict=True), 1)[0])


def line(row: Row) -> str:
    """Return a row as a line of text."""
    figures = "  ".join(f"{size}: {ms:.3g}" for size, ms in row["ms"].items())
    return f"{row['kind']:<12} {row['what']:<22} slope {row['slope']:5.2f}   {figures}"


WIDTH, HEIGHT, MARGIN = 640, 400, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def plot(rows: Sequence[Row]) -> str:
    """Return all curves as SVG, on logarithmic axes, each against its size over its smallest size."""
    curves = [[(log10(int(size) / _smallest(row)), log10(ms)) for size, ms in row["ms"].items()] for row in rows]
    points = [point for curve in curves for point in curve]
    right = max(x for x, _ in points)
    low, high = np.floor(min(y for _, y in points)), np.ceil(max(y for _, y in points))

    def pixel(x: float, y: float) -> tuple[float, float]:
        across = MARGIN + x / right * (WIDTH - 2 * MARGIN)
        return round(across, 1), round(HEIGHT - MARGIN - (y - low) / (high - low) * (HEIGHT - 2 * MARGIN), 1)

    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {view}>']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for power in range(int(low), int(high) + 1):
        (x, y), (end, _) = pixel(0, power), pixel(right, power)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{end}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} ms</text>')
    for times in (1, 4, 16, 64):
        x, y = pixel(log10(times), low)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">×{times}</text>')
    for number, (row, curve, colour) in enumerate(zip(rows, curves, COLOURS, strict=True)):
        path = " ".join(f"{x},{y}" for x, y in (pixel(*point) for point in curve))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        label = f"{row['kind']} from {_smallest(row)} ({row['what']}): slope {row['slope']:.2f}"
        parts.append(f'<text x="{MARGIN + 12}" y="{MARGIN + 18 * number}" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _smallest(row: Row) -> int:
    return int(next(iter(row["ms"])))
