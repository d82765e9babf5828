"""From a kernel and a problem to a correlation that is ready to run, by the algorithm named or the fastest one."""

from __future__ import annotations

import numpy as np

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation
from convcli.engine.algorithms.choose import choose
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.table import ALGORITHMS, AUTO, load_algorithm
from convcli.engine.native.core import native_core


def prepare_correlation(kernel: Array, problem: Problem, algorithm: str = AUTO) -> tuple[str, BlockwiseCorrelation]:
    """Return the name of the algorithm and the correlation that it prepared.

    `kernel` is (*window, channels per group, filters) as it meets the input. Raises `ConvcliError` where no algorithm
    has that name, or where it does not suit the problem.
    """
    problem = replace(problem, native=native_core() is not None, finite_kernel=bool(np.isfinite(kernel).all()))
    if algorithm != AUTO and algorithm not in ALGORITHMS:
        raise ConvcliError(f"algorithm {algorithm!r}", f"{AUTO}, {', '.join(ALGORITHMS)}")
    name = choose(problem) if algorithm == AUTO else algorithm
    if algorithm == AUTO and name == "winograd" and problem.native:
        from convcli.engine.algorithms.approximate import is_whole

        name = "native" if is_whole(kernel) else name  # whole numbers stay exact
    if algorithm != AUTO and not load_algorithm(name).suits(problem):
        raise _unsuitable(name, problem)
    return name, load_algorithm(name).prepare(kernel, problem)


def _unsuitable(algorithm: str, problem: Problem) -> ConvcliError:
    suitable = [name for name in ALGORITHMS if load_algorithm(name).suits(problem)]
    what = f"algorithm {algorithm} does not suit this layer: it is for {load_algorithm(algorithm).FOR}"
    return ConvcliError(what, f"{' or '.join(suitable)}, or {AUTO}")
