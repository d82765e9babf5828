"""How much memory a run takes at its worst, before it is begun: buffers, and what each operation needs beside them.

An upper bound, from shapes alone. What is held before the run (inputs, weights as they are prepared) is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from convcli.engine.buffers import LOOSE
from convcli.engine.fusion import Name, Operation
from convcli.model import steps

SCRATCH_PER_THREAD = 12 << 20  # scratch of a thread: some slabs and blocks
LEAST_SCRATCH = 4 << 20  # of all threads: transforms are of some size
GATHERED = 4  # scratch of all threads, over all patches of an operation
TEMPORARY = 4  # arrays as large as what an operation reads or makes that are alive at once while it is done


WINDOWED = steps.Correlate | steps.Pool


class Ledger:
    """Bytes by who holds them: like the buffers of a run, with numbers in place of memory."""

    def __init__(self) -> None:
        self.held = self.most = 0
        self._free: list[int] = []
        self._blocks: dict[Name, tuple[int, bool]] = {}  # how large, and whether it can be used again
        self._same: dict[Name, Name] = {}  # names of views, by whose memory they are in
        self._users: Counter[Name] = Counter()

    def new(self, name: Name, size: int, again: bool) -> None:
        """Memory for a value; a free block where there is a fitting one."""
        fitting = [block for block in self._free if size <= block <= LOOSE * size] if again else []
        if fitting:
            size = min(fitting)
            self._free.remove(size)
        else:
            self.held += size
        self._blocks[name] = size, again
        self._users[name] += 1
        self.most = max(self.most, self.held)

    def view(self, name: Name, of: Name) -> None:
        """A value in the memory of another."""
        owner = self._same.get(of, of)
        self._same[name] = owner
        self._users[owner] += 1

    def beside(self, size: int) -> None:
        """Memory that is let go as soon as an operation is done."""
        self.most = max(self.most, self.held + size)

    def gone(self, name: Name) -> None:
        """A value that nothing needs any more."""
        owner = self._same.pop(name, name)
        self._users[owner] -= 1
        if self._users[owner] or owner not in self._blocks:  # or it is an input
            return
        size, again = self._blocks.pop(owner)
        if again:
            self._free.append(size)
        else:
            self.held -= size


def peak(
    chain: Sequence[Operation], kept: Iterable[Name], inputs: Mapping[str, tuple[int, ...]], cells: int, threads: int
) -> int:
    """Bytes at the worst moment of a run. `cells` is the bytes of a number times the samples."""
    wanted = set(kept)
    uses = Counter(name for each in chain for name in each.takes) + Counter(wanted)
    sizes: dict[Name, int] = {name: prod(shape) * cells for name, shape in inputs.items()}
    ledger = Ledger()
    fresh: set[Name] = set()  # values that are in memory of their own for certain
    for each in chain:
        sizes[each.makes] = size = prod(each.shape) * cells
        read = sum(sizes[name] for name in set(each.takes))
        if _is_view(each):
            ledger.beside(max(read, size))  # or a copy, where the order of values asks for one
            ledger.view(each.makes, each.takes[0])
        else:
            apart = isinstance(each.step, WINDOWED) or each.step is None or _plain_join(each)
            ledger.new(each.makes, size, again=apart and each.makes not in wanted)
            ledger.beside(read if apart else TEMPORARY * max(read, size))
            fresh |= {each.makes} if apart else set()
        for name in each.takes:
            uses[name] -= 1
            if not uses[name]:
                ledger.gone(name)
    copies = sum(sizes[name] for name in wanted - fresh)  # of values that are inputs, or views of them
    ledger.beside(copies)
    most = max((_gathered(each) for each in chain), default=0) * cells
    return ledger.most + min(SCRATCH_PER_THREAD * threads, LEAST_SCRATCH + GATHERED * most)


def _gathered(each: Operation) -> int:
    """How many numbers all patches of an operation hold, of one sample."""
    taps = prod(window.size for window in each.step.windows) if isinstance(each.step, WINDOWED) else 1
    return taps * prod(each.shape[:-1]) * max(each.space[-1], each.shape[-1])


def _is_view(each: Operation) -> bool:
    crops = isinstance(each.step, steps.Pad) and all(max(pair) <= 0 for pair in each.step.amounts)
    return not each.tails and (crops or isinstance(each.step, steps.ChangeShape | steps.MoveAxes))


def _plain_join(each: Operation) -> bool:
    return isinstance(each.step, steps.Merge) and not each.step.coefficients and not each.step.constants
