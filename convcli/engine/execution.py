"""The options of a run: the number type, the algorithm, the threads."""

from __future__ import annotations

from math import inf

from convcli.core.errors import ConvcliError
from convcli.core.records import Record
from convcli.engine.algorithms.table import AUTO

TOLERANCE = 1e-5


class Execution(Record, kw_only=True):
    """The way in which a model is run on arrays.

    Args:
        dtype: `float32` or `float64`; None: float32 for float32 and float16 inputs, else float64.
        algorithm: How every layer correlates, a name in `ALGORITHMS`; `auto`: the fastest for each layer.
        tolerance: How far a float32 result may be off, relative to the largest sum of products in its layer. A larger
            tolerance admits faster algorithms; 0 admits only the rounding of the sums themselves.
        threads: How many threads work; None: one for each core. The result does not depend on it.

    Raises:
        ConvcliError: `tolerance` or `threads` is out of range.
    """

    dtype: str | None = None
    algorithm: str = AUTO
    tolerance: float = TOLERANCE
    threads: int | None = None

    def __post_init__(self) -> None:
        if type(self.tolerance) not in (int, float) or not 0 <= self.tolerance < inf:
            raise ConvcliError(f"tolerance: {self.tolerance!r}", "a number of at least 0")
        if self.threads is not None and (type(self.threads) is not int or self.threads < 1):
            raise ConvcliError(f"threads: {self.threads!r}", "a whole number of at least 1")
