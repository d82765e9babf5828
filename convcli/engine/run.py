"""A model run on arrays, step by step: inputs, plan, weights, program, result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convcli.analysis.planning import plan_for
from convcli.core import memory
from convcli.core.closeable import Closeable
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.option_names import option, spoken
from convcli.core.progress import ProgressCallback
from convcli.core.records import Record, field, replace
from convcli.core.shapes import DataFormat, format_shape, known, matches, product
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.io import layout
from convcli.io.axes import from_axes
from convcli.io.lazy_input import ALL_SAMPLES, LazyInput
from convcli.io.npy import MappedArray
from convcli.io.preprocessing import Preprocessing
from convcli.model.graph import Model
from convcli.model.plan import Plan
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.engine.profile import Profile
    from convcli.engine.program import Program

# Bytes. A run that needs more is slower whole than tile by tile: the system hands out new memory page by page.
ENOUGH = 256 << 20
REMEDY = "fewer samples, or float32"


class NamedArrays(Record):
    """The arrays for a model's inputs, or its targets, by name, as the user has them.

    Arrays follow the rules of rank of the command line, unless `axes` names each of their axes by a letter.
    `data_format` is their axis order, `preparation` is done to each of them first, and `labels` says what messages call
    them, where that is not their name.
    """

    arrays: Mapping[str, Array | MappedArray]
    data_format: DataFormat
    labels: Mapping[str, str] = field(factory=dict)
    preparation: Preprocessing = Preprocessing()
    axes: str | None = None

    def label(self, name: str) -> str:
        """Return what messages call the array of this name."""
        return self.labels.get(name, name)


class Batch:
    """The inputs of one run, each `(batch, *spatial, channels)`, read when they are needed.

    Args:
        model: The model whose inputs they are.
        inputs: An array for each input of the model.
        dtype: The type to compute in; None: float32 where all inputs allow it, else float64.

    Raises:
        ConvcliError: An array is missing, does not suit its input, or has another number of samples than the others.
    """

    def __init__(self, model: Model, inputs: NamedArrays, dtype: str | None = None) -> None:
        self._inputs = inputs
        self._sources = _sources(model, inputs)
        layout.check_dtype(dtype)
        self.dtype = dtype or max(
            (source.dtype.name for source in self._sources.values()), key=BYTES_PER_VALUE.__getitem__
        )
        self.size = next(iter(self._sources.values())).shape[0]
        self.shapes = {name: source.shape[1:] for name, source in self._sources.items()}

    def read(
        self, samples: slice = ALL_SAMPLES, space: Mapping[str, Sequence[slice]] | None = None
    ) -> dict[str, Array]:
        """Return some samples of each input, and of these the cells in `space`: by default all."""
        arrays = {}
        for name, source in self._sources.items():
            with located(self._inputs.label(name)):
                arrays[name] = source.read(self.dtype, samples, (space or {}).get(name, ()))
        return arrays

    def bytes_needed(self, samples: slice = ALL_SAMPLES, space: Mapping[str, Sequence[slice]] | None = None) -> int:
        """Return the bytes that `read` takes: none for what is in memory as it is computed with."""
        named = self._sources.items()
        return sum(source.bytes_needed(self.dtype, samples, (space or {}).get(name, ())) for name, source in named)

    def check_memory(self) -> None:
        """Raise `ConvcliError` where there is no memory to read all of it."""
        memory.require(self.bytes_needed(), REMEDY)


class RunResult(Record):
    """The result of a run: the outputs by name, each `(batch, *spatial, channels)`, with the plan and the weights.

    `algorithms` names, for each layer that correlates, the algorithms that did it, kernel by kernel.
    """

    plan: Plan
    batch_size: int
    outputs: dict[str, Array]
    weights: dict[str, dict[str, Array]]
    algorithms: dict[str, tuple[str, ...]]


class Run(Closeable):
    """A model, planned on its inputs and compiled for the named outputs. To be closed, or used as a context."""

    def __init__(
        self, plan: Plan, batch: Batch, weights: dict[str, dict[str, Array]], program: Program, outputs: Sequence[str]
    ) -> None:
        self.plan, self.batch, self.weights, self.program, self.outputs = plan, batch, weights, program, outputs

    def bytes_needed(self, answer: int = 0) -> int:
        """Return the bytes of a run on all samples at once; `answer` is what is added for each number of the result."""
        numbers = self.batch.size * sum(product(self.plan.shapes[name]) or 0 for name in self.outputs)
        return self.program.bytes_needed(self.batch.size) + self.batch.bytes_needed() + numbers * answer

    def result(self, progress: ProgressCallback | None = None, *, answer: int = 0, remedy: str = REMEDY) -> RunResult:
        """Run on all samples at once. Raises `ConvcliError` where `bytes_needed(answer)` are not to be had."""
        memory.require(self.bytes_needed(answer), remedy)
        arrays = self.batch.read()
        with located_in(self.plan.model):
            outputs = self.program(arrays, progress)
        return RunResult(self.plan, self.batch.size, outputs, self.weights, self.program.algorithms_used)

    def profile(self) -> Profile:
        """Return how long each layer takes on all samples at once. Raises `ConvcliError` for lack of memory."""
        from convcli.engine.machine_limits import measure_limits
        from convcli.engine.profile import profile

        memory.require(self.bytes_needed(), "fewer samples, or more with --max-memory")
        limits = measure_limits(self.batch.dtype, self.program.threads)
        with located_in(self.plan.model):
            return profile(self.program, self.batch.read(), limits)

    def outline(self) -> RunResult:
        """Return a result without the work: outputs of the right shapes that hold zeros and take no memory."""
        zero = np.zeros((), self.batch.dtype)
        shapes = {name: (self.batch.size, *map(known, self.plan.shapes[name])) for name in self.outputs}
        outputs = {name: np.broadcast_to(zero, shape) for name, shape in shapes.items()}
        return RunResult(self.plan, self.batch.size, outputs, self.weights, {})

    def close(self) -> None:
        """Let its threads and memory go."""
        self.program.close()


def prepare_run(
    model: Model,
    inputs: NamedArrays,
    weights: WeightSource,
    execution: Execution,
    *,
    outputs: Sequence[str] | None = None,
    keep_all: bool = False,
    also_bind: Sequence[str] = (),
) -> Run:
    """Plan a model on its inputs, bind its weights, and compile the program that computes the named outputs.

    Args:
        outputs: Names of layers or inputs; None: the model's outputs. Only the layers that lead to them are run, and
            only these need weights.
        keep_all: Whether the inputs and all layers that lead to them are outputs too.
        also_bind: Further layers whose weights are bound.

    Raises:
        ConvcliError: NamedArrays, weights or options do not suit the model, or there is no memory for the weights.
    """
    from convcli.engine.program import build_program

    batch = Batch(model, inputs, execution.dtype)
    with located_in(model):
        plan = plan_for(model, batch.shapes, inputs.data_format)
    outputs = model.outputs if outputs is None else outputs
    needed = plan.pruned_to(outputs)
    with located_in(model):
        needed.require_known()
    if keep_all:
        outputs = [*needed.input_shapes, *(layer.name for layer in needed.layers)]
    bound = bind(plan, weights, batch.dtype, {*also_bind, *(layer.node.owner for layer in needed.layers)})
    with located_in(model):
        program = build_program(needed, bound, outputs, replace(execution, dtype=batch.dtype), samples=batch.size)
    return Run(plan, batch, bound, program, outputs)


def _sources(model: Model, inputs: NamedArrays) -> dict[str, LazyInput]:
    """Return the inputs of a model, none of them read yet. Raises `ConvcliError` where they do not suit it."""
    sources = {}
    for name, array in inputs.arrays.items():
        with located(inputs.label(name)):
            sources[name] = _source(model, name, array, inputs)
    missing = [name for name in model.inputs if name not in sources]
    if missing:
        remedy = spoken("NAME=FILE for each, or one .npz of all", "a mapping with an array for each name")
        raise ConvcliError(f"no array for the input {missing[0]!r}", remedy)
    counts = {name: source.shape[0] for name, source in sources.items()}
    if len(set(counts.values())) > 1:
        raise ConvcliError(f"batches of different sizes: {counts}", "as many samples of each input")
    return sources


def _source(model: Model, name: str, array: Array | MappedArray, inputs: NamedArrays) -> LazyInput:
    """Return one input. Raises `ConvcliError` where the array cannot be that input of the model."""
    if name not in model.inputs:
        raise ConvcliError("the model has no such input", f"it has {', '.join(model.inputs)}")
    layout.compute_dtype(array.dtype)
    if 0 in array.shape:
        raise ConvcliError(f"shape {format_shape(array.shape)} holds no values", "at least one")
    rank, data_format = model.spatial_rank(name), inputs.data_format
    axes = inputs.axes

    def arrange(view: Array) -> Array:
        return layout.to_batch(view, rank, data_format) if axes is None else from_axes(view, axes, rank)

    source = LazyInput(array, arrange, inputs.preparation)
    _check_shape(source.shape[1:], model.inputs[name], data_format)
    return source


def _check_shape(shape: tuple[int, ...], own: tuple[int | None, ...] | None, data_format: DataFormat) -> None:
    """Raise `ConvcliError` where a sample does not have the shape that the model's input says (channels last)."""
    if own is None or matches(shape, own):
        return
    remedy = f"the model takes {format_shape(data_format.from_channels_last(own))}, ? where any extent will do"
    if own[-1] == 1 and matches((*shape[1:], 1), own):
        remedy = f"{remedy}; a batch needs an axis for its one channel"
    if matches(data_format.reinterpret(shape), own):
        remedy = f"it looks {data_format.other.value}: {option('data-format', data_format.other.value)}"
    raise ConvcliError(f"a sample has shape {format_shape(data_format.from_channels_last(shape))}", remedy)
