"""The parts of the working behind a value: a record for each kind, with the numbers that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record

Cell = tuple[int, ...]  # of a sample, `(*spatial, channel)`


class Stage(Record, kw_only=True):
    """One part of the working and the value that it yields."""

    value: Any


class Patch(Record):
    """The cells under a window: `values` is `(*size, channels)`, or `(*size,)` of one channel.

    `inside`, `(*size,)`, says which are cells of the input; the others are padding, or lie between stretched cells.
    `cells`, `(*size, axes)`, is the place of each in the input, -1 where there is none; None where they lie along
    another axis than those in space.
    """

    values: Array
    inside: Array
    cells: Array | None


class DotProductStage(Stage):
    """A dot product of the cells under a window with a filter, plus a bias.

    `kernel` has the patch's shape and is as it meets the input; `channels` are the numbers of the input channels that
    it sees. With `per_channel` the channels are not summed: the value is a sum for each.
    """

    patch: Patch
    kernel: Array
    channels: tuple[int, ...]
    sum: Any
    name: str = "kernel"
    bias: Any = None
    flipped: bool = False
    transposed: bool = False
    per_channel: bool = False

    @property
    def products(self) -> Array:
        """Each cell times the weight that it meets: `(*size, channels)`."""
        return self.kernel * self.patch.values

    @property
    def channel_sums(self) -> Array:
        """The sum of the products of each channel."""
        found = self.products
        return np.asarray(found.sum(axis=tuple(range(found.ndim - 1))))


class PoolStage(Stage):
    """The maximum or the mean of the cells under a window, of one channel.

    `winner` is the place in the window of the first cell that has the maximum; a mean is divided by `count`.
    """

    patch: Patch
    winner: Cell | None = None
    count: int | None = None


class ScaleStage(Stage):
    """One value shifted and scaled; `parameters` are those of the step that are used here, by name."""

    kind: str
    input: Any
    parameters: Mapping[str, Any]


class NormalizeStage(Stage):
    """(x - mean) / sqrt(variance + epsilon), with the mean and variance of `count` values of the sample."""

    input: Any
    mean: Any
    variance: Any
    epsilon: float
    count: int


class ActivationStage(Stage):
    """An activation with its parameters; `axis_values` are the values along the axes that it works along, else None."""

    function: str
    parameters: Mapping[str, Any]
    input: Any
    axis_values: Array | None = None


class MergeStage(Stage):
    """A value of each operand, by name, merged; `coefficients` says how many times each is taken, where not once."""

    kind: str
    operands: tuple[tuple[str, Any], ...]
    coefficients: tuple[float, ...] = ()


class CopyStage(Stage):
    """A value as it stands elsewhere: at `cell` of the input or, of several, the operand; None is padding."""

    operand: str
    cell: Cell | None
