"""Correlation and its gradients, which are correlations again, so that the engine's algorithms serve them too.

By the input: the gradient of the output, met with the kernel turned around, under windows of which stride and
stretching have traded places. By the kernel: for each of its cells, the inputs that it met times the gradient of the
outputs, summed over all positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine import algorithms
from convcli.engine.algorithms.blocks import Finish, boxes, extents, patches_of
from convcli.engine.algorithms.kernel_layout import adjoint_kernel, meeting_kernel, stored_kernel
from convcli.engine.algorithms.problem import Work
from convcli.learning.context import Back, Gradients, PassContext, Weights
from convcli.model.steps import Correlate
from convcli.model.window import Window, adjoint

KEPT = 1 << 25  # bytes of patches that a step may keep on its way forward for its way back
SHARED = 1 << 23  # products that are worth a second thread


def correlate(step: Correlate, x: Array, weights: Weights, way: PassContext) -> tuple[Array, Back]:
    """What the step makes of `(batch, *spatial, in)`, and how it takes a gradient back."""
    kernel = meeting_kernel(step, weights[step.kernel.name])
    bias = None if step.bias is None else weights[step.bias.name]
    groups = known(step.groups)
    y, patches = _met(x, kernel, step.windows, groups, bias, way)

    def back(dy: Array, inputs: bool, learned: bool) -> Gradients:
        gradients: dict[str, Array] = {}
        turned = _turned(step.windows, x.shape[1:-1])
        if learned:
            met = _by_kernel(patches, x, dy, step.windows, turned, groups, way)
            gradients[step.kernel.name] = stored_kernel(step, met.reshape(kernel.shape))
            if step.bias is not None:
                gradients[step.bias.name] = np.sum(dy.reshape(-1, dy.shape[-1]), axis=0)
        if not inputs:
            return (None,), gradients
        return (_met(dy, adjoint_kernel(kernel, groups), turned, groups, None, way)[0],), gradients

    return y, back


def _met(
    x: Array, kernel: Array, windows: tuple[Window, ...], groups: int, bias: Array | None, way: PassContext
) -> tuple[Array, Patches | None]:
    """The sums of products, plus a bias, and the patches behind them if they are few enough to be kept."""
    filters = kernel.shape[-1]
    if groups == 1 and _unstretched(windows):
        patches = Patches(x, windows, filters, way)
        if patches.layout.few:
            return patches.multiplied(kernel.reshape(-1, filters), bias), patches
    work = Work(windows, groups, kernel.shape[-2], filters // groups, x.shape[1:-1], x.dtype.name, samples=len(x))
    _, blocks = algorithms.prepare(np.ascontiguousarray(kernel), work)
    y = np.empty((len(x), *work.places, filters), x.dtype)

    def finish(block: Array, channels: slice) -> None:
        if bias is not None:
            np.add(block, bias[channels], out=block)

    added: Finish = finish
    blocks.run(np.ascontiguousarray(x), y, way.multiplying if blocks.multiplies else way.team, added)
    return y, None


def _by_kernel(
    patches: Patches | None,
    x: Array,
    dy: Array,
    windows: tuple[Window, ...],
    turned: tuple[Window, ...],
    groups: int,
    way: PassContext,
) -> Array:
    """The gradient by the kernel as it meets the input, its spatial axes as one: (taps, in/groups, filters)."""
    if _unstretched(windows):
        return (patches or Patches(x, windows, dy.shape[-1], way)).products(dy, groups)
    # The other way round: each input cell meets, through the adjoint windows, the outputs that it went into.
    found = Patches(dy, turned, x.shape[-1], way).products(x, groups)  # (taps, filters/groups, in)
    return adjoint_kernel(found, groups)


@lru_cache(maxsize=256)
def _turned(windows: tuple[Window, ...], space: tuple[int, ...]) -> tuple[Window, ...]:
    return tuple(adjoint(window, width) for window, width in zip(windows, space, strict=True))


def _unstretched(windows: Sequence[Window]) -> bool:
    return all(window.upsample == 1 for window in windows)


class Layout:
    """Where the patches of an input lie: how many there are, of which width, in which blocks.

    Blocks depend on the work alone, so that results do not depend on the number of threads. `bare` says that patches
    are the cells of the input as they lie.
    """

    def __init__(self, windows: tuple[Window, ...], shape: tuple[int, ...], filters: int, itemsize: int) -> None:
        batch, *space, channels = shape
        places = (known(window.positions(width)) for window, width in zip(windows, space, strict=True))
        self.counts = (batch, *places)
        self.cells = prod(self.counts)
        self.taps = prod(window.size for window in windows)
        self.width = self.taps * channels
        products = self.cells * self.width * filters
        self.boxes = boxes(self.counts, max(self.width, filters) * itemsize, 2 if products > SHARED else 1)
        ends = accumulate((prod(extents(box)) for box in self.boxes), initial=0)
        self.rows = [slice(*each) for each in pairwise(ends)]  # of each box: they come one after the other
        self.bare = all((each.size, each.stride, each.before, each.after) == (1, 1, 0, 0) for each in windows)
        self.few = self.cells * self.width * itemsize <= KEPT  # whether they may be kept


layout = lru_cache(maxsize=256)(Layout)  # for every batch the same


class Patches:
    """The cells under each window over an unstretched input, as rows `(positions, taps·in)`, a block at a time."""

    def __init__(self, x: Array, windows: tuple[Window, ...], filters: int, way: PassContext) -> None:
        self.x, self.windows, self.way = np.ascontiguousarray(x), windows, way
        self.layout = layout(windows, x.shape, filters, x.itemsize)
        self._kept: Array | None = None

    def multiplied(self, matrix: Array, bias: Array | None) -> Array:
        """All patches times a matrix `(taps·in, filters)`, plus a bias. From then on they are kept."""
        laid = self.layout
        y = np.empty((laid.cells, matrix.shape[1]), self.x.dtype)
        kept = None if laid.bare else np.empty((laid.cells, laid.width), self.x.dtype)

        def fill(number: int) -> None:
            rows = laid.rows[number]
            block = self._block(number, None if kept is None else kept[rows])
            part = np.matmul(block, matrix, out=y[rows])
            if bias is not None:
                np.add(part, bias, out=part)

        self.way.multiplying.run(fill, range(len(laid.boxes)))
        self._kept = kept
        return y.reshape(*laid.counts, -1)

    def products(self, dy: Array, groups: int) -> Array:
        """Each cell of the patches times the gradients at its position, summed: (taps, in/groups, filters)."""
        laid = self.layout
        gradients = dy.reshape(laid.cells, -1)
        sums: list[Array] = [gradients] * len(laid.boxes)

        def fill(number: int) -> None:
            rows = laid.rows[number]
            block = self._block(number, None) if self._kept is None else self._kept[rows]
            sums[number] = _products(block, gradients[rows], laid.taps, groups)

        self.way.multiplying.run(fill, range(len(laid.boxes)))
        total = sums[0]
        for each in sums[1:]:
            total = total + each
        return total.reshape(laid.taps, -1, gradients.shape[1])

    def _block(self, number: int, into: Array | None) -> Array:
        """The patches of one box, written where they are to be kept, else this thread's own until the next call."""
        laid = self.layout
        rows = laid.rows[number]
        if laid.bare:
            return self.x.reshape(laid.cells, laid.width)[rows]
        if into is None:
            into = self.way.team.scratch("patches", (rows.stop - rows.start, laid.width), self.x.dtype)
        view = patches_of(self.x, self.windows, laid.boxes[number], self.way.team)
        np.copyto(into.reshape(view.shape), view)
        return into


def _products(patches: Array, gradients: Array, taps: int, groups: int) -> Array:
    """(cells, taps·in) and (cells, filters) -> (taps, in/groups, filters), in any factoring of these extents."""
    if groups == 1:
        return patches.T @ gradients
    cells, seen, made = len(patches), patches.shape[1] // (taps * groups), gradients.shape[1] // groups
    met = patches.reshape(cells, taps, groups, seen)
    each = gradients.reshape(cells, groups, made)
    if seen == 1:
        return np.einsum("ctg,cgm->tgm", met[..., 0], each)
    found = np.matmul(met.transpose(2, 1, 3, 0).reshape(groups, taps * seen, cells), each.transpose(1, 0, 2))
    return np.moveaxis(found.reshape(groups, taps, seen, made), 0, 2)  # (taps, seen, groups, made)
