"""The memory of values on their way through a program: let go as soon as no later operation needs them, and reused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array

Name = Hashable


LOOSE = 4  # times as large as it needs to be may memory be that is used again


class Spare:
    """Blocks of memory that are free to be used again."""

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._taken: set[int] = set()

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array to be written, in the smallest block that holds it, or a new one."""
        size = prod(shape) * np.dtype(dtype).itemsize
        fitting = [block for block in self._free if size <= block.size <= LOOSE * size]
        if fitting:
            block = min(fitting, key=lambda each: each.size)
            self._free = [each for each in self._free if each is not block]
        else:
            block = np.empty(size, np.uint8)
        self._taken.add(id(block))
        return block[:size].view(dtype).reshape(shape)

    def give(self, block: Array) -> None:
        """Take a block back."""
        self._free.append(block)

    def forget(self) -> None:
        """Let go of what has not been taken since the last time."""
        self._free = [each for each in self._free if id(each) in self._taken]
        self._taken.clear()


class Values:
    """The values that are alive, by name; several may share memory, as one reshaped does with what it was."""

    def __init__(self, inputs: Mapping[str, Array], uses: Counter[Any], keep: Collection[Name], spare: Spare) -> None:
        self._arrays: dict[Name, Array] = {}
        self._arrays.update(inputs.items())
        self._keep = keep
        self._uses = Counter(uses)
        self._spare = spare
        self._given = {id(_memory(array)) for array in inputs.values()}
        self._names = Counter(id(_memory(array)) for array in inputs.values())

    def __getitem__(self, name: Name) -> Array:
        return self._arrays[name]

    def __setitem__(self, name: Name, array: Array) -> None:
        self._arrays[name] = array
        self._names[id(_memory(array))] += 1

    def new(self, name: Name, shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for a value to come: of its own if it is to be kept, as it leaves the program."""
        return np.empty(shape, dtype) if name in self._keep else self._spare.take(shape, dtype)

    def spent(self, name: Name) -> bool:
        """Whether nothing needs the value, nor any other in the same memory, after its next use."""
        memory = id(_memory(self._arrays[name]))
        return self._uses[name] == 1 and self._names[memory] == 1 and memory not in self._given

    def used(self, name: Name) -> None:
        """Count a use; after the last the value is let go."""
        self._uses[name] -= 1
        if self._uses[name]:
            return
        memory = _memory(self._arrays.pop(name))
        self._names[id(memory)] -= 1
        if not self._names[id(memory)] and id(memory) not in self._given and memory.dtype == np.uint8:
            self._spare.give(memory)


def _memory(array: Array) -> Array:
    """The array that owns the memory that this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
