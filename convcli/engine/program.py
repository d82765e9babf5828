"""A plan with its weights, prepared to run on any number of batches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property, partial
from itertools import accumulate
from math import inf, prod

import numpy as np

from convcli.core.errors import ConvcliError, check_size, located
from convcli.core.lazy_imports import Array
from convcli.core.shapes import known, product
from convcli.core.threads import Team
from convcli.engine import algorithms
from convcli.engine.algorithms.blocks import Blocks, boxes
from convcli.engine.algorithms.kernel_layout import meeting_kernel
from convcli.engine.algorithms.pooling import pool
from convcli.engine.algorithms.problem import Work
from convcli.engine.buffers import Spare, Values
from convcli.engine.epilogue import Linear, Tail
from convcli.engine.fusion import Name, Operation, operations, run_all
from convcli.engine.memory_estimate import peak
from convcli.engine.numba_support import finishing, pays_off
from convcli.engine.run_step import JOIN_FUNCTIONS, run_step
from convcli.engine.tiling import Tile, TilePlan, plan_tile
from convcli.model import steps
from convcli.model.graph import Plan
from convcli.model.steps import Correlate

LEAST_BYTES = 1 << 19  # worth more than one thread
MANY_SAMPLES = 1 << 20  # samples: as many as preparing weights could ever take to pay off
Weights = Mapping[str, Mapping[str, Array]]
Slices = tuple[slice, ...]
ALIKE = 3  # kinds of parts that are kept prepared: along a row of tiles the first, those between, the last
MOST_PREPARED = 4  # times as large as they were may prepared weights be: those of minimal filtering
# What an operation does once prepared: from its inputs, the memory for its result, with a team.
ProgressCallback = Callable[
    [str, float], object
]  # told the layer and the share of all work that is done, by any thread
Runner = Callable[[Sequence[Array], Values, Team], Array]


class Program:
    """A plan ready to run. Calls from several threads take turns.

    `keep` names the values that a call returns. `algorithm` is `auto` or the way that all layers must take;
    `tolerance` how far float32 results may be off, relative to the largest; `samples` how many there will be in all,
    as far as known: preparing weights has to pay off. `compiled` says whether to use compiled code, None where that
    pays off too.
    """

    def __init__(
        self,
        plan: Plan,
        weights: Weights,
        keep: Sequence[str],
        dtype: str,
        *,
        algorithm: str = algorithms.AUTO,
        tolerance: float = 0.0,
        threads: int | None = None,
        samples: int = 1,
        compiled: bool | None = None,
    ) -> None:
        if type(tolerance) not in (int, float) or not 0 <= tolerance < inf:
            raise ConvcliError(f"tolerance: {tolerance!r}", "a number of at least 0")
        if threads is not None and (type(threads) is not int or threads < 1):
            raise ConvcliError(f"threads: {threads!r}", "a whole number of at least 1")
        self.plan, self.dtype = plan, dtype
        self._algorithm, self._tolerance, self._samples = algorithm, tolerance, samples
        chain, kept = operations(plan, weights, keep, dtype)
        self._native = pays_off(chain, samples) if compiled is None else compiled
        self._chosen: dict[Name, str] = {}
        self._spare = Spare()
        self._prepare(chain, kept)
        self._tile_programs: dict[Hashable, Program] = {}
        self._lock = threading.Lock()
        self._team = Team(threads)
        self._multiplying = self._team.for_products()

    def _prepare(self, chain: Sequence[Operation], kept: Mapping[str, Name]) -> None:
        self._ways: list[tuple[str, str, Blocks]] = []
        self._kept = dict(kept)
        self._chain = [(each, self._prepared(each)) for each in chain]
        self._uses = Counter(name for each in chain for name in each.takes) + Counter(set(self._kept.values()))
        self.__dict__.pop("_work", None)

    def __call__(self, inputs: Mapping[str, Array], watch: ProgressCallback | None = None) -> dict[str, Array]:
        """The kept values by name, `(batch, *spatial, channels)` as the inputs are. Raises `ConvcliError`.

        `watch` is told by which layer, and how far, the work has come.
        """
        batch = len(next(iter(inputs.values())))
        with self._lock:
            values = Values(inputs, self._uses, self._kept.values(), self._spare)
            for each, do in self._chain:
                with located(each.where), self._watched(each, watch):
                    check_size(batch * (product(each.shape) or 0))
                    result = do([values[name] for name in each.takes], values, self._team)
                assert result.shape[1:] == each.shape, f"{each.makes}: {result.shape} as planned"
                values[each.makes] = result
                for name in each.takes:
                    values.used(name)
            self._spare.forget()
            kept: dict[str, Array] = {}
            for name, made in self._kept.items():
                kept[name] = _apart(values[made], [*inputs.values(), *kept.values()])
            return kept

    @contextmanager
    def _watched(self, each: Operation, watch: ProgressCallback | None) -> Iterator[None]:
        """While an operation runs, have the team tell how far it is, by the work in each."""
        if watch is None:
            yield
            return
        before, own = self._work[each.makes]
        teams = (self._team, self._multiplying)
        for team in teams:
            team.watch = lambda share: watch(each.layer, before + own * share)
        watch(each.layer, before)
        try:
            yield
        finally:
            for team in teams:
                team.watch = None

    @cached_property
    def _work(self) -> dict[Name, tuple[float, float]]:
        """For each operation which share of all work is done before it, and which it is itself."""
        each = [(step.macs(op.space) or 0 if (step := op.step) else 0) + prod(op.shape) for op, _ in self._chain]
        total, before = max(sum(each), 1), accumulate(each, initial=0)
        shares = ((done / total, own / total) for done, own in zip(before, each, strict=False))
        return {op.makes: share for (op, _), share in zip(self._chain, shares, strict=True)}

    def bytes_needed(self, samples: int, part: TilePlan | None = None) -> int:
        """Bytes that a run on so many samples, or on a part of them, takes at its worst, beside inputs and weights."""
        cells = samples * np.dtype(self.dtype).itemsize
        if part is not None:
            return peak(part.chain, [part.made], part.shapes(self._inputs), cells, self._team.count)
        return peak([each for each, _ in self._chain], self._kept.values(), self._inputs, cells, self._team.count)

    @property
    def prepared_weight_bytes(self) -> int:
        """Bytes that weights take up at most, prepared for parts."""
        kernels = (each.weights[each.step.kernel.name] for each, _ in self._chain if isinstance(each.step, Correlate))
        return ALIKE * MOST_PREPARED * sum(kernel.nbytes for kernel in kernels)

    @property
    def _inputs(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(map(known, shape)) for name, shape in self.plan.input_shapes.items()}

    def plan_tile(self, box: Tile) -> TilePlan:
        """What makes a part of the one kept value from parts of the inputs."""
        (made,) = set(self._kept.values())
        return plan_tile([each for each, _ in self._chain], self._inputs, made, box)

    def for_tile(self, part: TilePlan) -> Program:
        """The program that makes it, with the threads and spare memory of this one; kept for the next part like it."""
        alike = (part.made, *((each.step, each.takes, each.makes, each.space, each.shape) for each in part.chain))
        own = self._tile_programs.pop(alike, None)
        if own is None:
            own = copy(self)
            own._prepare(part.chain, dict.fromkeys(self._kept, part.made))
        while len(self._tile_programs) >= ALIKE:
            self._tile_programs.pop(next(iter(self._tile_programs)))
        self._tile_programs[alike] = own
        return own

    @property
    def algorithms_used(self) -> dict[str, tuple[str, ...]]:
        """For each layer that correlates the ways of its last run, kernel by kernel; before that those chosen."""
        found: dict[str, tuple[str, ...]] = {}
        for layer, way, blocks in self._ways:
            found[layer] = (*found.get(layer, ()), *blocks.ran(way))
        return found

    def close(self) -> None:
        """Let threads and spare memory go."""
        with self._lock:
            self._team.close()
            self._multiplying.close()
            self._tile_programs.clear()
            self._spare = Spare()

    def _prepared(self, each: Operation) -> Runner:
        with located(each.where):
            if isinstance(each.step, Correlate):
                return self._correlation(each, each.step)
        if isinstance(each.step, steps.Pool):
            return partial(_pool, each, each.step, self._native)
        if isinstance(each.step, steps.Merge) and _cell_by_cell(each.step):
            return partial(_join, each, each.step)
        return partial(_in_place if each.step is None else _other, each)

    def _correlation(self, each: Operation, step: Correlate) -> Runner:
        kernel = meeting_kernel(step, each.weights[step.kernel.name])
        bias = None if step.bias is None else each.weights[step.bias.name]
        tails: list[Tail] = list(each.tails)
        approximate = self.dtype == "float32" and self._tolerance > 0
        if approximate and each.tails and isinstance(each.tails[0], Linear):
            folded = _folded(kernel, bias, each.tails[0])
            if folded:
                kernel, bias, tails = *folded, tails[1:]
        if bias is not None:
            tails.insert(0, Linear(None, bias))
        groups = known(step.groups)
        seen, made = kernel.shape[-2], kernel.shape[-1] // groups
        how = self.dtype, self._tolerance, self._samples, self._native
        work = Work(step.windows, groups, seen, made, each.space[:-1], *how)
        name, blocks = algorithms.prepare(kernel, work, self._chosen.get(each.makes, self._algorithm))
        self._chosen[each.makes] = name  # for its parts too
        self._ways.append((each.layer, name, blocks))
        finish = finishing(tails, work.filters, self.dtype, self._native)

        def do(inputs: Sequence[Array], values: Values, team: Team) -> Array:
            y = values.new(each.makes, (len(inputs[0]), *each.shape), self.dtype)
            blocks.run(np.ascontiguousarray(inputs[0]), y, self._multiplying if blocks.multiplies else team, finish)
            return y

        return do


def _apart(value: Array, inputs: Iterable[Array]) -> Array:
    """The value, in memory of its own: some layers hand on what they are given."""
    return np.array(value) if any(np.may_share_memory(value, x) for x in inputs) else value


def _folded(kernel: Array, bias: Array | None, scale: Linear) -> tuple[Array, Array | None] | None:
    """Kernel and bias with a scale of the result in them; None where that would not be as exact.

    Whole numbers stay as they are, and so do those that would be beyond the type's range.
    """
    factor = 1 if scale.factor is None else scale.factor
    with np.errstate(over="ignore", invalid="ignore"):
        folded = kernel * factor
        shift = scale.offset if bias is None else bias * factor + (0 if scale.offset is None else scale.offset)
    parts = [each for each in (folded, shift) if each is not None]
    lost = np.any((np.abs(folded) < np.finfo(kernel.dtype).tiny) & (kernel != 0))
    if lost or not all(np.isfinite(each).all() for each in parts) or np.array_equal(np.rint(kernel), kernel):
        return None
    return folded, None if shift is None else np.broadcast_to(shift, kernel.shape[-1:])


def _pool(
    each: Operation, step: steps.Pool, native: bool, inputs: Sequence[Array], values: Values, team: Team
) -> Array:
    x = np.ascontiguousarray(inputs[0])
    y = values.new(each.makes, (len(x), *each.shape), x.dtype)
    pool(x, y, step.windows, step.kind, step.count_padding, team, partial(run_all, each.tails), native)
    return y


def _cell_by_cell(step: steps.Merge) -> bool:
    return step.kind != "concatenate" and not step.coefficients and not step.constants


def _join(each: Operation, step: steps.Merge, inputs: Sequence[Array], values: Values, team: Team) -> Array:
    shape = (len(inputs[0]), *each.shape)
    if any(x.shape != shape for x in inputs):
        return _other(each, inputs, values, team)
    # Only the first two are read before anything is written.
    pairs = zip(each.takes[:2], inputs, strict=False)
    spent = [x for name, x in pairs if values.spent(name) and x.flags.c_contiguous]
    y = spent[0] if spent else values.new(each.makes, shape, inputs[0].dtype)

    def fill(item: tuple[Slices, slice]) -> None:
        box, channels = item
        block = y[(*box, channels)]
        first, *rest = (x[(*box, channels)] for x in inputs)
        if not rest and inputs[0] is not y:
            np.copyto(block, first)
        for operand in rest:
            JOIN_FUNCTIONS[step.kind](first, operand, out=block)
            first = block
        if step.kind == "mean":
            np.divide(block, len(inputs), out=block)
        run_all(each.tails, block, channels)

    team.run(fill, _blocks_of(y))
    return y


def _in_place(each: Operation, inputs: Sequence[Array], values: Values, team: Team) -> Array:
    x = inputs[0]
    y = x if values.spent(each.takes[0]) and x.flags.c_contiguous else values.new(each.makes, x.shape, x.dtype)

    def fill(item: tuple[Slices, slice]) -> None:
        box, channels = item
        block = y[(*box, channels)]
        if y is not x:
            np.copyto(block, x[(*box, channels)])
        run_all(each.tails, block, channels)

    team.run(fill, _blocks_of(y))
    return y


def _other(each: Operation, inputs: Sequence[Array], values: Values, team: Team) -> Array:
    assert each.step is not None
    y = run_step(each.step, inputs, each.weights)
    if each.tails:
        if any(np.may_share_memory(y, x) for x in inputs) or not y.flags.c_contiguous:
            y = np.array(y, order="C")
        team.run(lambda item: run_all(each.tails, y[(*item[0], item[1])], item[1]), _blocks_of(y))
    return y


def _blocks_of(y: Array) -> list[tuple[Slices, slice]]:
    """Blocks of a value of which each cell is worked on by itself, and the channels that each holds."""
    found = boxes(y.shape, y.itemsize, 4 if y.nbytes > LEAST_BYTES else 1)
    return [(box[:-1], box[-1]) for box in found]
