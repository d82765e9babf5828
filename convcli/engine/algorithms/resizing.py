"""Enlarging by a whole factor along each axis, by interpolation between cell centres."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcli.core.lazy_imports import Array


def resize(x: Array, factors: Sequence[int], interpolation: str) -> Array:
    """(batch, *spatial, channels) -> the same with each spatial axis `factor` times as long."""
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = np.repeat(x, factor, axis=axis)
        else:
            x = _interpolated(x, axis, factor, *KERNELS[interpolation])
    return x


def _interpolated(x: Array, axis: int, factor: int, kernel: Callable[[Array], Array], radius: int) -> Array:
    """Each output cell is the sum of the input cells nearer than `radius` to its centre, by their distance.

    The centre of output cell o lies at (o + 1/2) / factor - 1/2. Beyond the border nothing is taken, and the weights of
    the rest are scaled up to sum to 1.
    """
    width = x.shape[axis]
    centres = (np.arange(width * factor) + 0.5) / factor - 0.5
    cells = np.floor(centres).astype(int)[:, None] + np.arange(1 - radius, radius + 1)  # (outputs, 2 * radius)
    distances = np.abs(centres[:, None] - cells)
    weights = np.where((distances < radius) & (cells >= 0) & (cells < width), kernel(distances), 0)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(x.dtype)
    column = (-1,) + (1,) * (x.ndim - axis - 1)
    nearest = np.clip(cells, 0, width - 1)

    def part(tap: int) -> Array:
        weight, met = weights[:, tap].reshape(column), np.take(x, nearest[:, tap], axis)
        return np.multiply(weight, met, out=np.zeros_like(met), where=weight != 0)  # not even of infinity

    return np.asarray(sum(map(part, range(2 * radius))))


def _linear(distance: Array) -> Array:
    return 1 - distance


def _cubic(distance: Array) -> Array:
    """Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, a = -1/2."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, far)


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda distance: np.sinc(distance) * np.sinc(distance / radius)


KERNELS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "bilinear": (_linear, 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
