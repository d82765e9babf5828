"""The threads and the spare memory that a program and its tile programs share."""

from __future__ import annotations

import threading

from convcli.core.threads import Closing, Team
from convcli.engine.buffers import SpareMemory


class Workspace(Closing):
    """Threads, spare memory, and the lock that lets one run at a time use them.

    `team` shares out all work but matrix products, which `product_team` shares out: it is the same team, or a single
    thread where BLAS has threads of its own. `threads` is the size of the team, by default one for each processor.
    """

    def __init__(self, threads: int | None) -> None:
        self.lock = threading.Lock()
        self.team = Team(threads)
        self.product_team = self.team.for_products()
        self.spare = SpareMemory()

    def close(self) -> None:
        """Stop the threads and let the memory go."""
        self.team.close()
        self.product_team.close()
        self.spare = SpareMemory()
