"""Kernels as a layer stores them <-> as they meet the input, cell by cell."""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.model.steps import Correlate


def correlation_kernel(step: Correlate, stored: Array) -> Array:
    """Return a stored kernel as it meets the input: (*window, channels per group, filters), to be correlated."""
    sizes = tuple(window.size for window in step.windows)
    rank, groups, filters = len(sizes), known(step.groups), known(step.filters)
    if step.transposed:
        stored = stored.reshape(*sizes, filters // groups, groups, -1)  # (*window, filters/group, groups, in/group)
        stored = np.moveaxis(stored, -1, rank)  # (*window, in/group, filters/group, groups)
        stored = np.swapaxes(stored, -1, -2)  # (*window, in/group, groups, filters/group)
    kernel = stored.reshape(*sizes, -1, filters)
    # A transposed convolution meets its input in reverse.
    return np.flip(kernel, tuple(range(rank))) if step.flip != step.transposed else kernel


def stored_kernel(step: Correlate, kernel: Array) -> Array:
    """Return a kernel that meets the input in the shape in which the step stores it: undo `correlation_kernel`."""
    rank, groups = len(step.windows), known(step.groups)
    if step.flip != step.transposed:
        kernel = np.flip(kernel, tuple(range(rank)))
    if step.transposed:
        kernel = kernel.reshape(*kernel.shape[:-1], groups, -1)  # (*window, in/group, groups, filters/group)
        kernel = np.moveaxis(np.swapaxes(kernel, -1, -2), rank, -1)  # (*window, filters/group, groups, in/group)
    return np.ascontiguousarray(kernel).reshape(step.kernel.extents)


def adjoint_kernel(kernel: Array, groups: int) -> Array:
    """Return the kernel that takes a gradient of the output back to the input.

    It is reversed along each spatial axis, and group by group, channels and filters trade places:
    (*window, channels per group, filters) -> (*window, filters per group, channels).
    """
    rank, group_channels = kernel.ndim - 2, kernel.shape[-2]
    adjoint = kernel.reshape(*kernel.shape[:-1], groups, -1)  # (*window, in/group, groups, filters/group)
    adjoint = np.moveaxis(adjoint, rank, -1)  # (*window, groups, filters/group, in/group)
    adjoint = np.swapaxes(adjoint, rank, rank + 1)  # (*window, filters/group, groups, in/group)
    adjoint = adjoint.reshape(*kernel.shape[:rank], -1, groups * group_channels)
    return np.flip(adjoint, tuple(range(rank)))
