"""A run that takes more memory than there is: some samples at a time, or one sample tile by tile, into a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, BinaryIO

from convcli.core import memory
from convcli.core.lazy_imports import Array, np
from convcli.core.progress import ProgressCallback, progress_of_part
from convcli.core.shapes import DataFormat, known
from convcli.engine.restrict_step import Tile, whole_tile
from convcli.engine.run import ENOUGH, Run
from convcli.io import layout
from convcli.io.files import allocate
from convcli.readers.load import located_in

SHARE = 0.8  # of the memory that is left: the rest is for what is not counted
# Neighbouring tiles compute their common border twice, so halving tiles must save memory. The bytes of a tile, relative
# to those of a tile twice as large, are at most:
MUST_SHRINK = 0.97  # where the larger tiles do not fit
MAY_SHRINK = 0.6  # where they fit but take more than `ENOUGH`
UNLIMITED = 1 << 62  # bytes, where nothing tells how much memory there is
REMEDY = "fewer threads, smaller samples, or float32"

Span = tuple[int, int]  # start and stop along one axis


class TiledRun:
    """A run whose one output is written to a file tile by tile, in no more memory than there is.

    Args:
        run: A run with one output.
        data_format: The axis order of the array in the file.
        map_index: The one feature map that is written; None: all of them.

    Raises:
        ConvcliError: Not even small tiles fit in memory.
    """

    def __init__(self, run: Run, data_format: DataFormat, map_index: int | None = None) -> None:
        (self._output,) = run.outputs
        self._run, self._data_format, self._map = run, data_format, map_index
        *space, channels = map(known, run.plan.shapes[self._output])
        self._space = space
        self._last = (run.batch.size, *space, channels if map_index is None else 1)  # its shape, channels last
        self.shape = (
            run.batch.size,
            *map(known, data_format.from_channels_last(self._last[1:])),
        )  # of the array in the file
        self._samples, self._tiles = self._cut()

    def write(self, stream: BinaryIO, progress: ProgressCallback | None = None) -> None:
        """Write the array as an NPY file. Raises `ConvcliError`, or `OSError` where there is no room for the file."""
        dtype = np.dtype(self._run.batch.dtype)
        header: Any = {"descr": dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.flush()
        start = stream.tell()
        allocate(stream, start + prod(self.shape) * dtype.itemsize)
        tiles = list(product(*self._tiles))
        count = -(-self._run.batch.size // self._samples) * len(tiles)
        for number, (samples, tile) in enumerate(product(self._minibatches(), tiles)):
            values = self._compute(samples, tile, progress_of_part(progress, number, count))
            array = np.memmap(stream, dtype, "r+", start, self.shape)
            layout.to_batch(array, None, self._data_format)[(samples, *_slices(tile))] = values

    def _minibatches(self) -> Iterator[slice]:
        size = self._run.batch.size
        for first in range(0, size, self._samples):
            yield slice(first, min(first + self._samples, size))

    def _compute(self, samples: slice, tile: Tile, progress: ProgressCallback | None) -> Array:
        """Return a tile of the output for some samples, channels last."""
        run = self._run
        program, needs = run.program, self._whole_inputs
        if tile != whole_tile(self._last[1:]):
            part = program.plan_tile(tile)
            program, needs = program.for_tile(part), dict(part.input_tiles)
        inputs = run.batch.read(samples, {name: _slices(spans) for name, spans in needs.items()})
        with located_in(run.plan.model):
            values = program(inputs, progress)[self._output]
        return values if self._map is None else values[..., self._map : self._map + 1]

    # ---- how large the tiles are ----

    def _cut(self) -> tuple[int, list[list[Span]]]:
        """Choose how many samples are computed at a time, and the spans of the tiles along each axis."""
        left = memory.available()
        room = int(SHARE * left) if left is not None else UNLIMITED
        needed, enough = self._bytes_of_samples(1), min(room, ENOUGH)
        if needed > enough:
            return 1, _tiles(self._space, self._counts(enough, room))
        more = max(1, self._bytes_of_samples(2) - needed)
        samples = 1 + min(self._run.batch.size - 1, (enough - needed) // more)
        return samples, _tiles(self._space, [1] * len(self._space))

    def _counts(self, enough: int, room: int) -> list[int]:
        """Choose how many tiles there are along each axis: halve them until they fit, or that saves too little."""
        counts = [1] * len(self._space)
        needed = self._bytes_of_tiles(counts)
        while needed > enough:
            finer = [(self._bytes_of_tiles(halved), halved) for halved in self._halved(counts)]
            least = min(finer, default=(needed, counts))[0]
            if least > (MUST_SHRINK if needed > room else MAY_SHRINK) * needed:
                break
            # Long rows are read and written faster: the first axis, unless another gains clearly more.
            needed, counts = next(choice for choice in finer if choice[0] <= 1.1 * least)
        if needed > room:
            memory.require(int(needed / SHARE), REMEDY)
        return counts

    def _halved(self, counts: Sequence[int]) -> Iterator[list[int]]:
        """Yield, for each axis along which it can be, the counts with tiles of half the size along it."""
        for axis, extent in enumerate(self._space):
            if counts[axis] < extent:
                yield [*counts[:axis], min(extent, 2 * counts[axis]), *counts[axis + 1 :]]

    def _bytes_of_samples(self, count: int) -> int:
        """Return the bytes that so many whole samples take."""
        needed = self._run.program.bytes_needed(count)
        return needed + self._bytes_of_files(count, self._whole_inputs, whole_tile(self._last[1:]))

    def _bytes_of_tiles(self, counts: Sequence[int]) -> int:
        """Return the bytes that the largest of so many tiles takes: among those at either end, and in the middle."""
        axes = _tiles(self._space, counts)
        corners = {tuple(spans[int(at * (len(spans) - 1))] for spans in axes) for at in (0, 0.5, 1)}
        return max(map(self._bytes_of_tile, corners))

    def _bytes_of_tile(self, tile: Tile) -> int:
        program = self._run.program
        part = program.plan_tile(tile)
        return (
            program.bytes_needed(1, part)
            + program.prepared_weight_bytes
            + self._bytes_of_files(1, part.input_tiles, tile)
        )

    def _bytes_of_files(self, count: int, needs: Mapping[str, Tile], tile: Tile) -> int:
        """Return the bytes to read and prepare the needed parts of so many samples, and to write the tile."""
        batch = self._run.batch
        read = batch.bytes_needed(slice(0, count), {name: _slices(spans) for name, spans in needs.items()})
        size = np.dtype(batch.dtype).itemsize
        counts = (count, *(stop - start for start, stop in tile), self._last[-1])
        return read + prod(counts) * size + memory.mapped_bytes(size, self._strides, counts)

    @property
    def _whole_inputs(self) -> dict[str, Tile]:
        return {name: whole_tile(shape) for name, shape in self._run.batch.shapes.items()}

    @property
    def _strides(self) -> tuple[int, ...]:
        """Bytes between neighbours along each axis in the file, channels last."""
        size = np.dtype(self._run.batch.dtype).itemsize
        steps = [prod(self.shape[axis + 1 :]) * size for axis in range(len(self.shape))]
        return (steps[0], *map(known, self._data_format.to_channels_last(tuple(steps[1:]))))


def _slices(spans: Sequence[Span]) -> tuple[slice, ...]:
    return tuple(slice(*span) for span in spans)


def _tiles(space: Sequence[int], counts: Sequence[int]) -> list[list[Span]]:
    """Return the spans of so many tiles along each axis, as equal as can be, the larger ones first."""
    axes = []
    for extent, count in zip(space, counts, strict=True):
        size = -(-extent // count)
        axes.append([(start, min(start + size, extent)) for start in range(0, extent, size)])
    return axes
