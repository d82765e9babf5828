"""Enlarging by a whole factor along each axis, by interpolation between the centres of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcli.core.lazy_imports import Array


def resize(x: Array, factors: Sequence[int], interpolation: str) -> Array:
    """Enlarge each spatial axis by its factor: (samples, *space, channels) -> (samples, *(space · factors), channels).

    `interpolation` is "nearest" or a name in `KERNELS`.
    """
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = np.repeat(x, factor, axis=axis)
        else:
            x = _interpolated(x, axis, factor, *KERNELS[interpolation])
    return x


def _interpolated(x: Array, axis: int, factor: int, kernel: Callable[[Array], Array], radius: int) -> Array:
    """Make each output cell the weighted sum of the input cells nearer than `radius` to its centre.

    The centre of output cell o lies at (o + 1/2) / factor - 1/2; a weight is `kernel` of the distance. Cells beyond the
    border have none, and the weights of the others are scaled to sum to 1.
    """
    width = x.shape[axis]
    centres = (np.arange(width * factor) + 0.5) / factor - 0.5
    cells = np.floor(centres).astype(int)[:, None] + np.arange(1 - radius, radius + 1)  # (outputs, 2 · radius)
    distances = np.abs(centres[:, None] - cells)
    weights = np.where((distances < radius) & (cells >= 0) & (cells < width), kernel(distances), 0)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(x.dtype)
    along = (-1,) + (1,) * (x.ndim - axis - 1)
    nearest = np.clip(cells, 0, width - 1)

    def term(number: int) -> Array:
        weight, values = weights[:, number].reshape(along), np.take(x, nearest[:, number], axis)
        # A weight of zero takes nothing, not even of infinity.
        return np.multiply(weight, values, out=np.zeros_like(values), where=weight != 0)

    return np.asarray(sum(map(term, range(2 * radius))))


def _linear(distance: Array) -> Array:
    return 1 - distance


def _cubic(distance: Array) -> Array:
    """Return Keys's cubic, a = -1/2: "Cubic Convolution Interpolation for Digital Image Processing", 1981."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, far)


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda distance: np.sinc(distance) * np.sinc(distance / radius)


# By name: the weight of a cell by its distance, and the distance from which on it is zero.
KERNELS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "bilinear": (_linear, 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
