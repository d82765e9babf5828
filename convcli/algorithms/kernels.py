"""Kernels as they are stored -> as they meet the input."""

from __future__ import annotations

import numpy as np

from convcli._lazy import Array
from convcli.geometry import known
from convcli.steps import Correlate


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
