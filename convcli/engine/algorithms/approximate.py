"""What all algorithms share whose rounding is not that of sums of products: a check of every sample.

Transforms (Winograd's, Fourier's) mix the cells of a tile, so a rounding error is relative to the largest cell of the
tile, not to the result; whole numbers do not stay exact; NaN and infinity spread. So the rounding noise of each sample
is estimated from the size of its cells, and where that is not within the tolerance of its largest result the sample is
computed again, by sums of products. Whole-number work is left to those at once.
"""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms import banded, patches
from convcli.engine.algorithms.blocks import Blocks, Finish, Item, boxes
from convcli.engine.algorithms.problem import Work

DIRECT = (banded, patches)
EPS = float(np.finfo(np.float32).eps)
NORM_SHARES = 4
LEAST_SQUARE = 1e-25
LEAST_NORM, LARGEST_NORM = 1e-12, 1e12  # of a filter, whose transform would leave the range of float32


class Approximate(Blocks):
    """A correlation that is checked sample by sample, with a direct one to fall back on."""

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.kernel = kernel
        self.share_left = 0.0  # of the samples of the last run, to the direct way
        self.norm = 0.0  # the noise of a sample is this times the norm of its largest cell
        self.whole = is_whole(kernel)

    @cached_property
    def direct(self) -> Blocks:
        """The direct way to do the same, prepared when it is first needed."""
        return self._direct_way.prepare(self.kernel, self.work)

    @property
    def _direct_way(self) -> Any:
        return next(each for each in DIRECT if each.suits(self.work))

    def ran(self, way: str) -> tuple[str, ...]:
        direct = self._direct_way.__name__.rpartition(".")[2]
        return (way,) if not self.share_left else (direct,) if self.share_left == 1 else (way, direct)

    @staticmethod
    def largest_norm(kernel: Array) -> float:
        """The largest Euclidean norm of a filter; infinite where its transform would leave the range of float32."""
        norm = float(np.sqrt(np.square(kernel, dtype=np.float64).reshape(-1, kernel.shape[-1]).sum(axis=0).max()))
        return norm if norm == 0 or LEAST_NORM <= norm <= LARGEST_NORM else np.inf

    def noise(self, x: Array, team: Team) -> Array:
        """How large rounding errors may be in each sample, from the norm of its largest cell."""
        cells = boxes(x.shape[:-1], x.shape[-1] * x.itemsize, NORM_SHARES)
        found = np.zeros(len(cells))

        def norm(place: int) -> None:
            found[place] = self.squares(x[cells[place]]).max()

        team.run(norm, range(len(cells)))
        largest = np.zeros(len(x))
        for box, most in zip(cells, found, strict=True):
            largest[box[0]] = np.maximum(largest[box[0]], most)  # one that is NaN stays
        # Squares of numbers so small are none, or coarse: what is known of them is nothing.
        return np.where(largest < LEAST_SQUARE, np.inf, self.norm * np.sqrt(largest))

    def squares(self, x: Array) -> Array:
        """The squared norm of each cell."""
        return np.square(x[..., 0]) if x.shape[-1] == 1 else np.einsum("...c,...c->...", x, x)

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> Array:
        """As for all blocks; returns the largest size of a value of each of the block's samples, or less."""
        raise NotImplementedError

    def run(self, x: Array, y: Array, team: Team, finish: Finish) -> None:
        """Compute all of `y`: each sample this way if its noise is within the tolerance, else directly."""
        self.share_left = 0.0
        if self.whole and is_whole(x):
            self.share_left = 1.0
            self.direct.run(x, y, team, finish)
            return
        with np.errstate(over="ignore", invalid="ignore"):
            again = self._attempt(x, y, team, finish)
        self.share_left = len(again) / len(x)
        for place in again:
            self.direct.run(x[place : place + 1], y[place : place + 1], team, finish)

    def _attempt(self, x: Array, y: Array, team: Team, finish: Finish) -> Array:
        """Compute `y` this way, and tell the samples whose noise is not within the tolerance."""
        noise = self.noise(x, team)
        fine = np.isfinite(noise)
        items = [item for item in self.items(y.shape[:-1]) if fine[item[0][0]].any()]
        found: list[Array] = [np.zeros(1)] * len(items)

        def fill(place: int) -> None:
            found[place] = self.fill(x, y, items[place], team, finish)

        team.run(fill, range(len(items)))
        largest = np.zeros(len(x))
        for (box, _), most in zip(items, found, strict=True):
            largest[box[0]] = np.maximum(largest[box[0]], most)
        return np.flatnonzero(~((noise <= self.work.tolerance * largest) & np.isfinite(largest)))


def largest_of(block: Array) -> Array:
    """The largest size of a value of each sample of a block."""
    axes = tuple(range(1, block.ndim))
    found: Array = np.maximum(block.max(axis=axes), -block.min(axis=axes))
    return found


def is_whole(x: Array) -> bool:
    """Whether all values are whole numbers; a look at a few tells most arrays."""
    few = x[tuple(slice(0, 8) for _ in x.shape)]
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.rint(few) == few)) and all(bool(np.all(np.rint(part) == part)) for part in parts_of(x))


def parts_of(x: Array) -> list[Array]:
    """An array cut along its first long axis, to go over it without a copy of it all."""
    axis = next((place for place, extent in enumerate(x.shape) if extent > 1), 0)
    step = max(1, (1 << 18) * x.shape[axis] // max(1, x.size)) if x.ndim else 1
    lead = (slice(None),) * axis
    return [x[(*lead, slice(start, start + step))] for start in range(0, x.shape[axis], step)] if prod(x.shape) else []
