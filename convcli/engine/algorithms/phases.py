"""Windows that stretch their input (transposed convolutions): an ordinary convolution for each phase of the output.

Every `upsample`-th output along an axis meets the same cells of the kernel, those that do not fall on the empty cells
in between. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.threads import Team
from convcli.engine.algorithms import patches
from convcli.engine.algorithms.blocks import EVERY, Blocks, Finish, Item
from convcli.engine.algorithms.problem import Work
from convcli.model.window import Window

FOR = "transposed convolutions"


def suits(work: Work) -> bool:
    """Windows that move by one cell over a stretched input."""
    return not work.unstretched and work.one_by_one


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Phases(kernel, work)


class Phases(Blocks):
    """The convolutions of all phases; the box of a block begins with the number of its phase."""

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.parts: list[tuple[tuple[slice, ...], Blocks | None]] = []
        for phase in np.ndindex(*(each.upsample for each in work.windows)):
            along = [_phase(window, first) for window, first in zip(work.windows, phase, strict=True)]
            every = tuple(slice(first, None, each.upsample) for first, each in zip(phase, work.windows, strict=True))
            counts = _counts(every, work.places)
            if 0 in counts:
                continue
            met = [each for each in along if each is not None]
            part: Blocks | None = None
            if len(met) == len(along):
                windows = tuple(
                    replace(window, after=(count - 1) + window.extent - window.before - width)
                    for (_, window), count, width in zip(met, counts, work.space, strict=True)
                )
                cells = tuple(taken for taken, _ in met)
                part = patches.prepare(np.ascontiguousarray(kernel[cells]), replace(work, windows=windows))
            self.parts.append((every, part))

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        found: list[Item] = []
        for number, (every, part) in enumerate(self.parts):
            own = (counts[0], *_counts(every, counts[1:]))
            items = part.items(own) if part else [(tuple(slice(0, count) for count in own), EVERY)]
            found += [((slice(number, number + 1), *box), filters) for box, filters in items]
        return found

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        (number, *box), filters = item
        every, part = self.parts[number.start]
        own = y[(slice(None), *every)]
        if part:
            part.fill(x, own, (tuple(box), filters), team, finish)
        else:
            block = own[tuple(box)]
            block[...] = 0
            finish(block, filters)


def _counts(every: Sequence[slice], places: Sequence[int]) -> list[int]:
    """How many outputs of a phase there are along each axis."""
    return [len(range(*each.indices(count))) for each, count in zip(every, places, strict=True)]


def _phase(window: Window, first: int) -> tuple[slice, Window] | None:
    """The cells of the kernel that every `upsample`-th output from the `first` meets, and how they lie on the input.

    Output o and cell j meet stretched cell o - before + dilation·j, an input cell where `upsample` divides it.
    """
    step = window.upsample // gcd(window.upsample, window.dilation)
    found = (
        cell
        for cell in range(min(step, window.size))
        if (first - window.before + cell * window.dilation) % window.upsample == 0
    )
    start = next(found, None)
    if start is None:
        return None
    size = len(range(start, window.size, step))
    before = -((first - window.before + start * window.dilation) // window.upsample)
    taken = slice(start, None, step)
    return taken, Window(size, 1, step * window.dilation // window.upsample, before=before)
