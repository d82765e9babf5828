"""Operations that the native core runs, and stretches of them: many operations in one call.

Within a stretch nothing returns to Python. Values that are made and used up in it lie in an arena whose layout is
planned once for a number of samples; other values are arrays as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.memory import check_array_size
from convcli.engine.algorithms.native import NativeCorrelation
from convcli.engine.buffers import LiveValues
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName
from convcli.engine.native.core import NativeCore
from convcli.engine.native.records import CACHE_LINE, address, check, run_records
from convcli.engine.prepared_operations import PreparedOperation
from convcli.engine.workspace import Workspace


class Reference(NamedTuple):
    """The field of a record that holds the address of a value, plus so many bytes."""

    record: int
    field: str
    value: ValueName
    offset: int = 0


class NativeOperation(PreparedOperation):
    """An operation that is records of the core; without any, its output is its input in another shape.

    `owner` keeps alive what the records hold the addresses of.
    """

    def __init__(self, operation: Operation, records: Array, references: Sequence[Reference], owner: object) -> None:
        super().__init__(operation)
        self.records, self.references, self.owner = records, references, owner

    def prepare_for(self, samples: int) -> None:
        """Enter in the records how many samples the next runs have."""
        self.records["samples"] = samples


class NativeCorrelationOperation(NativeOperation):
    """A correlation by the core, with its whole epilogue; perhaps with another value added to its sums."""

    def __init__(self, operation: Operation, algorithm: str, correlation: NativeCorrelation) -> None:
        x, *residual = operation.inputs
        references = [
            reference
            for record, offset in enumerate(correlation.offsets)
            for reference in (
                Reference(record, "x", x),
                Reference(record, "y", operation.output, offset),
                *(Reference(record, "residual", value, offset) for value in residual),
            )
        ]
        super().__init__(operation, correlation.records, references, correlation)
        self.algorithm: str = algorithm
        self.correlation = correlation

    def prepare_for(self, samples: int) -> None:
        self.correlation.prepare_for(samples)

    @property
    def algorithms_used(self) -> tuple[str, ...]:
        return self.correlation.algorithms_used(self.algorithm)


class StretchPlan(NamedTuple):
    """A stretch for a number of samples: its records, and where each value lies.

    `places` gives the offset in the arena of each value that is nowhere else; the arena has `size` bytes. `references`
    index the records of the whole stretch, and the values in `values`, where a value in the memory of another is that.
    """

    samples: int
    records: Array
    places: Mapping[ValueName, int]
    size: int
    values: Sequence[ValueName]
    references: Mapping[str, tuple[Array, Array, Array]]  # by field: records, values, offsets


class Stretch:
    """Operations that one call of the core runs.

    `outside` names the values that are used outside the stretch too, or enter it; `shapes` are those of one sample.
    """

    def __init__(
        self,
        core: NativeCore,
        operations: Sequence[NativeOperation],
        outside: Iterable[ValueName],
        shapes: Mapping[ValueName, tuple[int, ...]],
        dtype: str,
    ) -> None:
        self.core, self.operations, self.dtype = core, operations, dtype
        self._shapes, self._outside = shapes, set(outside)
        outputs = {item.operation.output for item in operations}
        read = {name: None for item in operations for name in item.operation.inputs}  # in order
        self.inputs = [name for name in read if name not in outputs]
        self.outputs = [item.operation.output for item in operations if item.operation.output in self._outside]
        self._record_owners = np.repeat(np.arange(len(operations)), [len(item.records) for item in operations])
        self._plan: StretchPlan | None = None

    def run(
        self,
        values: LiveValues,
        samples: int,
        workspace: Workspace,
        on_progress: Callable[[int, float], object] | None = None,
        finished: Array | None = None,
    ) -> None:
        """Compute the values that are used outside, from those that enter.

        `on_progress` is called with the index of the operation at work and the share of it that is begun. `finished`,
        int64, takes the nanoseconds from the start to the end of each record.
        """
        if self._plan is None or self._plan.samples != samples:
            self._plan = self._planned(samples)
        plan = self._plan
        arrays = {name: np.require(values[name], self.dtype, ["C", "A"]) for name in self.inputs}
        for name in self.outputs:
            arrays[name] = values[name] = values.allocate(name, (samples, *self._shapes[name]), self.dtype)
        for name, array in arrays.items():
            check(array.shape == (samples, *self._shapes[name]), f"{name}: not the shape that was planned")
        arena = workspace.arena.reserve(plan.size)
        where = [address(arrays[name]) if name in arrays else arena + plan.places[name] for name in plan.values]
        addresses = np.array(where, np.uint64)
        for field, (records, numbers, offsets) in plan.references.items():
            plan.records[field][records] = addresses[numbers] + offsets
        callback = None if on_progress is None else self._by_operation(on_progress)
        run_records(self.core, plan.records, workspace.workers.count, workspace.native_scratch, callback, finished)
        for item in self.operations:
            for name in item.operation.inputs:
                if name in arrays:
                    values.count_use(name)

    def new_clock(self) -> Array:
        """Return an array for the times at which the records of a run are finished."""
        return np.zeros(len(self._record_owners), np.int64)

    def times(self, finished: Array) -> list[tuple[Operation, float]]:
        """Return each operation with the seconds that its records took."""
        durations = np.diff(np.maximum.accumulate(finished), prepend=0)
        seconds = np.bincount(self._record_owners, durations, minlength=len(self.operations)) / 1e9
        return [(item.operation, float(time)) for item, time in zip(self.operations, seconds, strict=True)]

    def _by_operation(self, on_progress: Callable[[int, float], object]) -> Callable[[int, float], object]:
        return lambda record, share: on_progress(int(self._record_owners[record]), share)

    def arena_bytes(self, samples: int) -> int:
        """Return the size of the arena for so many samples, in bytes."""
        return self._planned(samples).size

    def _planned(self, samples: int) -> StretchPlan:
        """Lay out the arena, and join the records."""
        for item in self.operations:
            check_array_size(samples * prod(item.operation.output_shape))
        for item in self.operations:
            item.prepare_for(samples)
        places, size = self._arena(samples)
        records = np.concatenate([item.records for item in self.operations])
        names = list(dict.fromkeys([*self.inputs, *(item.operation.output for item in self.operations)]))
        numbers = {name: number for number, name in enumerate(names)}
        firsts = np.cumsum([0, *(len(item.records) for item in self.operations)])
        fields: dict[str, list[tuple[int, int, int]]] = {}
        for first, item in zip(firsts, self.operations, strict=False):
            for record, field, value, offset in item.references:
                fields.setdefault(field, []).append((int(first) + record, numbers[value], offset))
        references = {
            field: (np.array(index), np.array(number), np.array(offset, np.uint64))
            for field, (index, number, offset) in ((name, zip(*rows, strict=True)) for name, rows in fields.items())
        }
        shared = self._shared_memory()
        return StretchPlan(samples, records, places, size, [shared.get(name, name) for name in names], references)

    def _shared_memory(self) -> dict[ValueName, ValueName]:
        """Return for each value without records of its own the value in whose memory it lies."""
        shared: dict[ValueName, ValueName] = {}
        for item in self.operations:
            if not len(item.records):
                source = item.operation.inputs[0]
                shared[item.operation.output] = shared.get(source, source)
        return shared

    def _arena(self, samples: int) -> tuple[dict[ValueName, int], int]:
        """Return an offset for each value that lies in the arena, and the size of the arena, in bytes."""
        shared, itemsize = self._shared_memory(), np.dtype(self.dtype).itemsize
        spans: dict[ValueName, tuple[int, int]] = {}  # the operations that make a value, and use it last
        for index, item in enumerate(self.operations):
            for name in (*item.operation.inputs, item.operation.output):
                memory = shared.get(name, name)
                if memory not in self._outside and memory not in self.inputs:
                    spans[memory] = spans.get(memory, (index, index))[0], index
        sizes = {name: -(-samples * prod(self._shapes[name]) * itemsize // CACHE_LINE) * CACHE_LINE for name in spans}
        return plan_arena(sizes, spans)


def plan_arena(
    sizes: Mapping[ValueName, int], spans: Mapping[ValueName, tuple[int, int]]
) -> tuple[dict[ValueName, int], int]:
    """Return an offset for each value, and how far they reach: values that live at the same time do not overlap.

    A value lives from the first to the last index of its span. The largest values are placed first, each at the lowest
    offset that is free.
    """
    places: dict[ValueName, int] = {}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        first, last = spans[name]
        taken = sorted((places[other], sizes[other]) for other in places if _overlap(spans[other], (first, last)))
        offset = 0
        for start, size in taken:
            if offset + sizes[name] <= start:
                break
            offset = max(offset, start + size)
        places[name] = offset
    return places, max((offset + sizes[name] for name, offset in places.items()), default=0)


def _overlap(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span[0] <= other[1] and other[0] <= span[1]
