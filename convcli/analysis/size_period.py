"""After how many cells the sizes that a model accepts repeat, and whether all axes behave alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

from convcli.core.records import Record
from convcli.core.shapes import Extent
from convcli.model.layers.reshaping import Reshape
from convcli.model.padding_modes import PaddingMode
from convcli.model.plan import Plan
from convcli.model.receptive_field import AxisField, ReceptiveField, TracedAxis
from convcli.model.steps import Activate
from convcli.model.window import Window


class Growth(Record):
    """The growth of an extent with the input's: by `cells` whenever the input grows by `period`, the least that do.

    It follows windows as receptive fields do, and it takes no longer where many cells see the same cells of the input.
    """

    period: int = 1
    cells: int = 1

    def padded(self, before: int, after: int, mode: PaddingMode) -> Growth:
        """Return the growth of the extent with cells added or removed: the same."""
        return self

    def through(self, window: Window) -> Growth:
        """Return the growth of the output of `window`."""
        return self._scaled(window.upsample, window.stride)

    def through_spans(self, spans: Sequence[tuple[int, int]], shift: int, extent: Extent) -> Growth:
        """Return the growth of an extent of which each `shift` cells of this one make `len(spans)`."""
        return self._scaled(len(spans), shift)

    def _scaled(self, numerator: int, denominator: int) -> Growth:
        """Return the growth of an extent that is `numerator` cells longer for each `denominator` cells of this one."""
        cells = numerator * self.cells
        common = gcd(cells, denominator)
        return Growth(self.period * (denominator // common), cells // common)

    def repeated(self, extent: Extent) -> None:
        """Return None: an extent of cells that repeat one cell does not grow with it."""

    def union(self, other: Growth) -> Growth:
        """Return the growth of an extent that both branches share."""
        period = lcm(self.period, other.period)
        return Growth(period, self.cells * period // self.period)

    def span(self, cell: int) -> None:
        """Return None: spans are not followed."""


def period_of(plan: Plan, axis: int) -> int:
    """Return after how many cells along a spatial axis of the input the accepted extents repeat.

    This is the least common multiple of the periods of all extents, and of the multiples that reshaped values need.
    """
    growth = plan.trace({name: _growth_of_axes(len(shape) - 1) for name, shape in plan.input_shapes.items()})
    periods = [_period(field[axis]) for fields in growth.values() for field in fields.values()]
    multiples = []
    for planned in plan.layers:
        layer = planned.node.layer
        if isinstance(layer, Reshape):
            fields = growth[planned.input_names[0]].values()
            multiples += [
                layer.multiple * _period(field[axis]) for field in fields if field[axis] not in (None, "whole")
            ]
    # A gated linear unit halves an axis, which must then be even.
    halves = any(isinstance(step, Activate) and step.function == "glu" for layer in plan.layers for step in layer.steps)
    return lcm(*periods, *multiples) * (2 if halves else 1)


def _growth_of_axes(rank: int) -> ReceptiveField:
    """Return the growth of the extents of an input: each is its own."""
    return tuple(TracedAxis(axis, Growth()) for axis in range(rank))


def _period(field: AxisField) -> int:
    """Return after how many input cells an extent grows; 1 where it does not grow with the axis."""
    return field.field.period if isinstance(field, TracedAxis) and isinstance(field.field, Growth) else 1


def treats_axes_alike(plan: Plan) -> bool:
    """Return whether every layer certainly treats all spatial axes alike."""
    return all(step.is_isotropic(*shapes) for layer in plan.layers for step, shapes in layer.steps_with_shapes)
