"""Each channel by itself (depthwise): one sum of products over the window's cells for all channels, without patches."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.blocks import Blocks, Finish, Item, blocks, extents, slab, window_view
from convcli.engine.algorithms.problem import Work

MANY = 8  # with fewer channels the inner loops are too short

FOR = "filters of one channel each, on 8 channels or more"


def suits(work: Work) -> bool:
    """Filters of one channel each, on many channels, over an unstretched input."""
    return work.unstretched and bool(work.windows) and work.seen == 1 and work.groups >= MANY


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Channelwise(kernel, work)


class Channelwise(Blocks):
    """One call of `einsum` for each filter of a channel, a block."""

    multiplies = False

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        rank = len(work.windows)
        self.weights = np.ascontiguousarray(np.moveaxis(kernel.reshape(*kernel.shape[:rank], work.groups, -1), -1, 0))
        places, cells = ascii_lowercase[: rank + 1], ascii_lowercase[rank + 1 : 2 * rank + 1]
        self.sum = f"{places}{cells}z,{cells}z->{places}z"

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        return blocks(counts, 2 * self.work.filters * self.work.itemsize, 1, self.work.macs * counts[0] * 8)

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        box, filters = item
        work = self.work
        view = window_view(slab(x, work.windows, box, team), work.windows, extents(box)[1:])
        block = y[box]
        for place, weights in enumerate(self.weights):
            np.einsum(self.sum, view, weights, out=block[..., place :: work.made])
        finish(block, filters)
