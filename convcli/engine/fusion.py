"""A plan -> operations: steps that follow each other become one, where nothing else needs what lies between.

A step that works cell by cell is done in place on each block of what it follows. Padding with zeros becomes part of the
convolution after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcli.core.lazy_imports import Array
from convcli.core.records import Record, field, replace
from convcli.engine.epilogue import Activation, Linear, Standard, Tail, tail
from convcli.engine.linearize import StepCall, ValueName, count_uses, linearize
from convcli.model import steps
from convcli.model.graph import Plan

Weights = Mapping[str, Array]
Name = ValueName


class Operation(Record):
    """One step (none: the value as it is) and what is done to its result in place.

    `takes` and `makes` are names of values, `shape` that of one sample of the result, `space` that of the step's first
    input. `layer` is the name of the layer that the step is of, `where` what messages call it.
    """

    layer: str
    where: str
    step: steps.Step | None
    weights: Weights
    takes: tuple[Name, ...]
    makes: Name
    space: tuple[int, ...]
    shape: tuple[int, ...]
    tails: tuple[Linear | Standard | Activation, ...] = field(default=())


VIEWS = (steps.ChangeShape, steps.MoveAxes)


def operations(
    plan: Plan, weights: Mapping[str, Weights], keep: Sequence[str], dtype: str
) -> tuple[list[Operation], dict[str, Name]]:
    """The operations of a plan in order, and for each value in `keep` the name under which it is made."""
    linear = linearize(plan)
    kept = {name: linear.outputs.get(name, name) for name in keep}  # an input may be kept too
    uses = count_uses(linear.calls, kept.values())
    made: dict[Name, int] = {}  # the place of the operation that makes a value
    fused: list[Operation | None] = []
    for each in (_operation(call, weights) for call in linear.calls):
        before = made.get(each.takes[0]) if len(each.takes) == 1 and uses[each.takes[0]] == 1 else None
        former = None if before is None else fused[before]
        joined = None if former is None else _joined(former, each, dtype)
        if joined is None or before is None:
            if each.step is not None and (alone := tail(each.step, each.weights, len(each.shape), dtype)):
                each = replace(each, step=None, tails=(alone,))
            before = len(fused)
            fused.append(each)
        elif isinstance(each.step, steps.Correlate):  # after padding
            fused[before] = None
            before = len(fused)
            fused.append(joined)
        else:
            fused[before] = joined
        made[each.makes] = before
    return [each for each in fused if each is not None], kept


def _operation(call: StepCall, weights: Mapping[str, Weights]) -> Operation:
    """Return a single step as an operation."""
    owned = weights.get(call.layer.node.owner, {})
    name, where, space = call.layer.name, call.layer.where, call.input_shapes[0]
    return Operation(name, where, call.step, owned, call.inputs, call.output, space, call.output_shape)


def _joined(former: Operation, each: Operation, dtype: str) -> Operation | None:
    """The two as one operation, where they can be."""
    if isinstance(each.step, steps.Correlate) and isinstance(former.step, steps.Pad) and not former.tails:
        windows = each.step.windows
        cropped = any(amount < 0 for pair in former.step.amounts for amount in pair)
        if former.step.mode != "zeros" or cropped or any(window.upsample > 1 for window in windows):
            return None  # cells that are cut off are not there to be read again
        padded = tuple(
            replace(window, before=window.before + before, after=window.after + after)
            for window, (before, after) in zip(windows, former.step.amounts, strict=True)
        )
        return replace(each, step=replace(each.step, windows=padded), takes=former.takes, space=former.space)
    if each.step is None or isinstance(former.step, VIEWS):
        return None
    added = tail(each.step, each.weights, len(each.shape), dtype)
    return None if added is None else replace(former, makes=each.makes, tails=(*former.tails, added))


def run_all(tails: Sequence[Tail], block: Array, channels: slice) -> None:
    """Do what is to be done to a block, in order."""
    for each in tails:
        each(block, channels)
