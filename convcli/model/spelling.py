"""The spelling of a layer in its framework, and what its arguments say about the layer's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record, field
from convcli.core.shapes import DataFormat, Extent, Shape, format_extents, format_shape, product


class Expectation(Record):
    """A claim of an argument about the input: the extents of its `channels`, its `last` axis, or its last `axes`.

    `implicit_axis` is an axis that PyTorch chooses where it is None: the batch, if there are three axes with it.
    """

    kind: str
    argument: str
    value: Any

    def check(self, shape: Shape) -> None:
        """Raise `ConvcliError` unless a sample of this shape, in the framework's axis order, is as expected."""
        if self.kind == "implicit_axis":
            if self.value is None and len(shape) == 2:
                problem = f"without {self.argument}, PyTorch takes the batch of three axes"
                raise ConvcliError(problem, f"{self.argument}=1 for channels")
            return
        expected = tuple(self.value) if isinstance(self.value, list | tuple) else (self.value,)
        arrived = shape[: len(expected)] if self.kind == "channels" else shape[-len(expected) :]
        pairs = zip(arrived, expected, strict=False)
        if len(arrived) == len(expected) and all(own in (None, value) for own, value in pairs):
            return
        if self.kind == "axes":
            problem = f"{self.argument}={_written(expected)}, {format_shape(arrived)} arrives"
            raise ConvcliError(problem, f"{self.argument}={_written(arrived)}")
        what = "channel" if self.kind == "channels" else "value"
        arrives = f"{arrived[0]} {what}{' arrives' if arrived[0] == 1 else 's arrive'}"
        raise ConvcliError(f"{self.argument}={_written(expected)}, {arrives}", self._remedy(shape, arrived[0]))

    def _remedy(self, shape: Shape, arrived: Extent) -> str:
        values = product(shape)
        if self.kind == "last" and len(shape) > 1 and values is not None:
            if values == self.value:
                return f"Flatten before it: {format_extents(shape)} = {values} values"
            return f"{self.argument}={arrived}; after Flatten, {self.argument}={values}"
        return f"{self.argument}={arrived}"


def _written(extents: tuple[Any, ...]) -> str:
    return str(extents[0]) if len(extents) == 1 else format_shape(extents)


class Spelling(Record):
    """A layer as its framework writes it.

    Args:
        type: its class.
        arguments: its arguments by the framework's names, defaults included.
        expectations: what they say about its input.
        axes: how many axes an input may have, without the batch; empty where that does not follow from the class.
        extra_buffers: numbers that the framework holds beside the weights, which nothing reads.
    """

    type: str
    arguments: Mapping[str, Any] = field(factory=dict)
    expectations: tuple[Expectation, ...] = ()
    axes: tuple[int, ...] = ()
    extra_buffers: int = 0

    def check_input(self, shape: Shape, data_format: DataFormat) -> None:
        """Raise `ConvcliError` unless the input of the layer, with channels last, is what its arguments say."""
        outer = data_format.from_channels_last(shape)
        if self.axes and len(shape) not in self.axes:
            counts = " or ".join(str(count + 1) for count in self.axes)
            whole = format_shape((None, *outer))
            raise ConvcliError(f"{self.type} takes {counts} axes with the batch, {whole} arrives")
        with located(self.type):
            for expectation in self.expectations:
                expectation.check(outer)
