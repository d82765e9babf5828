"""Compiled transforms of Winograd's F(4 × 4, 3 × 3) tiles: those of `winograd`, written out for its points.

With a = 3/4 and b = 3/2 the rows of B' are polynomials in pairs x² - a², x² - b², so that sums of even and of odd terms
serve two rows each; likewise the columns of A'.
"""

from __future__ import annotations

import numpy as np

from convcli.engine.algorithms.numba_kernels import compiled

A, B = np.float32(0.75), np.float32(1.5)
A2, B2, A3, B3 = A * A, B * B, A * A * A, B * B * B
BOTH, SUM, AB2, A2B = A2 * B2, A2 + B2, A * B2, A2 * B


@compiled
def _fold(d0, d1, d2, d3, d4, d5, v0, v1, v2, v3, v4, v5):  # type: ignore[no-untyped-def]
    for at in range(v0.size):
        x0, x1, x2, x3, x4, x5 = d0[at], d1[at], d2[at], d3[at], d4[at], d5[at]
        v0[at] = BOTH * x0 - SUM * x2 + x4
        even, odd = x4 - B2 * x2, A * x3 - AB2 * x1
        v1[at], v2[at] = even + odd, even - odd
        even, odd = x4 - A2 * x2, B * x3 - A2B * x1
        v3[at], v4[at] = even + odd, even - odd
        v5[at] = BOTH * x1 - SUM * x3 + x5


@compiled
def _spread(v0, v1, v2, v3, v4, v5, y0, y1, y2, y3):  # type: ignore[no-untyped-def]
    for at in range(y0.size):
        p, m, q, n = v1[at] + v2[at], v1[at] - v2[at], v3[at] + v4[at], v3[at] - v4[at]
        y0[at] = v0[at] + p + q
        y1[at] = A * m + B * n
        y2[at] = A2 * p + B2 * q
        y3[at] = A3 * m + B3 * n + v5[at]


@compiled
def fold_tiles(laid, planes, high, wide):  # type: ignore[no-untyped-def]
    """B' d B of all tiles: (samples, 4·high + 2, 4·wide + 2, channels) -> (36, samples·high·wide·channels).

    The rows are folded column by column, into four arrays of every fourth column; so the columns fold in long loops.
    """
    channels = laid.shape[3]
    run = wide * channels
    rows = np.empty((6, 4, run + channels), np.float32)
    for sample in range(laid.shape[0]):
        for high_at in range(high):
            top = 4 * high_at
            for column in range(4 * wide + 2):
                d = laid[sample, top : top + 6, column]
                a, b = column // 4 * channels, (column // 4 + 1) * channels
                v = rows[:, column % 4, a:b]
                _fold(d[0], d[1], d[2], d[3], d[4], d[5], v[0], v[1], v[2], v[3], v[4], v[5])
            a = (sample * high + high_at) * run
            b = a + run
            for i in range(6):
                d, v, k = rows[i], planes[6 * i : 6 * i + 6], channels
                _fold(
                    d[0, :run], d[1, :run], d[2, :run], d[3, :run], d[0, k : run + k], d[1, k : run + k],
                    v[0, a:b], v[1, a:b], v[2, a:b], v[3, a:b], v[4, a:b], v[5, a:b],
                )  # fmt: skip


@compiled
def spread_tiles(products, y, high, wide):  # type: ignore[no-untyped-def]
    """A' M A of all tiles: (36, samples·high·wide, filters) -> (samples, 4·high, 4·wide, filters)."""
    rows = np.empty((4, 6, products.shape[2]), np.float32)
    for sample in range(y.shape[0]):
        for high_at in range(high):
            for wide_at in range(wide):
                m = products[:, (sample * high + high_at) * wide + wide_at]
                for j in range(6):
                    v = rows[:, j]
                    _spread(m[j], m[6 + j], m[12 + j], m[18 + j], m[24 + j], m[30 + j], v[0], v[1], v[2], v[3])
                for i in range(4):
                    r, out, at = rows[i], y[sample, 4 * high_at + i], 4 * wide_at
                    _spread(r[0], r[1], r[2], r[3], r[4], r[5], out[at], out[at + 1], out[at + 2], out[at + 3])
