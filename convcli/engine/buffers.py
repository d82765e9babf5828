"""The memory of the values of a running program: let go as soon as no later operation needs it, and used again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.linearize import ValueName

MOST_OVERSIZE = 4  # a block of memory holds a value that needs at least this fraction (1/4) of it


class SpareMemory:
    """Blocks of memory that are free to be used again, each an array of bytes."""

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._taken: set[int] = set()

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array to be written to, in the smallest free block that fits, or in new memory."""
        size = prod(shape) * np.dtype(dtype).itemsize
        fitting = [block for block in self._free if size <= block.size <= MOST_OVERSIZE * size]
        if fitting:
            smallest = min(fitting, key=lambda block: block.size)
            self._free = [block for block in self._free if block is not smallest]
        else:
            smallest = np.empty(size, np.uint8)
        self._taken.add(id(smallest))
        return smallest[:size].view(dtype).reshape(shape)

    def give_back(self, block: Array) -> None:
        """Add a block to the free ones."""
        self._free.append(block)

    def drop_unused(self) -> None:
        """Let go of the free blocks that have not been taken since the last call."""
        self._free = [block for block in self._free if id(block) in self._taken]
        self._taken.clear()


class LiveValues:
    """The values of a run that later operations still need, by name.

    Several may share memory: a reshaped value is a view of the one that it was made from. `uses` says how often each
    value is used; `results` leave the program, and `inputs` belong to the caller.
    """

    def __init__(
        self, inputs: Mapping[str, Array], uses: Counter[ValueName], results: Collection[ValueName], spare: SpareMemory
    ) -> None:
        self._arrays: dict[ValueName, Array] = dict(inputs.items())
        self._results = results
        self._uses = Counter(uses)
        self._spare = spare
        self._input_memory = {id(_owner(array)) for array in inputs.values()}
        self._names_in_memory = Counter(id(_owner(array)) for array in inputs.values())

    def __getitem__(self, name: ValueName) -> Array:
        return self._arrays[name]

    def __setitem__(self, name: ValueName, array: Array) -> None:
        self._arrays[name] = array
        self._names_in_memory[id(_owner(array))] += 1

    def allocate(self, name: ValueName, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return memory to compute a value in: spare memory, or new memory for a result."""
        return np.empty(shape, dtype) if name in self._results else self._spare.take(shape, dtype)

    def is_last_use(self, name: ValueName) -> bool:
        """Return whether the value's memory may be overwritten at its next use, because nothing needs it afterwards."""
        memory = id(_owner(self._arrays[name]))
        return self._uses[name] == 1 and self._names_in_memory[memory] == 1 and memory not in self._input_memory

    def count_use(self, name: ValueName) -> None:
        """Count one use of a value; after the last one, let the value go and make its memory spare."""
        self._uses[name] -= 1
        if self._uses[name]:
            return
        memory = _owner(self._arrays.pop(name))
        self._names_in_memory[id(memory)] -= 1
        spare = not self._names_in_memory[id(memory)] and id(memory) not in self._input_memory
        if spare and memory.dtype == np.uint8:  # only blocks of spare memory are arrays of bytes
            self._spare.give_back(memory)


def _owner(array: Array) -> Array:
    """Return the array that owns the memory of which this one is a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
