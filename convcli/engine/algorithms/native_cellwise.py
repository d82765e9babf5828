"""Records of the kernels that go channel by channel: pooling, and joins of values cell by cell.

They lack what depends on a run: samples, and the addresses and steps of the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.native.core import NativeCore
from convcli.engine.native.records import AXES, address, axes_of, check, new_records, steps_of
from convcli.model.steps import Pool
from convcli.model.window import Window

# Windows that overlap are pooled axis by axis in NumPy, if all their cells are more than this many times those by which
# they move: the kernel compares or adds all cells of every window.
MOST_OVERLAP = 32
JOINS = ("nothing", "sum", "mean", "product", "maximum", "minimum")  # enum join


def suits_pooling(windows: Sequence[Window]) -> bool:
    """Return whether windows overlap little enough for the kernel."""
    return prod(window.size for window in windows) <= MOST_OVERLAP * prod(window.stride for window in windows)


def pool_factors(step: Pool, space: Sequence[int], dtype: str) -> Array:
    """Return by what the sums of windows over (*space,) are divided, as a product of one factor for each axis.

    For each position along the three axes of a record, one axis after the other. Ones where the maximum is pooled.
    """
    from convcli.engine.algorithms.pooling import counted_cells  # imported only where there is pooling

    factors = [np.ones(1)] * (AXES - len(step.windows))
    for axis, (window, width) in enumerate(zip(step.windows, space, strict=True)):
        positions = known(window.output_extent(width))
        if step.kind == "max" or step.divisor is not None:
            factors.append(np.full(positions, step.divisor if step.divisor and axis == 0 else 1))
        else:
            factors.append(counted_cells(window, width, slice(0, positions), step.count_padding))
    return np.concatenate(factors).astype(dtype)


def pooling_record(
    core: NativeCore, step: Pool, space: Sequence[int], channels: int, dtype: str, factors: Array
) -> Array:
    """Return the record of pooling samples (*space, channels). The caller keeps the `factors` (see `pool_factors`)."""
    record, windows = new_records(core, ["pooling"], dtype), step.windows
    positions = [known(window.output_extent(width)) for window, width in zip(windows, space, strict=True)]
    record["groups"], record["channels"], record["filters"] = channels, 1, 1
    record["extent"], record["positions"] = axes_of(space, 1), axes_of(positions, 1)
    record["size"] = axes_of([window.size for window in windows], 1)
    record["stride"] = axes_of([window.stride for window in windows], 1)
    record["dilation"] = axes_of([window.dilation for window in windows], 1)
    record["before"] = axes_of([window.before for window in windows], 0)
    check(factors.dtype == dtype and factors.flags.c_contiguous, "factors of another type")
    check(factors.shape == (int(record["positions"].sum()),), "not a factor for each position")
    record["option"][:, 0], record["weights"] = step.kind == "average", address(factors)
    return record


def join_record(
    core: NativeCore, how: str, space: Sequence[int], channels: int, dtype: str, operands: int = 2
) -> Array:
    """Return the record of a join of two values (*space, channels), or of what is done to one: `nothing`.

    A mean is the sum of both divided by the number of operands.
    """
    record = new_records(core, ["join"], dtype)
    record["groups"], record["channels"], record["filters"] = channels, 1, 1
    record["extent"] = record["positions"] = axes_of(space, 1)
    record["size"] = record["stride"] = record["dilation"] = 1
    record["option"][:, 0], record["number"][:, 0] = JOINS.index(how), operands
    return record


def bind_cellwise(record: Array, x: Array, y: Array, z: Array | None = None) -> None:
    """Enter the arrays of a run in a record: see `bind` of correlations. An axis of extent 1 of z is repeated."""
    (operation,) = record
    dtype = "float64" if operation["is_double"] else "float32"
    arrays = [array for array in (x, y, z) if array is not None]
    check(all(array.dtype == dtype and array.flags.aligned for array in arrays), f"not of type {dtype}, or not aligned")
    channels = int(operation["groups"])
    for array, space in ((x, operation["extent"]), (y, operation["positions"])):
        check(axes_of(array.shape[1:-1], 1) == tuple(space), "not the extents in space")
        check(array.shape[-1] == channels, "not as many channels")
    check(len(x) == len(y), "not as many samples")
    record["samples"] = len(x)
    record["x"], record["y"] = address(x), address(y)
    record["x_step"], record["y_step"] = steps_of(x), steps_of(y)
    if z is not None:
        check(z.shape[-1] == channels, "not as many channels")
        z = np.broadcast_to(z, x.shape)
        record["z"], record["z_step"] = address(z), steps_of(z)
