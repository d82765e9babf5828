"""Enlarging by a whole factor along each axis, by interpolation between cell centres."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcli.algorithms.types import Array


def resize(x: Array, factors: Sequence[int], interpolation: str) -> Array:
    """(batch, *spatial, channels) -> the same with each spatial axis `factor` times as long."""
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = np.repeat(x, factor, axis=axis)
        else:
            weights = _weights(x.shape[axis], factor, interpolation).astype(x.dtype)
            x = np.moveaxis(np.tensordot(weights, x, axes=(1, axis)), 0, axis)
    return x


def _weights(width: int, factor: int, interpolation: str) -> Array:
    """What each output cell takes of each input cell: (width·factor, width), each row summing to 1.

    The centre of output cell o lies at (o + 1/2) / factor - 1/2. Beyond the border nothing is taken, and the rest is
    scaled up.
    """
    kernel, radius = KERNELS[interpolation]
    centres = (np.arange(width * factor) + 0.5) / factor - 0.5
    distances = np.abs(centres[:, None] - np.arange(width))
    weights = np.where(distances < radius, kernel(distances), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights)


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
