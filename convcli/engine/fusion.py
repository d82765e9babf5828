"""A plan -> operations: steps that follow each other become one, where nothing else needs what lies between.

A step that works cell by cell is done in place on each block of what it follows. Padding with zeros becomes part of the
convolution after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from convcli.core.lazy_imports import Array
from convcli.core.records import Record, field, replace
from convcli.core.shapes import known
from convcli.engine.epilogue import Activation, Linear, Standard, Tail, tail
from convcli.model import steps
from convcli.model.graph import Plan

Weights = Mapping[str, Array]
Name = str | tuple[str, int]  # of a value: its layer's, or within a layer the step's number too


class Operation(Record):
    """One step (none: the value as it is) and what is done to its result in place.

    `takes` and `makes` are names of values, `shape` that of one sample of the result, `space` that of the step's first
    input. `row` is the name of the layer that the step is of, `where` what messages call it.
    """

    row: str
    where: str
    step: steps.Step | None
    weights: Weights
    takes: tuple[Name, ...]
    makes: Name
    space: tuple[int, ...]
    shape: tuple[int, ...]
    tails: tuple[Linear | Standard | Activation, ...] = field(default=())


VIEWS = (steps.Reshape, steps.Permute)


def operations(
    plan: Plan, weights: Mapping[str, Weights], keep: Sequence[str], dtype: str
) -> tuple[list[Operation], dict[str, Name]]:
    """The operations of a plan in order, and for each value in `keep` the name under which it is made."""
    single, same = _one_by_one(plan, weights)
    kept: dict[str, Name] = {name: same.get(name, name) for name in keep}
    uses = Counter(name for each in single for name in each.takes) + Counter(set(kept.values()))
    made: dict[Name, int] = {}  # the place of the operation that makes a value
    fused: list[Operation | None] = []
    for each in single:
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


def _one_by_one(plan: Plan, weights: Mapping[str, Weights]) -> tuple[list[Operation], dict[str, Name]]:
    """An operation a step, and for each layer without one the name of the value that it hands on."""
    found: list[Operation] = []
    same: dict[str, Name] = {}
    for row in plan.rows:
        takes: tuple[Name, ...] = tuple(same.get(name, name) for name in row.operands)
        if not row.steps:
            same[row.name] = takes[0]
        for place, (step, shapes) in enumerate(row.flow):
            last = place == len(row.steps) - 1
            makes: Name = row.name if last else (row.name, place)
            space, shape = (tuple(map(known, each)) for each in (shapes[0], row.step_shapes[place]))
            owned = weights.get(row.node.owner, {})
            found.append(Operation(row.name, row.where, step, owned, takes, makes, space, shape))
            takes = (makes,)
    return found, same


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
