"""A model and the arrays it is to be applied to: what that needs of memory, and doing it, whole or part by part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from convcli.analysis.planning import plan_for
from convcli.core import memory
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.core.option_words import BYTES
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, Shape, known, product, shape_text
from convcli.core.threads import Closing
from convcli.io import layout
from convcli.io.arrays import Mapped
from convcli.io.preprocessing import Preparation, Source
from convcli.model.graph import Model
from convcli.model.plan import Plan
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.engine.bind_weights import Stored
    from convcli.engine.progress import ProgressCallback

TOLERANCE = 1e-5
# Bytes: work in more at a time is slower, as each page of memory that is new takes the system a moment.
ENOUGH = 256 << 20
AS_THEY_ARE = Preparation()
LOWER = "fewer samples, float32, or more with --max-memory"


class Run(Record):
    """A model applied: the plan, the batch size, the values asked for `(batch, *spatial, channels)`, the weights.

    `algorithms` names, for each layer that correlates, the ways that did it, kernel by kernel.
    """

    plan: Plan
    batch: int
    values: dict[str, Array]
    weights: dict[str, dict[str, Array]]
    algorithms: dict[str, tuple[str, ...]]


class Task(Closing):
    """A model with its weights and inputs, ready to be applied. To be closed, or used as a context.

    Only what leads to the named layers, by default the outputs, is run and needs weights; `also` names further layers
    whose weights are wanted. Arrays follow the rules of rank and number type of the command line; `data_format` is
    theirs, by default the model's, `preparation` what is done to them first, and `labels` what messages call them.
    Raises `ConvcliError`.
    """

    def __init__(
        self,
        model: Model,
        inputs: Mapping[str, Array | Mapped],
        *,
        weights: Stored | None = None,
        weights_name: str = "weights",
        seed: int | None = None,
        dtype: str | None = None,
        algorithm: str = "auto",
        tolerance: float = TOLERANCE,
        threads: int | None = None,
        compiled: bool | None = None,
        keep: Sequence[str] | None = None,
        also: Sequence[str] = (),
        data_format: DataFormat | None = None,
        labels: Mapping[str, str] | None = None,
        preparation: Preparation = AS_THEY_ARE,
        watch: ProgressCallback | None = None,
    ) -> None:
        from convcli.engine.program import build_program

        self.model, self.labels, self.watch = model, labels, watch
        self.data_format = data_format or model.data_format
        self.inputs = sources(model, inputs, self.data_format, labels, preparation)
        self.dtype = common_type(self.inputs, dtype)
        self.batch = next(iter(self.inputs.values())).shape[0]
        with located_in(model):
            shapes = {name: each.shape[1:] for name, each in self.inputs.items()}
            self.plan = plan_for(model, shapes, self.data_format)
        self.kept = model.outputs if keep is None else keep
        needed = self.plan.pruned_to(self.kept)
        owners = [*also, *(layer.node.owner for layer in needed.layers)]
        self.weights = bind_weights(model, self.plan, weights, weights_name, seed, self.dtype, owners)
        with located_in(model):
            self.program = build_program(
                needed,
                self.weights,
                self.kept,
                self.dtype,
                algorithm=algorithm,
                tolerance=tolerance,
                threads=threads,
                samples=self.batch,
                compiled=compiled,
            )

    def footprint(self, beside: int = 0) -> int:
        """Bytes that it takes to run all at once; `beside` is what is done with each number of the result, in bytes."""
        read = sum(each.footprint(self.dtype) for each in self.inputs.values())
        made = self.batch * sum(product(self.plan.shapes[name]) or 0 for name in self.kept)
        return self.program.bytes_needed(self.batch) + read + made * beside

    def run(self, beside: int = 0, remedy: str = LOWER) -> Run:
        """All at once. Raises `ConvcliError` where there is not enough memory."""
        memory.check(self.footprint(beside), remedy)
        ready = whole(self.inputs, self.dtype, self.labels)
        with located_in(self.model):
            values = self.program(ready, self.watch)
        return Run(self.plan, self.batch, values, self.weights, self.program.algorithms_used)

    def close(self) -> None:
        """Let its threads and memory go."""
        self.program.close()


def bind_weights(
    model: Model,
    plan: Plan,
    weights: Stored | None,
    weights_name: str,
    seed: int | None,
    dtype: str,
    only: Collection[str] | None = None,
) -> dict[str, dict[str, Array]]:
    """The weights of each layer, or of `only` those: those given, else those in the model's own archive."""
    from convcli.engine.bind_weights import bind
    from convcli.io import weights_file

    if weights is None and model.embedded_weights is not None:
        with located_in(model):
            weights = weights_file.read(model.embedded_weights)
        weights_name = model.source or weights_name
    _check_weights(model, plan, dtype, only)
    if seed is not None and (type(seed) is not int or seed < 0):
        raise ConvcliError(f"seed {seed!r}", "a whole number of at least 0")
    return bind(plan, weights, seed, dtype, weights_name, only)


def _check_weights(model: Model, plan: Plan, dtype: str, only: Collection[str] | None) -> None:
    """Raise `ConvcliError`, naming the layer with the most, where there is no memory for all weights."""
    params = {layer.where: known(layer.params) for layer in plan.layers if only is None or layer.name in only}
    most = max(params, key=params.__getitem__, default="")
    with located_in(model), located(most):
        memory.check(2 * BYTES[dtype] * sum(params.values()), "a smaller model, or float32")


def batched(
    model: Model,
    inputs: Mapping[str, Array | Mapped],
    dtype: str | None,
    data_format: DataFormat,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
) -> dict[str, Array]:
    """The arrays as batches with channels last, of one number type and as many samples each."""
    found = sources(model, inputs, data_format, labels, preparation)
    return whole(found, common_type(found, dtype), labels)


def sources(
    model: Model,
    inputs: Mapping[str, Array | Mapped],
    data_format: DataFormat,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
) -> dict[str, Source]:
    """The inputs of the model, none of them converted yet. Raises `ConvcliError` where they do not suit it."""
    found = {}
    for name, array in inputs.items():
        with located((labels or {}).get(name, name)):
            found[name] = _source(model, name, array, data_format, preparation)
    missing = [name for name in model.inputs if name not in found]
    if missing:
        raise ConvcliError(f"no array for the input {missing[0]!r}", "NAME=FILE for each, or one .npz of all")
    counts = {name: each.shape[0] for name, each in found.items()}
    if len(set(counts.values())) > 1:
        raise ConvcliError(f"batches of different sizes: {counts}", "as many samples of each input")
    return found


def common_type(found: Mapping[str, Source], dtype: str | None) -> str:
    """The type that all inputs are computed in."""
    layout.check_dtype(dtype)
    return dtype or max((each.dtype.name for each in found.values()), key=BYTES.__getitem__)


def whole(found: Mapping[str, Source], dtype: str, labels: Mapping[str, str] | None) -> dict[str, Array]:
    """All of each input."""
    memory.check(sum(each.footprint(dtype) for each in found.values()), LOWER)
    read = {}
    for name, each in found.items():
        with located((labels or {}).get(name, name)):
            read[name] = each.part(dtype)
    return read


def _source(
    model: Model, name: str, array: Array | Mapped, data_format: DataFormat, preparation: Preparation
) -> Source:
    if name not in model.inputs:
        raise ConvcliError("the model has no such input", f"it has {', '.join(model.inputs)}")
    layout.float_type(array.dtype)
    if 0 in array.shape:
        raise ConvcliError(f"shape {shape_text(array.shape)} holds no values", "at least one")
    rank = model.spatial_rank(name)
    source = Source(array, lambda each: layout.as_batch(each, rank, data_format), preparation)
    own = model.inputs[name]
    got: Shape = source.shape[1:]
    if own is None or _allows(own, got):
        return source
    remedy = f"the model takes {shape_text(data_format.from_last(own))}, ? where any extent will do"
    if own[-1] == 1 and _allows(own, (*got[1:], 1)):
        remedy = f"{remedy}; a batch needs an axis for its one channel"
    if _allows(own, data_format.misread(got)):
        remedy = f"it looks {data_format.other.value}: --data-format {data_format.other.value}"
    raise ConvcliError(f"a sample has shape {shape_text(data_format.from_last(got))}", remedy)


def _allows(own: Shape, got: Shape) -> bool:
    """Whether an input of the model's own shape, with unknown extents, may have the shape that it got."""
    return len(own) == len(got) and all(a in (None, b) for a, b in zip(own, got, strict=True))
