"""A model applied to more than fits in memory: some samples at a time, or one sample tile by tile, into a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, BinaryIO

from convcli.core import memory
from convcli.core.errors import located
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import known
from convcli.engine.restrict_step import Tile, whole_tile
from convcli.engine.run import ENOUGH, Task
from convcli.io import layout
from convcli.io.files import allocate
from convcli.readers.load import located_in

SHARE = 0.8  # of the memory that is left: the rest is for what is not counted
WORTH = 0.97  # of the memory for tiles twice as large, at most, where they must be smaller
WELL_WORTH = 0.6  # where they need not: the halos are computed twice
LEAST = "fewer threads, smaller samples, float32, or more with --max-memory"


class Parts:
    """A task whose one result is written to a file part by part, with no more memory than there is.

    `shape` is that of the array in the file. Raises `ConvcliError` where not even small parts fit.
    """

    def __init__(self, task: Task, place: int | None = None) -> None:
        (self._name,) = task.kept
        self._task = task
        *space, channels = map(known, task.plan.shapes[self._name])
        self._space, self._place = space, place
        self._shape = (task.batch, *space, channels if place is None else 1)
        self.shape = (task.batch, *map(known, task.data_format.from_last(self._shape[1:])))
        self._samples, self._tiles = self._cut()

    def write(self, stream: BinaryIO) -> None:
        """The array as an NPY file. Raises `ConvcliError`, or `OSError` where there is no room for the file."""
        dtype = np.dtype(self._task.dtype)
        header: Any = {"descr": dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.flush()
        start = stream.tell()
        allocate(stream, start + prod(self.shape) * dtype.itemsize)
        boxes = list(product(*self._tiles))
        total = -(-self._task.batch // self._samples) * len(boxes)
        for number, (samples, box) in enumerate(product(self._portions(), boxes)):
            made = self._part(samples, box, number / total, 1 / total)
            mapped = np.memmap(stream, dtype, "r+", start, self.shape)
            self._outside_in(mapped)[(samples, *_slices(box))] = made

    def _outside_in(self, array: Array) -> Array:
        """The array of the file with channels last."""
        return layout.as_batch(array, None, self._task.data_format)

    def _portions(self) -> Iterator[slice]:
        for first in range(0, self._task.batch, self._samples):
            yield slice(first, min(first + self._samples, self._task.batch))

    def _part(self, samples: slice, box: Tile, before: float, own: float) -> Array:
        """A part of the result, of which so much of all work is done before it, and so much by it."""
        task = self._task
        program, needs = task.program, {name: whole_tile(each.shape[1:]) for name, each in task.inputs.items()}
        if box != whole_tile(self._shape[1:]):
            part = program.plan_tile(box)
            program, needs = program.for_tile(part), dict(part.input_tiles)
        given = {}
        for name, spans in needs.items():
            with located((task.labels or {}).get(name, name)):
                given[name] = task.inputs[name].part(task.dtype, samples, _slices(spans))
        watch = task.watch
        tell = None if watch is None else (lambda layer, share: watch(layer, before + own * share))
        with located_in(task.model):
            made = program(given, tell)[self._name]
        return made if self._place is None else made[..., self._place : self._place + 1]

    # ---- how large the parts are ----

    def _cut(self) -> tuple[int, list[list[tuple[int, int]]]]:
        """How many samples are done at a time, and the spans of the tiles along each axis."""
        left = memory.room()
        room = int(SHARE * left) if left is not None else 1 << 62
        one, enough = self._for_samples(1), min(room, ENOUGH)
        if one > enough:
            return 1, _tiles(self._space, self._counts(enough, room))
        more = max(1, self._for_samples(2) - one)
        return 1 + min(self._task.batch - 1, (enough - one) // more), _tiles(self._space, [1] * len(self._space))

    def _counts(self, enough: int, room: int) -> list[int]:
        """How many tiles there are along each axis: until they need no more than enough, or gain too little."""
        counts = [1] * len(self._space)
        needed = self._for_tiles(counts)
        while needed > enough:
            finer = []
            for axis, extent in enumerate(self._space):
                if counts[axis] < extent:
                    tried = [*counts]
                    tried[axis] = min(extent, 2 * tried[axis])
                    finer.append((self._for_tiles(tried), tried))
            least = min(finer, default=(needed, counts))[0]
            if least > (WORTH if needed > room else WELL_WORTH) * needed:
                break
            # Long rows are read and written faster: the first axis, unless another gains clearly more.
            needed, counts = next(each for each in finer if each[0] <= 1.1 * least)
        if needed > room:
            memory.check(int(needed / SHARE), LEAST)
        return counts

    def _for_samples(self, count: int) -> int:
        """Bytes for so many samples at a time."""
        task = self._task
        needs = {name: whole_tile(each.shape[1:]) for name, each in task.inputs.items()}
        return task.program.bytes_needed(count) + self._moved(count, needs, whole_tile(self._shape[1:]))

    def _for_tiles(self, counts: Sequence[int]) -> int:
        """Bytes for the largest of so many tiles: among those at either end, and in the middle."""
        spans = _tiles(self._space, counts)
        chosen = {tuple(each[int(at * (len(each) - 1))] for each in spans) for at in (0, 0.5, 1)}
        return max(map(self._for_tile, chosen))

    def _for_tile(self, box: Tile) -> int:
        program = self._task.program
        part = program.plan_tile(box)
        return program.bytes_needed(1, part) + program.prepared_weight_bytes + self._moved(1, part.input_tiles, box)

    def _moved(self, count: int, needs: Mapping[str, Tile], box: Tile) -> int:
        """Bytes to read and prepare these parts of so many samples, and to write what is made of them."""
        task, samples = self._task, slice(0, count)
        read = (task.inputs[name].footprint(task.dtype, samples, _slices(spans)) for name, spans in needs.items())
        size = np.dtype(task.dtype).itemsize
        counts = (count, *(stop - start for start, stop in box), self._shape[-1])
        return sum(read) + prod(counts) * size + memory.mapped(size, self._strides, counts)

    @property
    def _strides(self) -> tuple[int, ...]:
        """Bytes between neighbours along each axis in the file, channels last."""
        steps = [prod(self.shape[axis + 1 :]) * np.dtype(self._task.dtype).itemsize for axis in range(len(self.shape))]
        return (steps[0], *map(known, self._task.data_format.to_last(tuple(steps[1:]))))


def _slices(box: Tile) -> tuple[slice, ...]:
    return tuple(slice(*span) for span in box)


def _tiles(space: Sequence[int], counts: Sequence[int]) -> list[list[tuple[int, int]]]:
    """The spans of so many tiles along each axis, as equal as can be, the larger ones first."""
    found = []
    for extent, count in zip(space, counts, strict=True):
        size = -(-extent // count)
        found.append([(start, min(start + size, extent)) for start in range(0, extent, size)])
    return found
