"""Scaling along each axis, by interpolation between the centres of cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.model.scaling import Scaling
from convcli.model.steps import Resize


def resize(x: Array, step: Resize) -> Array:
    """Scale each spatial axis: (samples, *space, channels) -> (samples, *new extents, channels)."""
    for axis, scaling in enumerate(step.scalings, 1):
        if scaling.whole_factor == 1:
            continue
        if step.moves_values:
            factor = scaling.whole_factor
            cells = None if factor else _nearest_cells(scaling, x.shape[axis], step.interpolation)
            x = np.repeat(x, factor or 1, axis) if cells is None else x.take(cells, axis)
        else:
            x = _interpolated(x, axis, scaling, step.interpolation)
    return x


def _nearest_cells(scaling: Scaling, width: int, interpolation: str) -> Array:
    """Return the number of the cell that each new cell repeats. PyTorch computes it in float32."""
    step = np.float32(_step(scaling, width))
    cells = np.arange(known(scaling.output_extent(width)), dtype=np.float32)
    positions = cells * step if interpolation == "nearest" else (cells + np.float32(0.5)) * step
    return np.minimum(positions.astype(np.int64), width - 1)


def _step(scaling: Scaling, width: int) -> float:
    step = scaling.step(width)
    assert step is not None
    return float(step)


def _interpolated(x: Array, axis: int, scaling: Scaling, interpolation: str) -> Array:
    """Make each new cell the weighted sum of the cells nearer to its centre than the radius of the interpolation.

    A weight is the kernel of the distance. Cells beyond the border hold the value of the border for an interpolation
    that is clamped; else they have no weight, and the weights of the others are scaled to sum to 1.
    """
    width, kernel, radius = x.shape[axis], *KERNELS[interpolation]
    step = _step(scaling, width)
    centres = np.arange(known(scaling.output_extent(width))) * step + (0 if scaling.align_corners else step / 2 - 0.5)
    if interpolation == "bilinear":
        centres = np.clip(centres, 0, width - 1)
    cells = np.floor(centres).astype(int)[:, None] + np.arange(1 - radius, radius + 1)  # (outputs, 2 · radius)
    distances = np.abs(centres[:, None] - cells)
    weights = np.where(distances < radius, kernel(distances), 0)
    if interpolation not in CLAMPED:
        weights = np.where((cells >= 0) & (cells < width), weights, 0)
        weights = weights / weights.sum(axis=1, keepdims=True)
    weights = weights.astype(x.dtype)
    along = (-1,) + (1,) * (x.ndim - axis - 1)
    nearest = np.clip(cells, 0, width - 1)

    def term(number: int) -> Array:
        weight, values = weights[:, number].reshape(along), np.take(x, nearest[:, number], axis)
        # A weight of zero takes nothing, not even of infinity.
        return np.multiply(weight, values, out=np.zeros_like(values), where=weight != 0)

    return np.asarray(sum(map(term, range(2 * radius))))


def _linear(distance: Array) -> Array:
    return 1 - distance


def _cubic(a: float) -> Callable[[Array], Array]:
    """Return Keys's cubic for a parameter: "Cubic Convolution Interpolation for Digital Image Processing", 1981."""

    def kernel(distance: Array) -> Array:
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        return np.where(distance < 1, near, far)

    return kernel


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda distance: np.sinc(distance) * np.sinc(distance / radius)


# By name: the weight of a cell by its distance, and the distance from which on it is zero.
KERNELS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "bilinear": (_linear, 1),
    "bicubic": (_cubic(-0.5), 2),
    "bicubic_clamped": (_cubic(-0.75), 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
CLAMPED = ("bicubic_clamped",)
