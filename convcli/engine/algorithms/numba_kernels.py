"""Loops that numba compiles, once on each machine: what moves memory more than it multiplies.

They hold no lock of Python's, so that threads run them side by side, and are kept on disk. All arrays are of one float
type. Loops over channels or along a row are innermost, over slices whose ends are known, so that they become vector
instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

compiled: Any = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})


@compiled
def _add5(y, a, b, c, d, e, k, i):  # type: ignore[no-untyped-def]
    k0, k1, k2, k3, k4 = k[i], k[i + 1], k[i + 2], k[i + 3], k[i + 4]
    for at in range(y.size):
        y[at] += k0 * a[at] + k1 * b[at] + k2 * c[at] + k3 * d[at] + k4 * e[at]


@compiled
def _add3(y, a, b, c, k, i):  # type: ignore[no-untyped-def]
    k0, k1, k2 = k[i], k[i + 1], k[i + 2]
    for at in range(y.size):
        y[at] += k0 * a[at] + k1 * b[at] + k2 * c[at]


@compiled
def _add1(y, a, k):  # type: ignore[no-untyped-def]
    for at in range(y.size):
        y[at] += k * a[at]


@compiled
def _add_row(y, row, weights, hole):  # type: ignore[no-untyped-def]
    """Add a row under all the cells of one row of a filter, `hole` cells apart."""
    count, i, n = weights.size, 0, y.size
    while i + 5 <= count:
        a, b, c, d, e = i * hole, (i + 1) * hole, (i + 2) * hole, (i + 3) * hole, (i + 4) * hole
        _add5(y, row[a : a + n], row[b : b + n], row[c : c + n], row[d : d + n], row[e : e + n], weights, i)
        i += 5
    while i + 3 <= count:
        a, b, c = i * hole, (i + 1) * hole, (i + 2) * hole
        _add3(y, row[a : a + n], row[b : b + n], row[c : c + n], weights, i)
        i += 3
    while i < count:
        _add1(y, row[i * hole : i * hole + n], weights[i])
        i += 1


@compiled
def few_channels(x, kernel, y, before, dilation, start, stop):  # type: ignore[no-untyped-def]
    """Rows of (H, W, in) by (k, k, in, filters) -> (H', W', filters): channel by channel, along whole rows.

    The rows that the window covers are kept with their padding, one array a channel. `kernel` is (filters, k, in, k).
    """
    height, width, channels = x.shape
    filters, high, _, wide = kernel.shape
    positions = y.shape[1]
    deep = (high - 1) * dilation[0] + 1
    rows = np.zeros((deep, channels, positions + (wide - 1) * dilation[1]), x.dtype)
    low, most = max(0, before[1]), max(0, before[1], min(rows.shape[2], before[1] + width))
    sums = np.empty((filters, positions), x.dtype)
    for position in range(start, stop):
        for ahead in range(0 if position == start else deep - 1, deep):
            source, slot = position - before[0] + ahead, (position + ahead) % deep
            for channel in range(channels):
                into = rows[slot, channel, low:most]
                if source < 0 or source >= height:
                    into[:] = 0
                else:
                    cells = x[source, low - before[1] : most - before[1], channel]
                    for at in range(into.size):
                        into[at] = cells[at]
        for number in range(filters):
            total = sums[number]
            total[:] = 0
            for i in range(high):
                slot = (position + i * dilation[0]) % deep
                for channel in range(channels):
                    _add_row(total, rows[slot, channel], kernel[number, i, channel], dilation[1])
            out = y[position, :, number]
            for at in range(positions):
                out[at] = total[at]


@compiled
def _nine(y, a, b, c, d, e, f, g, h, i, k):  # type: ignore[no-untyped-def]
    k0, k1, k2, k3, k4, k5, k6, k7, k8 = k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8]
    for at in range(y.size):
        y[at] = (
            k0[at] * a[at]
            + k1[at] * b[at]
            + k2[at] * c[at]
            + k3[at] * d[at]
            + k4[at] * e[at]
            + k5[at] * f[at]
            + k6[at] * g[at]
            + k7[at] * h[at]
            + k8[at] * i[at]
        )


@compiled
def _add_product(y, a, k):  # type: ignore[no-untyped-def]
    for at in range(y.size):
        y[at] += a[at] * k[at]


@compiled
def channelwise(x, kernel, y, before, stride, dilation, start, stop):  # type: ignore[no-untyped-def]
    """Rows of (H, W, channels) by (k, k, channels) -> (H', W', channels), each channel by its own filter."""
    height, width, _ = x.shape
    high, wide, _ = kernel.shape
    whole = high == 3 and wide == 3
    nine = kernel.reshape(high * wide, -1)
    p, q = dilation
    for position in range(start, stop):
        top = position * stride[0] - before[0]
        for along in range(y.shape[1]):
            left = along * stride[1] - before[1]
            out = y[position, along]
            if whole and top >= 0 and top + 2 * p < height and left >= 0 and left + 2 * q < width:
                a, b, c = x[top], x[top + p], x[top + 2 * p]
                m, r = left + q, left + 2 * q
                _nine(out, a[left], a[m], a[r], b[left], b[m], b[r], c[left], c[m], c[r], nine)
                continue
            out[:] = 0
            for i in range(high):
                row = top + i * p
                if 0 <= row < height:
                    for j in range(wide):
                        column = left + j * q
                        if 0 <= column < width:
                            _add_product(out, x[row, column], kernel[i, j])


@compiled
def max_pool(x, y, size, before, stride, dilation, start, stop):  # type: ignore[no-untyped-def]
    """Rows of (H, W, channels) -> (H', W', channels): the largest of each window, by channel."""
    height, width, channels = x.shape
    for position in range(start, stop):
        top = position * stride[0] - before[0]
        for along in range(y.shape[1]):
            left = along * stride[1] - before[1]
            out = y[position, along]
            out[:] = -np.inf
            for i in range(size[0]):
                row = top + i * dilation[0]
                if row < 0 or row >= height:
                    continue
                for j in range(size[1]):
                    column = left + j * dilation[1]
                    if column < 0 or column >= width:
                        continue
                    cells = x[row, column]
                    for at in range(channels):
                        value = cells[at]
                        out[at] = value if value > out[at] or value != value else out[at]


@compiled
def average_pool(x, y, size, before, stride, dilation, padded, start, stop):  # type: ignore[no-untyped-def]
    """Rows of (H, W, channels) -> (H', W', channels): the mean of each window, by channel.

    It is over the cells within the rows and columns `padded`, first and last of each.
    """
    height, width, channels = x.shape
    for position in range(start, stop):
        top = position * stride[0] - before[0]
        for along in range(y.shape[1]):
            left = along * stride[1] - before[1]
            out = y[position, along]
            out[:] = 0
            rows = columns = 0
            for i in range(size[0]):
                row = top + i * dilation[0]
                rows += padded[0] <= row <= padded[1]
                if row < 0 or row >= height:
                    continue
                for j in range(size[1]):
                    column = left + j * dilation[1]
                    if column < 0 or column >= width:
                        continue
                    cells = x[row, column]
                    for at in range(channels):
                        out[at] += cells[at]
            for j in range(size[1]):
                columns += padded[2] <= left + j * dilation[1] <= padded[3]
            count = rows * columns
            for at in range(channels):
                out[at] /= count


@compiled
def _add(y, a):  # type: ignore[no-untyped-def]
    for at in range(y.size):
        y[at] += a[at]


@compiled
def overlap_add(products, first, y, before, upsample, dilation, width, start, stop):  # type: ignore[no-untyped-def]
    """Rows of a transposed convolution from the products (H, W, k, k, filters) of its input cells with its kernel.

    Output o and cell j meet stretched cell o - before + dilation·j, which is an input cell where `upsample` divides it.
    `first` is the input row that the products begin with.
    """
    rows, _, high, wide, _ = products.shape
    for position in range(start, stop):
        y[position] = 0
        for i in range(high):
            row, off = divmod(position - before[0] + i * dilation[0], upsample[0])
            if off or row < first or row >= first + rows:
                continue
            for j in range(wide):
                for along in range(y.shape[1]):
                    column, off = divmod(along - before[1] + j * dilation[1], upsample[1])
                    if not off and 0 <= column < width:
                        _add(y[position, along], products[row - first, column, i, j])


@compiled
def linear_clip(y, factor, offset, low, high):  # type: ignore[no-untyped-def]
    """y·factor + offset, no lower than `low` and no higher than `high`, in place: (cells, channels)."""
    for row in range(y.shape[0]):
        out = y[row]
        for at in range(out.size):
            value = out[at] * factor[at] + offset[at]
            value = low if value < low else value
            out[at] = high if value > high else value
