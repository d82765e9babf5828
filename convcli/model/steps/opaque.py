"""The step that stands for what cannot be followed."""

from __future__ import annotations

from collections.abc import Sequence

from convcli.core.shapes import Extent, Shape
from convcli.model.receptive_field import ReceptiveField
from convcli.model.steps.base import Step, Weight


class Opaque(Step):
    """Do something that is not known: what a layer that convcli lacks does, or any layer on an input of unknown shape.

    Args:
        shape: the output shape, `UNKNOWN_SHAPE` where nothing tells it.
        variables: the weights; one of an unknown extent where nothing tells them.
    """

    shape: Shape
    variables: tuple[Weight, ...] = ()

    @property
    def weights(self) -> tuple[Weight, ...]:
        return self.variables

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape

    def macs(self, shape: Shape) -> Extent:
        """Return 0 without weights, because only multiplications by weights count; else None."""
        return None if self.variables else 0

    def is_isotropic(self, *shapes: Shape) -> bool:
        return False

    def trace(self, fields: Sequence[ReceptiveField | None], shapes: Sequence[Shape]) -> ReceptiveField:
        field = next(field for field in fields if field is not None)
        return tuple("unknown" for _ in field)
