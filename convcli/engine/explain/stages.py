"""The stages of an explanation: a record for each kind of computation, with the numbers that go into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record

Cell = tuple[int, ...]  # the index of a value in a sample: (*position, channel)


class Stage(Record, kw_only=True):
    """One computation and the value that it yields."""

    value: Any


class Patch(Record):
    """The cells under a window.

    `values` is `(*size, channels)`, or `(*size,)` where only one channel counts. `inside`, `(*size,)`, is true for the
    cells of the input; the others are padding, or lie between the cells of a stretched input. `cells`, `(*size, axes)`,
    is the position of each cell in the input, -1 for the others. It is None after axes have been moved, where windows
    slide along an axis that is not a spatial axis of the input.
    """

    values: Array
    inside: Array
    cells: Array | None


class DotProductStage(Stage):
    """A dot product of the cells under a window with a filter, plus a bias.

    `kernel` has the patch's shape and is as it meets the input; `channels` are the numbers of the input channels that
    it meets; `name` is that of the variable. With `per_channel` the value is a sum for each channel, without a total.
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
        """The sum of the products of each channel: `(channels,)`."""
        products = self.products
        return np.asarray(products.sum(axis=tuple(range(products.ndim - 1))))


class PoolStage(Stage):
    """The maximum or the mean of the cells under a window, in one channel.

    Of a maximum, `winner` is the index in the window of the first cell that has it; of a mean, `count` is the divisor.
    """

    patch: Patch
    winner: Cell | None = None
    count: int | None = None


class ScaleStage(Stage):
    """A number shifted and scaled; `parameters` are the step's numbers that are used here, by name."""

    kind: str
    input: Any
    parameters: Mapping[str, Any]


class NormalizeStage(Stage):
    """(input - mean) / sqrt(variance + epsilon), with the mean and variance of `count` values of the sample.

    Where the mean is None, nothing is subtracted and `variance` is the mean of the squares.
    """

    input: Any
    mean: Any
    variance: Any
    epsilon: float
    count: int


class LocalNormalizeStage(Stage):
    """input / (k + alpha·(sum of the squares of `among`) / size)^beta; `among` are the channels in the window."""

    input: Any
    among: Array
    parameters: Mapping[str, Any]


class ActivationStage(Stage):
    """An activation with its parameters.

    `axis_values` are all values along the axes that it works along; None where it maps each value by itself.
    """

    function: str
    parameters: Mapping[str, Any]
    input: Any
    axis_values: Array | None = None


class MergeStage(Stage):
    """The values of several operands, each with its name, merged.

    `coefficients` are the factors of the operands; it is empty where all are 1.
    """

    kind: str
    operands: tuple[tuple[str, Any], ...]
    coefficients: tuple[float, ...] = ()


class CopyStage(Stage):
    """A value taken from `cell` of an operand as it is; without a cell it is padding."""

    operand: str
    cell: Cell | None
