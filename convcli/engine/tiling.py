"""A part of a value, from no more of the inputs than its cells see: the same operations on parts of all values.

From the part that is wanted of each value follows, operation by operation backwards, what is needed of those before it:
the cells and a halo around them. Padding stays where there is a border. An operation that mixes all cells along an
axis needs the whole of it. To let a step work on parts, register what it needs with `restrict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

from convcli.core.records import replace
from convcli.engine.fusion import Name, Operation
from convcli.model import steps
from convcli.model.steps import Step
from convcli.model.window import Window

Span = tuple[int, int]  # cells of an axis, the first and the one after the last
Tile = tuple[Span, ...]  # along each axis in space
Shapes = Sequence[tuple[int, ...]]


class TiledStep(NamedTuple):
    """A step that makes a part of its result: the step itself, what it makes, and what it needs of each operand.

    What it makes may be more than was asked for, and right only there.
    """

    step: Step | None
    makes: Tile
    needs: tuple[Tile, ...]


class TilePlan(NamedTuple):
    """What makes a part of one value: operations, the name of their result, and the part of each input they need."""

    chain: tuple[Operation, ...]
    made: Name
    input_tiles: Mapping[str, Tile]

    def shapes(self, inputs: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """The shapes of a sample of the parts that are needed of inputs of these shapes."""
        return {name: _sized(inputs[name], box) for name, box in self.input_tiles.items()}


def plan_tile(chain: Sequence[Operation], inputs: Mapping[str, tuple[int, ...]], wanted: Name, box: Tile) -> TilePlan:
    """The operations that make this part of the wanted value, cut to what leads to it."""
    shapes: dict[Name, tuple[int, ...]] = {each.makes: each.shape for each in chain}
    shapes.update(inputs.items())
    boxes: dict[Name, Tile] = {wanted: box}
    found: dict[Name, TiledStep] = {}
    for each in reversed(chain):
        if each.makes in boxes:
            there = [shapes[name] for name in each.takes]
            found[each.makes] = narrow = restrict(each.step, boxes[each.makes], there, each.shape)
            for name, needed in zip(each.takes, narrow.needs, strict=True):
                boxes[name] = _hull(boxes[name], needed) if name in boxes else needed
    needs = {name: boxes[name] for name in inputs if name in boxes}
    held: dict[Name, Tile] = dict(needs.items())
    made: list[Operation] = []
    for each in chain:
        if each.makes not in found:
            continue
        narrow = found[each.makes]
        takes: list[Name] = []
        for name, needed in zip(each.takes, narrow.needs, strict=True):
            if held[name] != needed:
                cut = _cut(each, name, shapes[name], held[name], needed)
                made += [cut] * (cut.makes not in takes)
                name = cut.makes
            takes.append(name)
        made.append(
            replace(
                each,
                step=narrow.step,
                takes=tuple(takes),
                space=_sized(shapes[each.takes[0]], narrow.needs[0]),
                shape=_sized(each.shape, narrow.makes),
            )
        )
        held[each.makes] = narrow.makes
    if held[wanted] != box:
        made.append(_cut(made[-1] if made else chain[-1], wanted, shapes[wanted], held[wanted], box))
        wanted = made[-1].makes
    return TilePlan(tuple(made), wanted, needs)


def whole_tile(shape: Sequence[int]) -> Tile:
    """All cells of a value of this shape of a sample."""
    return tuple((0, extent) for extent in shape[:-1])


def _hull(one: Tile, other: Tile) -> Tile:
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))


def _sized(shape: Sequence[int], box: Tile) -> tuple[int, ...]:
    return (*(stop - start for start, stop in box), shape[-1])


def _cut(each: Operation, name: Name, shape: Sequence[int], held: Tile, needed: Tile) -> Operation:
    """What makes of the part that is held of a value the smaller one that an operation needs."""
    amounts = tuple((a - c, d - b) for (a, b), (c, d) in zip(held, needed, strict=True))
    own: Name = (f"{each.makes}<{name}", 0)
    space, left = _sized(shape, held), _sized(shape, needed)
    return Operation(each.layer, each.where, steps.Pad(amounts), {}, (name,), own, space, left)


# ---- what a step needs ----


@singledispatch
def restrict(step: Step | None, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    """The step for a part of its result, given the whole shapes of a sample that it takes and makes.

    Of a step that says nothing else here, the whole is made of the whole.
    """
    return TiledStep(step, whole_tile(shape), tuple(map(whole_tile, takes)))


@restrict.register
def _(step: None, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    return TiledStep(step, box, (box,))


@restrict.register(steps.Correlate)
@restrict.register(steps.Pool)
def _(step: steps.Correlate | steps.Pool, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    if not step.windows:
        return TiledStep(step, box, (box,))
    axes = zip(step.windows, box, takes[0], shape, strict=False)
    windows, makes, needs = zip(*(_slid(*each) for each in axes), strict=True)
    return TiledStep(replace(step, windows=windows), makes, (needs,))


def _slid(window: Window, span: Span, width: int, places: int) -> tuple[Window, Span, Span]:
    """The window for some of its places, these, and the cells that they meet."""
    start = span[0] * window.stride - window.before  # in cells of the stretched axis
    stop = (span[1] - 1) * window.stride - window.before + window.extent
    first = max(0, -(-start // window.upsample))
    last = min(width - 1, (stop - 1) // window.upsample)
    if first > last:  # no cell is met: the whole axis, which some place of the window is on
        return window, (0, places), (0, width)
    before = first * window.upsample - start
    after = stop - 1 - last * window.upsample
    over = max(0, stop - window.stretched(width) - window.after)  # by which a last window hangs over the padding
    return replace(window, before=before, after=after - over, ceil=over > 0), span, (first, last + 1)


@restrict.register
def _(step: steps.Pad, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    axes = zip(step.amounts, box, takes[0], shape, strict=False)
    amounts, makes, needs = zip(*(_padded(step.mode, *each) for each in axes), strict=True)
    return TiledStep(replace(step, amounts=amounts), makes, (needs,))


def _padded(mode: str, amounts: Span, span: Span, width: int, made: int) -> tuple[Span, Span, Span]:
    """The amounts for some cells of a padded axis, these, and the cells that they come from."""
    start, stop = (cell - amounts[0] for cell in span)  # in cells of the axis, beyond it where they are padding
    before, after = max(0, -start), max(0, stop - width)
    first, last = max(0, start), min(width, stop)
    if mode == "reflect":  # each border, with the cells that are seen in it
        last, first = max(last, before + 1 if before else 0), min(first, width - 1 - after if after else width)
    if first >= last or (mode == "circular" and (before or after)):
        return amounts, (0, made), (0, width)
    return (before, after), (first + amounts[0] - before, last + amounts[0] + after), (first, last)


@restrict.register
def _(step: steps.Resize, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    halo = 1 + steps.Resize.RADII.get(step.interpolation, -1)  # beyond what is interpolated between
    needs = tuple(
        (max(0, start // factor - halo), min(width, -(-stop // factor) + halo))
        for factor, (start, stop), width in zip(step.factors, box, takes[0], strict=False)
    )
    makes = tuple((start * factor, stop * factor) for factor, (start, stop) in zip(step.factors, needs, strict=True))
    return TiledStep(step, makes, (needs,))


@restrict.register
def _(step: steps.MoveAxes, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    if step.axes[-1] != len(box):
        return TiledStep(step, whole_tile(shape), (whole_tile(takes[0]),))
    return TiledStep(step, box, (tuple(box[step.axes.index(axis)] for axis in range(len(box))),))


@restrict.register
def _(step: steps.Activate, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    learned = step.slope is not None and any(axis < len(box) for axis in step.slope_axes)
    along = range(len(box)) if learned else step.axes
    return _cell_by_cell(step, box, takes, shape, along)


@restrict.register(steps.Scale)
@restrict.register(steps.Normalize)
def _(step: steps.Scale | steps.Normalize, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    return _cell_by_cell(step, box, takes, shape, step.axes)


def _cell_by_cell(step: Step, box: Tile, takes: Shapes, shape: tuple[int, ...], along: Sequence[int]) -> TiledStep:
    """Along some axes all cells count, along the others each for itself."""
    makes = _widened(box, shape, along)
    return TiledStep(step, makes, (makes,))


def _widened(box: Tile, shape: Sequence[int], along: Sequence[int]) -> Tile:
    """The part with all cells along some axes."""
    return tuple((0, shape[axis]) if axis in along else span for axis, span in enumerate(box))


@restrict.register
def _(step: steps.Merge, box: Tile, takes: Shapes, shape: tuple[int, ...]) -> TiledStep:
    if any(len(each) != len(shape) for each in takes):
        return TiledStep(step, whole_tile(shape), tuple(map(whole_tile, takes)))
    if step.kind == "concatenate":
        beside = (step.axis % len(shape),)
        needs = tuple(_widened(box, each, beside) for each in takes)
        return TiledStep(step, _widened(box, shape, beside), needs)
    broadcast = tuple(tuple((0, 1) if each[axis] == 1 else span for axis, span in enumerate(box)) for each in takes)
    return TiledStep(step, box, broadcast)
