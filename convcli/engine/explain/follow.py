"""The working behind one value of a layer: which cells it is made of, and how.

A layer's steps are followed backwards from the value. What each of them does there is a stage; stages are in the order
in which they are computed. The sums of products are made by the code of the plain reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.algorithms.plain import patch_at, stretch_and_pad, sums_of_products
from convcli.engine.epilogue import scale_function, scale_parameters
from convcli.engine.explain.stages import (
    ActivationStage,
    Cell,
    CopyStage,
    DotProductStage,
    MergeStage,
    NormalizeStage,
    Patch,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.engine.run_step import MERGE_FUNCTIONS, align_operands, broadcast_weight, centre_groups, run_step
from convcli.model import steps
from convcli.model.plan import PlannedLayer
from convcli.model.window import Window

# What windows meet, each `(1, *laid, channels)`: the values; which are input; the place of each in the input, an axis a
# channel and -1 for none, or None where that is no place in space.
Laid = tuple[Array, Array, Array | None]


class Explainer:
    """The steps of one layer on one sample.

    `inputs` are what it takes, each `(1, *spatial, channels)`, `weights` its variables by name.
    """

    def __init__(self, layer: PlannedLayer, inputs: Sequence[Array], weights: Mapping[str, Array]) -> None:
        self.layer, self.inputs, self.weights = layer, tuple(inputs), weights
        self._taken: dict[int, Array] = {}
        self._laid: dict[int, Laid] = {}
        self._kernels: dict[int, Array] = {}

    def stages(self, cell: Cell) -> tuple[Stage, ...]:
        """What makes the value at a cell of the layer's output; there is at least one stage."""
        if not self.layer.steps:
            return (CopyStage(self.layer.input_names[0], cell, value=self.inputs[0][0][cell]),)
        return tuple(self.until(len(self.layer.steps) - 1, cell))

    def until(self, place: int, cell: Cell) -> list[Stage]:
        """The stages that make a cell of what the step at this place yields."""
        return follow(self.layer.steps[place], self, place, cell)

    def before(self, place: int, cell: Cell) -> tuple[list[Stage], Any]:
        """The stages that make a cell of what the step takes, and its value; an input has none."""
        if place == 0:
            return [], self.inputs[0][0][cell]
        found = self.until(place - 1, cell)
        return found, found[-1].value

    def taken(self, place: int) -> Array:
        """All that the step takes, of which a correlation is no part: `(1, *sample)`."""
        if place == 0:
            return self.inputs[0]
        if place not in self._taken:
            self._taken[place] = run_step(self.layer.steps[place - 1], [self.taken(place - 1)], self.weights)
        return self._taken[place]

    def kernel(self, place: int) -> Array:
        """The kernel of a correlation as it meets the input: `(*k, in/groups, filters)`."""
        if place not in self._kernels:
            step = self.layer.steps[place]
            assert isinstance(step, steps.Correlate)
            self._kernels[place] = correlation_kernel(step, self.weights[step.kernel.name])
        return self._kernels[place]

    def patch(self, place: int, windows: Sequence[Window], at: Cell) -> Patch:
        """The cells under the windows of a step at one place: all channels."""
        near = _near(windows, self.inputs[0].shape[1:], at) if place == 0 else None
        if near is None:
            laid, over, where = self.laid_out(place, windows), windows, at
        else:  # a large input need not be laid out for a few of its cells
            cut, over = near
            x = self.inputs[0][(slice(None), *cut)]
            origins = _places(x.shape[1:-1]) + [each.start for each in cut]
            laid, where = _laid(x, np.ones((*x.shape[:-1], 1), bool), origins, over), (0,) * len(at)
        values, inside, cells = (None if each is None else patch_at(each, over, where) for each in laid)
        assert values is not None
        assert inside is not None
        return Patch(values, inside[..., 0], cells)

    def laid_out(self, place: int, windows: Sequence[Window]) -> Laid:
        """All that a step takes, as its windows meet it."""
        if place not in self._laid:
            self._laid[place] = self._lay_out(place, windows)
        return self._laid[place]

    def _lay_out(self, place: int, windows: Sequence[Window]) -> Laid:
        x, earlier = self.taken(place), self.layer.steps[:place]
        inside: Array = np.ones((1, *x.shape[1:-1], 1), bool)
        origins: Array | None = _places(x.shape[1:-1])
        if any(isinstance(step, steps.MoveAxes) for step in earlier):
            origins = None
        elif earlier:
            (pad,) = earlier
            assert isinstance(pad, steps.Pad)
            inside = run_step(replace(pad, mode="zeros"), [np.ones((1, *self.inputs[0].shape[1:-1], 1), bool)], {})
            origins = run_step(pad, [_places(self.inputs[0].shape[1:-1])], {})
        return _laid(x, inside, origins, windows)


def _laid(x: Array, inside: Array, origins: Array | None, windows: Sequence[Window]) -> Laid:
    values, inside = (_to_the_last(stretch_and_pad(each, windows), windows, x.shape) for each in (x, inside))
    if origins is not None:
        origins = _to_the_last(stretch_and_pad(origins, windows), windows, x.shape) - 1
    return values, inside, origins


def _near(
    windows: Sequence[Window], space: Sequence[int], at: Cell
) -> tuple[tuple[slice, ...], tuple[Window, ...]] | None:
    """The cells of the input between the first and the last under the windows at a place, and windows over these alone.

    None where there are no such cells.
    """
    cuts, near = [], []
    for window, width, place in zip(windows, space, at, strict=False):
        first = place * window.stride - window.before  # in the stretched input
        last = first + window.extent - 1
        cut = slice(max(0, -(-first // window.upsample)), min(width, last // window.upsample + 1))
        if cut.start >= cut.stop:
            return None
        before, after = cut.start * window.upsample - first, last - (cut.stop - 1) * window.upsample
        cuts.append(cut)
        near.append(replace(window, stride=1, before=before, after=after, ceil=False))
    return tuple(cuts), tuple(near)


def _places(space: Sequence[int]) -> Array:
    """The place of each cell along each axis, from 1, as 0 is what padding holds: (1, *space, axes)."""
    return np.moveaxis(np.indices(space), 0, -1)[None] + 1


def _to_the_last(laid: Array, windows: Sequence[Window], shape: Sequence[int]) -> Array:
    """With empty cells after it where a last window hangs over the end."""
    ends = [
        (known(window.output_extent(width)) - 1) * window.stride + window.extent
        for window, width in zip(windows, shape[1:], strict=False)
    ]
    missing = [(0, max(0, end - width)) for end, width in zip(ends, laid.shape[1:], strict=False)]
    return np.pad(laid, [(0, 0), *missing, (0, 0)]) if any(map(any, missing)) else laid


@singledispatch
def follow(step: steps.Step, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    """The stages that make a cell of what the step, the one at this place in the layer, yields."""
    raise NotImplementedError(type(step).__name__)


@follow.register
def _(step: steps.Correlate, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    *at, filter_ = cell
    kernel, groups = explainer.kernel(place), known(step.groups)
    seen, made = kernel.shape[-2], kernel.shape[-1] // groups
    first = filter_ // made * seen
    earlier, patch = _seen(step, explainer, place, tuple(at))
    total = sums_of_products(patch.values, kernel, groups)[filter_]
    bias = None if step.bias is None else explainer.weights[step.bias.name][filter_]
    return [
        *earlier,
        DotProductStage(
            replace(patch, values=patch.values[..., first : first + seen]),
            kernel[..., filter_],
            tuple(range(first, first + seen)),
            total,
            step.kernel.name,
            bias,
            step.flip,
            step.transposed,
            value=total if bias is None else total + bias,
        ),
    ]


def _seen(step: steps.Correlate, explainer: Explainer, place: int, at: Cell) -> tuple[list[Stage], Patch]:
    """What all filters of a correlation see at one place; after another correlation its sums, one for each channel."""
    former = explainer.layer.steps[place - 1] if place else None
    if not isinstance(former, steps.Correlate):
        return [], explainer.patch(place, step.windows, at)
    one = (1,) * len(at)
    kernel, patch = explainer.kernel(place - 1), explainer.patch(place - 1, former.windows, at)
    assert kernel.shape[-2] == 1
    assert all(window == Window(1) for window in step.windows)
    sums = sums_of_products(patch.values, kernel, known(former.groups))
    channels = tuple(each // (kernel.shape[-1] // known(former.groups)) for each in range(kernel.shape[-1]))
    per_channel = DotProductStage(
        replace(patch, values=patch.values[..., channels]),
        kernel[..., 0, :],
        channels,
        None,
        former.kernel.name,
        flipped=former.flip,
        per_channel=True,
        value=sums,
    )
    cells = np.reshape(at, (*one, -1))
    return [per_channel], Patch(sums.reshape(*one, -1), np.ones(one, bool), cells)


@follow.register
def _(step: steps.Pool, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    patch = explainer.patch(place, step.windows, cell[:-1])
    values = patch.values[..., cell[-1]]
    patch = replace(patch, values=values)
    if step.kind == "max":
        return [_maximum(patch)]
    counted = patch.inside
    if step.count_padding:
        counted = np.ones((), bool)
        for window, at, width in zip(step.windows, cell, explainer.inputs[0].shape[1:], strict=False):
            met = at * window.stride + np.arange(window.size) * window.dilation
            counted = counted[..., None] & (met < window.before + width + window.after)
    count = int(counted.sum())
    return [PoolStage(patch, count=count, value=values[patch.inside].sum() / values.dtype.type(count))]


def _maximum(patch: Patch) -> PoolStage:
    first = np.flatnonzero(patch.inside)[patch.values[patch.inside].argmax()]
    winner = tuple(int(place) for place in np.unravel_index(first, patch.inside.shape))
    return PoolStage(patch, winner, value=patch.values[winner])


@follow.register
def _(step: steps.GlobalPool, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    values = explainer.taken(place)[0][..., cell[-1]]
    patch = Patch(values, np.ones(values.shape, bool), _places(values.shape)[0] - 1)
    if step.kind == "max":
        return [_maximum(patch)]
    return [PoolStage(patch, count=values.size, value=np.mean(values))]


@follow.register
def _(step: steps.Scale, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    found, x = explainer.before(place, cell)
    shape = explainer.layer.step_shapes[place]
    numbers = [
        None if each is None else _at(broadcast_weight(each, sorted(step.axes), len(shape) + 1), shape, cell)
        for each in scale_parameters(step, explainer.weights, x.dtype.name)
    ]
    value = np.array([x])
    scale_function(step, numbers)(value, slice(None))
    names = (
        part.name if isinstance(part, steps.Weight) else name
        for name, part in (("gamma", step.gamma), ("beta", step.beta), ("mean", step.mean), ("variance", step.variance))
    )
    used = {name: number for name, number in zip(names, numbers, strict=True) if number is not None}
    if step.variance is not None:
        used["epsilon"] = step.epsilon
    return [*found, ScaleStage(step.kind, x, used, value=value[0])]


def _at(numbers: Array, shape: Sequence[Any], cell: Cell) -> Any:
    """The one of the numbers, which broadcast to `(1, *shape)`, that is at the cell."""
    return np.broadcast_to(numbers, (1, *shape))[0][cell]


@follow.register
def _(step: steps.Normalize, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    found, x = explainer.before(place, cell)
    whole = explainer.taken(place)
    centred, variance = centre_groups(step, whole)
    deviation = centred.reshape(whole.shape)[0][cell]
    variance = np.broadcast_to(variance, centred.shape).reshape(whole.shape)[0][cell]
    value = deviation / np.sqrt(variance + step.epsilon)
    count = int(np.prod([whole.shape[axis + 1] for axis in step.axes])) // known(step.groups)
    return [*found, NormalizeStage(x, x - deviation, variance, step.epsilon, count, value=value)]


@follow.register
def _(step: steps.Activate, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    found, x = explainer.before(place, cell)
    if step.slope is not None:
        shape = explainer.layer.step_shapes[place]
        slope = _at(broadcast_weight(explainer.weights[step.slope.name], step.slope_axes, len(shape) + 1), shape, cell)
        value = np.maximum(x, 0) + slope * np.minimum(x, 0)
        return [*found, ActivationStage(step.function, {step.slope.name: slope}, x, value=value)]
    parameters = dict(step.parameters)
    if not step.axes:
        return [*found, ActivationStage(step.function, parameters, x, value=run_step(step, [np.array([x])], {})[0])]
    if place == 0:
        whole, at = explainer.inputs[0], cell
        among = whole[0][tuple(slice(None) if axis in step.axes else each for axis, each in enumerate(cell))]
    else:  # along the channels of a correlation
        among = _column(explainer, place - 1, cell[:-1])
        whole, at = among.reshape(*(1,) * len(cell), -1), (*(0,) * (len(cell) - 1), cell[-1])
    return [*found, ActivationStage(step.function, parameters, x, among, value=run_step(step, [whole], {})[0][at])]


def _column(explainer: Explainer, place: int, at: Cell) -> Array:
    """What all filters of the correlation at this place in the layer yield at one place in space."""
    step = explainer.layer.steps[place]
    assert isinstance(step, steps.Correlate)
    _, patch = _seen(step, explainer, place, at)
    sums = sums_of_products(patch.values, explainer.kernel(place), known(step.groups))
    return sums if step.bias is None else sums + explainer.weights[step.bias.name]


@follow.register(steps.Pad)
@follow.register(steps.ChangeShape)
@follow.register(steps.MoveAxes)
def _(step: steps.Step, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    return _moved(step, explainer, place, cell)


def _moved(step: steps.Step, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    """Where the step has a cell from, found by running it on the cells' own numbers."""
    shape = tuple(map(known, explainer.layer.step_shapes[place - 1] if place else explainer.layer.input_shapes[0]))
    numbers = np.arange(1, np.prod(shape) + 1).reshape(1, *shape)
    number = int(run_step(step, [numbers], {})[0][cell])
    operand = explainer.layer.input_names[0]
    if number == 0:
        return [CopyStage(operand, None, value=explainer.inputs[0].dtype.type(0))]
    origin = tuple(int(each) for each in np.unravel_index(number - 1, shape))
    found, value = explainer.before(place, origin)
    return found or [CopyStage(operand, origin, value=value)]


@follow.register
def _(step: steps.Resize, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    if step.interpolation == "nearest":
        return _moved(step, explainer, place, cell)
    x = explainer.taken(place)
    ranges, weights = [], np.ones((), x.dtype)
    for width, factor, at in zip(x.shape[1:-1], step.factors, cell, strict=False):
        each = run_step(steps.Resize((factor,), step.interpolation), [np.eye(width, dtype=x.dtype)[None]], {})[0][at]
        used = np.flatnonzero(each)
        ranges.append(slice(int(used[0]), int(used[-1]) + 1))
        weights = weights[..., None] * each[ranges[-1]]
    values, places = x[0][(*ranges, slice(cell[-1], cell[-1] + 1))], _places(x.shape[1:-1])[0][tuple(ranges)] - 1
    patch = Patch(values, np.ones(weights.shape, bool), places)
    total = np.sum(weights * values[..., 0])
    return [DotProductStage(patch, weights[..., None], (cell[-1],), total, "weights", value=total)]


@follow.register
def _(step: steps.Merge, explainer: Explainer, place: int, cell: Cell) -> list[Stage]:
    names = explainer.layer.input_names
    if step.kind == "concatenate":
        start = 0
        for name, x in zip(names, explainer.inputs, strict=True):
            at = cell[step.axis] - start
            if at < x.shape[step.axis + 1]:
                origin = (*cell[: step.axis], at, *cell[step.axis + 1 :]) if step.axis != -1 else (*cell[:-1], at)
                return [CopyStage(name, origin, value=x[0][origin])]
            start += x.shape[step.axis + 1]
    shape = explainer.layer.step_shapes[place]
    values = [
        (name, _at(x, shape, cell)) for name, x in zip(names, align_operands(step, explainer.inputs), strict=True)
    ]
    for where, constant in step.constants:
        values.insert(where, ("", explainer.inputs[0].dtype.type(constant)))
    taken = [each for _, each in values]
    if step.coefficients:
        taken = [each * factor for each, factor in zip(taken, step.coefficients, strict=True)]
    joined = taken[0]
    for each in taken[1:]:
        joined = MERGE_FUNCTIONS[step.kind](joined, each)
    if step.kind == "mean":
        joined = joined / len(taken)
    return [MergeStage(step.kind, tuple(values), step.coefficients, value=joined)]
