"""Memory for intermediate results, reused from one call to the next."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod
from typing import Any

from convcli.core.lazy_imports import Array, np


class ScratchMemory(threading.local):
    """One block of memory per name; every thread has blocks of its own."""

    def __init__(self) -> None:  # runs once in each thread
        self._blocks: dict[str, Array] = {}
        self._fills: dict[str, object] = {}

    def array(self, name: str, shape: Sequence[int], dtype: Any) -> Array:
        """Return an array with undefined values. The next call with the same name reuses its memory."""
        self._fills.pop(name, None)
        size = prod(shape) * np.dtype(dtype).itemsize
        if name not in self._blocks or self._blocks[name].size < size:
            self._blocks[name] = np.empty(size, np.uint8)
        return self._blocks[name][:size].view(dtype).reshape(shape)

    def filled(self, name: str, shape: Sequence[int], dtype: Any, value: float, use: object) -> Array:
        """Return an array filled with `value`.

        If the last call with this name had equal arguments, the array is as its user left it, and is not filled again.
        `use` tells uses apart that overwrite different cells.
        """
        fill = (tuple(shape), dtype, value, use)
        is_filled = self._fills.get(name) == fill
        array = self.array(name, shape, dtype)
        if not is_filled:
            array[...] = value
        self._fills[name] = fill
        return array
