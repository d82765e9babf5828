"""The table of algorithms that correlate, and what each of them provides. Importing this does not import NumPy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from convcli.core.lazy_imports import Array

if TYPE_CHECKING:
    from convcli.engine.algorithms.blockwise import BlockwiseCorrelation
    from convcli.engine.algorithms.problem import Problem

AUTO = "auto"  # leaves the choice to `choose`

# The modules of this folder that are algorithms; the command line knows them by the same names.
ALGORITHMS = (
    "native",
    "patches",
    "banded",
    "winograd",
    "space_to_depth",
    "fourier",
    "interleaved",
    "channelwise",
    "phases",
    "plain",
)


class Algorithm(Protocol):
    """One way to correlate: a module of this folder that defines these three names.

    To add an algorithm, write such a module, enter its name in `ALGORITHMS`, and say in `choose` where it is fastest.
    """

    FOR: str  # the problems that it solves, in words that complete "it is for …"

    def suits(self, problem: Problem) -> bool:
        """Return whether it can solve the problem at all, fast or not."""
        ...

    def prepare(self, kernel: Array, problem: Problem) -> BlockwiseCorrelation:
        """Lay out the weights as the algorithm needs them, for any number of samples.

        `kernel` is (*window, channels per group, filters), already flipped or transposed so that its cells meet those
        of the input in order.
        """
        ...


def load_algorithm(name: str) -> Algorithm:
    """Import the algorithm of that name."""
    module: Any = import_module(f"convcli.engine.algorithms.{name}")
    return module
