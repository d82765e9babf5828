"""After how many cells the sizes that a model accepts repeat, and whether all axes behave alike."""

from __future__ import annotations

from math import lcm

from convcli.model.layers.reshaping import Reshape
from convcli.model.plan import Plan
from convcli.model.receptive_field import input_period
from convcli.model.steps import Activate


def period_of(plan: Plan, axis: int) -> int:
    """Return after how many cells along a spatial axis of the input the accepted extents repeat.

    This is the least common multiple of all jumps along the axis, and of the multiples that reshaped values need.
    """
    jumps = [input_period(field[axis]) for fields in plan.receptive_fields.values() for field in fields.values()]
    multiples = []
    for planned in plan.layers:
        layer = planned.node.layer
        if isinstance(layer, Reshape):
            fields = plan.receptive_fields[planned.input_names[0]].values()
            multiples += [
                layer.multiple * input_period(field[axis]) for field in fields if field[axis] not in (None, "whole")
            ]
    # A gated linear unit halves an axis, which must then be even.
    halves = any(isinstance(step, Activate) and step.function == "glu" for layer in plan.layers for step in layer.steps)
    return lcm(*jumps, *multiples) * (2 if halves else 1)


def treats_axes_alike(plan: Plan) -> bool:
    """Return whether every layer certainly treats all spatial axes alike."""
    return all(step.is_isotropic(*shapes) for layer in plan.layers for step, shapes in layer.steps_with_shapes)
