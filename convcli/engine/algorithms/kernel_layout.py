"""Kernels as they are stored <-> as they meet the input."""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.model.steps import Correlate


def meeting_kernel(step: Correlate, stored: Array) -> Array:
    """The kernel as it meets the input, `(*k, in/groups, filters)`, from the one that is stored."""
    sizes = tuple(window.size for window in step.windows)
    rank, groups, filters = len(sizes), known(step.groups), known(step.filters)
    if step.transposed:
        grouped = stored.reshape(*sizes, filters // groups, groups, -1)  # (*k, filters/groups, groups, in/groups)
        stored = np.moveaxis(grouped, -1, rank)  # (*k, in/groups, filters/groups, groups)
        stored = np.swapaxes(stored, -1, -2)
    kernel = stored.reshape(*sizes, -1, filters)
    # A transposed convolution meets its input in reverse.
    return np.flip(kernel, tuple(range(rank))) if step.flip != step.transposed else kernel


def stored_kernel(step: Correlate, met: Array) -> Array:
    """What `meeting_kernel` makes such a kernel of, in the shape in which the step knows it."""
    rank, groups = len(step.windows), known(step.groups)
    if step.flip != step.transposed:
        met = np.flip(met, tuple(range(rank)))
    if step.transposed:
        grouped = met.reshape(*met.shape[:-1], groups, -1)  # (*k, in/groups, groups, filters/groups)
        met = np.moveaxis(np.swapaxes(grouped, -1, -2), rank, -1)  # (*k, filters/groups, groups, in/groups)
    return np.ascontiguousarray(met).reshape(step.kernel.extents)


def adjoint_kernel(met: Array, groups: int) -> Array:
    """The kernel that takes a gradient back, from the one that met the input: (*k, made, in) from (*k, seen, filters).

    It is reversed along each spatial axis, and inputs and filters trade places group by group.
    """
    rank, seen = met.ndim - 2, met.shape[-2]
    grouped = met.reshape(*met.shape[:-1], groups, -1)  # (*k, seen, groups, made)
    turned = np.moveaxis(grouped, rank, -1)  # (*k, groups, made, seen)
    turned = np.swapaxes(turned, rank, rank + 1)  # (*k, made, groups, seen)
    turned = turned.reshape(*met.shape[:rank], -1, groups * seen)
    return np.flip(turned, tuple(range(rank)))
