"""A correlation whose weights are prepared, and how it runs: block by block, shared out among threads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Block, Region, region_shape
from convcli.engine.algorithms.problem import Problem

# Finishes a block of the output in place (bias, scale, activation) while it is still in the cache:
# `finish(block, filters)`, where `filters` says which channels of the output the last axis of the block holds.
Finish = Callable[[Array, slice], None]


class BlockwiseCorrelation:
    """A correlation ready to run on any number of samples: what an algorithm's `prepare` returns.

    `uses_blas` is true if matrix products take most of its time. Where BLAS has several threads of its own, such a
    correlation must run on one worker.
    """

    uses_blas = True

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def algorithms_used(self, name: str) -> tuple[str, ...]:
        """Return the algorithms that did the last run: the one of this name, unless it left samples to another."""
        return (name,)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        """Return the blocks that cover an output; `shape` is its (samples, *positions).

        Blocks must not overlap, as two threads may write two of them at once.
        """
        raise NotImplementedError

    def blocks_within(self, region: Region) -> list[Block]:
        """Return the blocks that cover a region of the output."""
        blocks = []
        for inner, filters in self.blocks(region_shape(region)):
            moved = (
                slice(outer.start + part.start, outer.start + part.stop)
                for outer, part in zip(region, inner, strict=True)
            )
            blocks.append(Block(tuple(moved), filters))
        return blocks

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> Any:
        """Compute and finish one block of `y`, (samples, *positions, filters), from `x`, (samples, *space, channels).

        It runs in one of the threads of `workers`, which also holds its scratch memory.
        """
        raise NotImplementedError

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        """Compute all of `y`, (samples, *positions, filters), from `x`, (samples, *space, channels)."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinite and undefined results are results
            workers.run(lambda block: self.compute_block(x, y, block, workers, finish), self.blocks(y.shape[:-1]))


def as_rows(block: Array) -> Array | None:
    """Return a block of the output as a matrix (cells, channels) in the same memory.

    None where its cells are not evenly spaced in memory, so that no matrix can be laid over them.
    """
    axes = [(count, step) for count, step in zip(block.shape[:-1], block.strides, strict=False) if count > 1]
    even = all(outer == count * step for (_, outer), (count, step) in pairwise(axes))
    return block.reshape(-1, block.shape[-1]) if even else None
