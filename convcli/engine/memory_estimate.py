"""Estimate how much memory a run takes at its worst moment, before it begins, from shapes alone.

The estimate is an upper bound. It counts the values and what each operation needs beside them; not the inputs and the
prepared weights, which are there before the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from convcli.engine.buffers import MOST_OVERSIZE
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName, count_uses
from convcli.model.steps import Correlate, Merge, Pad, Pool

SCRATCH_PER_THREAD = 12 << 20  # the slabs and blocks that a thread works on, at most
MIN_SCRATCH = 4 << 20  # of all threads: transforms have some size even for little work
PATCH_COPIES = 4  # scratch of all threads, as a multiple of all patches of an operation
TEMPORARY_COPIES = 4  # arrays as large as an input or the result that live at once while a step runs on whole arrays


class Ledger:
    """The bytes that values hold: it does what the memory of a run does, with sizes in place of arrays."""

    def __init__(self) -> None:
        self.peak = 0
        self._held = 0
        self._free: list[int] = []
        self._blocks: dict[ValueName, tuple[int, bool]] = {}  # size, and whether the block can be used again
        self._owners: dict[ValueName, ValueName] = {}  # for each view the value whose memory it is in
        self._names: Counter[ValueName] = Counter()  # how many values are in the memory of each

    def allocate(self, name: ValueName, size: int, spare: bool) -> None:
        """Enter a value in memory of its own: with `spare` in the smallest free block that fits, if there is one."""
        fitting = [block for block in self._free if size <= block <= MOST_OVERSIZE * size] if spare else []
        if fitting:
            size = min(fitting)
            self._free.remove(size)
        else:
            self._held += size
        self._blocks[name] = size, spare
        self._names[name] += 1
        self.hold_briefly(0)

    def add_view(self, name: ValueName, source: ValueName) -> None:
        """Enter a value in the memory of another."""
        owner = self._owners.get(source, source)
        self._owners[name] = owner
        self._names[owner] += 1

    def hold_briefly(self, size: int) -> None:
        """Count memory that is let go as soon as an operation is done."""
        self.peak = max(self.peak, self._held + size)

    def release(self, name: ValueName) -> None:
        """Take out a value that nothing needs any more."""
        owner = self._owners.pop(name, name)
        self._names[owner] -= 1
        if self._names[owner] or owner not in self._blocks:  # the memory of an input is the caller's
            return
        size, spare = self._blocks.pop(owner)
        if spare:
            self._free.append(size)
        else:
            self._held -= size


def peak_bytes(
    operations: Sequence[Operation],
    results: Iterable[ValueName],
    input_shapes: Mapping[str, tuple[int, ...]],
    samples: int,
    itemsize: int,
    threads: int,
) -> int:
    """Return the bytes that a run takes at its worst moment.

    `results` names the values that it returns. Shapes are those of one sample; `itemsize` is the size of a number.
    """
    results, sample_bytes = set(results), samples * itemsize
    uses = count_uses(operations, results)
    sizes: dict[ValueName, int] = {name: prod(shape) * sample_bytes for name, shape in input_shapes.items()}
    ledger = Ledger()
    in_own_memory: set[ValueName] = set()
    for operation in operations:
        sizes[operation.output] = size = prod(operation.output_shape) * sample_bytes
        read = sum(sizes[name] for name in set(operation.inputs))
        if _returns_view(operation):
            ledger.hold_briefly(max(read, size))  # a copy, where the order of the numbers requires one
            ledger.add_view(operation.output, operation.inputs[0])
        elif _writes_to_buffer(operation):
            ledger.allocate(operation.output, size, spare=operation.output not in results)
            ledger.hold_briefly(read)
            in_own_memory.add(operation.output)
        else:
            ledger.allocate(operation.output, size, spare=False)
            ledger.hold_briefly(TEMPORARY_COPIES * max(read, size))
        for name in operation.inputs:
            uses[name] -= 1
            if not uses[name]:
                ledger.release(name)
    ledger.hold_briefly(sum(sizes[name] for name in results - in_own_memory))  # inputs and views are copied
    patches = max(map(_patch_numbers, operations), default=0) * sample_bytes
    scratch = min(SCRATCH_PER_THREAD * threads, MIN_SCRATCH + PATCH_COPIES * patches)
    pooling_scratch = max((_pooling_scratch(operation, itemsize) for operation in operations), default=0)
    return ledger.peak + max(scratch, threads * pooling_scratch)


def _pooling_scratch(operation: Operation, itemsize: int) -> int:
    """Return the scratch memory of a thread where windows are large, in bytes; 0 where it is that of any operation."""
    step = operation.step
    if not isinstance(step, Pool):
        return 0
    from convcli.engine.algorithms.pooling import scratch_bytes  # imported only where there is pooling

    scratch = scratch_bytes(step.windows, operation.input_shape, itemsize)
    return scratch if scratch > SCRATCH_PER_THREAD else 0


def _patch_numbers(operation: Operation) -> int:
    """Return how many numbers the windows of an operation hold at all positions, for one sample."""
    step = operation.step
    taps = prod(window.size for window in step.windows) if isinstance(step, Correlate | Pool) else 1
    return taps * prod(operation.output_shape[:-1]) * max(operation.input_shape[-1], operation.output_shape[-1])


def _returns_view(operation: Operation) -> bool:
    """Return whether the result is a view of the input."""
    step = operation.step
    crops = isinstance(step, Pad) and step.only_crops
    return not operation.epilogue and (crops or (step is not None and step.is_view))


def _writes_to_buffer(operation: Operation) -> bool:
    """Return whether the result is written to memory that the program allocates for it."""
    step = operation.step
    return step is None or isinstance(step, Correlate | Pool) or (isinstance(step, Merge) and step.is_plain)
