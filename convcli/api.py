"""The library: load a model, ask for its shapes and counts, apply it to arrays; or one function, `convolve`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from convcli import batches, readers, spec
from convcli._lazy import Array
from convcli.errors import ConvcliError, located, short
from convcli.geometry import DataFormat, Shape, axis_names, shape_text
from convcli.model import Model, Plan
from convcli.records import Record, replace
from convcli.report.shape import Asked, summary
from convcli.units import BYTES, COUNTS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convcli import engine
    from convcli.sizes import Sizes
    from convcli.weights import Stored

Weights = Mapping[str, Any] | str | os.PathLike[str] | None
TOLERANCE = 1e-5
Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]


def load(source: Source, *, data_format: str | None = None) -> Model:
    """The model in a file, or in a plain mapping or list of layers such as a file holds.

    `data_format` holds where the model does not say. Raises `ConvcliError`.

    >>> load(["Conv2D(40, 3)", "flatten", "dense(10)"])
    """
    layout = DataFormat.of(data_format) if data_format else None
    if isinstance(source, str | os.PathLike):
        return build(readers.read(os.fspath(source)), layout)
    if not isinstance(source, Mapping | Sequence):
        raise ConvcliError(f"{short(source)} is no model", "a file, a mapping, or a list of layers")
    value = dict(source) if isinstance(source, Mapping) else {"layers": list(source)}
    return spec.build(readers.mapping(value, "model"), "", "model", layout)


def build(document: readers.Document, data_format: DataFormat | None = None) -> Model:
    """The model of a file that was read. Raises `ConvcliError`."""
    with located(document.source):
        model = spec.build(document.mapping, document.folder, document.name, data_format)
    return replace(model, source=document.source, stored=document.stored)


def _in(model: Model) -> AbstractContextManager[None]:
    """Errors inside are put in the model's file, where it came from one."""
    return located(model.source) if model.source else nullcontext()


def summarize(
    model: Model,
    input_shape: Any = None,
    *,
    data_format: DataFormat | str | None = None,
    batch: int | None = None,
    dtype: str = next(iter(BYTES)),
    count: str = COUNTS[0],
    explain: bool = False,
    at: Sequence[int] | None = None,
    memory: bool = False,
) -> dict[str, Any]:
    """The model's shapes, parameters, multiply-accumulates and receptive fields: what `convcli shape -f json` prints.

    `input_shape` is that of one sample, such as `(28, 28, 1)`; a mapping for several inputs; None for the model's own.
    `data_format` is the axis order of shapes in and out, by default the model's. The others are the options of
    `convcli shape`; `memory` adds bytes. Raises `ConvcliError`.
    """
    asked = Asked(batch, dtype, count, explain, None if at is None else tuple(at), memory)
    data_format = DataFormat.of(data_format or model.data_format)
    shapes = _named_shapes(model, input_shape, data_format)
    with _in(model):
        return summary(plan_for(model, shapes, data_format), data_format, asked)


def sizes(
    model: Model, input_shape: Any = None, *, output: Shape | None = None, data_format: DataFormat | str | None = None
) -> Sizes:
    """Which extents of the input along each axis in space the model accepts, or with `output` which of them yield it.

    `input_shape` is needed where the model does not say its own; its extents in space matter only where one axis
    depends on another. Raises `ConvcliError`.
    """
    from convcli.sizes import accepted, yielding

    data_format = DataFormat.of(data_format or model.data_format)
    shapes = _own_or_given(model, _named_shapes(model, input_shape, data_format))
    with _in(model):
        return accepted(model, shapes) if output is None else yielding(model, shapes, output)


def _named_shapes(model: Model, input_shape: Any, data_format: DataFormat) -> dict[str, Shape]:
    """The input shapes that are given, by name and with channels last."""
    named = input_shape if isinstance(input_shape, Mapping) else {}
    if input_shape is not None and not named:
        named = {_only_input(model): input_shape}
    return {name: data_format.to_last(spec.shape(value)) for name, value in named.items()}


def _only_input(model: Model) -> str:
    if len(model.inputs) > 1:
        raise ConvcliError(f"which input? the model has {', '.join(model.inputs)}", "a shape or array for each by name")
    return next(iter(model.inputs))


def plan_for(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> Plan:
    """The plan of the model on these input shapes (channels last), or on its own where none is given.

    Raises `ConvcliError`; where the shapes would fit in the other data format, or if they were larger, it says so.
    """
    full = _own_or_given(model, shapes)
    try:
        return model.plan(full)
    except ConvcliError as error:
        hint = _other_format(model, full, data_format) or _sizes_that_fit(model, full)
        if hint:
            error.remedy = f"{error.remedy}; {hint}" if error.remedy else hint
        raise


def _own_or_given(model: Model, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shape of each input: as given, else the model's own. Raises `ConvcliError`."""
    for name in shapes:
        if name not in model.inputs:
            raise ConvcliError(f"no input {name!r}", f"the model has {', '.join(model.inputs)}")
    full: dict[str, Shape] = {}
    for name, own in model.inputs.items():
        given = shapes.get(name, own)
        if given is None:
            raise ConvcliError(f"the shape of {name!r} is not known", "-i 28x28x1, or input: in the model")
        full[name] = given
    return full


def _other_format(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> str | None:
    """A hint for shapes that fit once they are read in the other data format, with fewer channels than cells."""
    turned = {name: data_format.misread(shape) for name, shape in shapes.items()}
    fewer = all((shape[-1] or 0) < (extent or 1) for shape in turned.values() for extent in shape[:-1])
    if turned != shapes and fewer and model.plan_if_it_fits(turned):
        return f"the input looks {data_format.other.value}: --data-format {data_format.other.value}"
    return None


def _sizes_that_fit(model: Model, shapes: Mapping[str, Shape]) -> str | None:
    """A hint for inputs whose extents do not fit: the least that do, or which do at all."""
    from convcli.sizes import Accepted, accepted, least

    smallest = least(model, shapes) if len(model.nodes) > 1 else None
    if smallest is None:
        return None
    space = next(iter(shapes.values()))[:-1]
    if any(extent is not None and extent < few for extent, few in zip(space, smallest, strict=True)):
        return f"the model needs an input of at least {'×'.join(map(str, smallest))}"
    axes = [axis for axis in accepted(model, shapes).axes if isinstance(axis, Accepted)]
    fitting = "; ".join(f"{name}: {axis.text}" for name, axis in zip(axis_names(len(axes)), axes, strict=True))
    return f"input sizes that fit: {fitting}"


class Run(Record):
    """A model applied: the plan, the batch size, the values asked for `(batch, *spatial, channels)`, the weights.

    `algorithms` names, for each layer that correlates, the ways that did it, kernel by kernel.
    """

    plan: Plan
    batch: int
    values: dict[str, Array]
    weights: dict[str, dict[str, Array]]
    algorithms: dict[str, tuple[str, ...]]


def run(
    model: Model,
    inputs: Mapping[str, Array],
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
    data_format: DataFormat | None = None,
    labels: Mapping[str, str] | None = None,
) -> Run:
    """Apply the model to arrays by input name and keep the values of the named layers, by default the outputs.

    The arrays follow the rules of rank and number type of the command line; `data_format` is theirs, by default the
    model's, and `labels` what messages call them. Raises `ConvcliError`.
    """
    from convcli import engine

    data_format = data_format or model.data_format
    ready = _batches(model, inputs, dtype, data_format, labels)
    first = next(iter(ready.values()))
    batch, kind = len(first), first.dtype.name
    with _in(model):
        plan = plan_for(model, {name: each.shape[1:] for name, each in ready.items()}, data_format)
    bound = _bound(model, plan, weights, weights_name, seed, kind)
    with _in(model):
        program = engine.Program(
            plan,
            bound,
            keep or model.outputs,
            kind,
            algorithm=algorithm,
            tolerance=tolerance,
            threads=threads,
            samples=batch,
            compiled=compiled,
        )
        try:
            values = program(ready)
        finally:
            program.close()
    return Run(plan, batch, values, bound, program.ran)


def _bound(
    model: Model, plan: Plan, weights: Stored | None, weights_name: str, seed: int | None, dtype: str
) -> dict[str, dict[str, Array]]:
    """The weights of each layer: those given, else those in the model's own archive."""
    from convcli import stored
    from convcli.weights import bind

    if weights is None and model.stored is not None:
        with _in(model):
            weights = stored.read(model.stored)
        weights_name = model.source or weights_name
    if seed is not None and (type(seed) is not int or seed < 0):
        raise ConvcliError(f"seed {seed!r}", "a whole number of at least 0")
    return bind(plan, weights, seed, dtype, weights_name)


def _batches(
    model: Model,
    inputs: Mapping[str, Array],
    dtype: str | None,
    data_format: DataFormat,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Array]:
    """The arrays as batches with channels last, of one number type and as many samples each."""
    import numpy as np

    given = {}
    for name, array in inputs.items():
        with located((labels or {}).get(name, name)):
            given[name] = _as_batch(model, name, batches.to_float(array, dtype), data_format)
    missing = [name for name in model.inputs if name not in given]
    if missing:
        raise ConvcliError(f"no array for the input {missing[0]!r}", "NAME=FILE for each, or one .npz of all")
    sizes = {name: batch.shape[0] for name, batch in given.items()}
    if len(set(sizes.values())) > 1:
        raise ConvcliError(f"batches of different sizes: {sizes}", "as many samples of each input")
    kind = np.result_type(*given.values()).name
    return {name: np.ascontiguousarray(batch, kind) for name, batch in given.items()}


def _as_batch(model: Model, name: str, array: Array, data_format: DataFormat) -> Array:
    if name not in model.inputs:
        raise ConvcliError("the model has no such input", f"it has {', '.join(model.inputs)}")
    if 0 in array.shape:
        raise ConvcliError(f"shape {shape_text(array.shape)} holds no values", "at least one")
    batch = batches.as_batch(array, model.spatial_rank(name), data_format)
    own = model.inputs[name]
    got: Shape = batch.shape[1:]
    if own is None or _allows(own, got):
        return batch
    remedy = f"the model takes {shape_text(data_format.from_last(own))}, ? where any extent will do"
    if _allows(own, data_format.misread(got)):
        remedy = f"it looks {data_format.other.value}: --data-format {data_format.other.value}"
    raise ConvcliError(f"a sample has shape {shape_text(data_format.from_last(got))}", remedy)


class Prepared:
    """A model with its weights, ready to be applied to many arrays of one shape. To be closed, or used as a context."""

    def __init__(self, model: Model, program: engine.Program, dtype: str) -> None:
        self._model, self._program, self._dtype = model, program, dtype

    @property
    def algorithms(self) -> dict[str, tuple[str, ...]]:
        """For each layer that correlates, the ways that its last run took, kernel by kernel; before it those chosen."""
        return self._program.ran

    def __call__(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Array | dict[str, Array]:
        """Apply the model to whole arrays, batch first, as `apply` does. Raises `ConvcliError`."""
        model = self._model
        named = inputs if isinstance(inputs, Mapping) else {_only_input(model): inputs}
        given = _batches(model, {name: _array(array) for name, array in named.items()}, self._dtype, model.data_format)
        for name, shape in self._program.plan.input_shapes.items():
            if given[name].shape[1:] != shape:
                remedy = f"prepared for {shape_text(model.data_format.from_last(shape))}"
                got = shape_text(model.data_format.from_last(given[name].shape[1:]))
                raise ConvcliError(f"{name}: a sample has shape {got}", remedy)
        return _outputs(model, self._program(given))

    def close(self) -> None:
        """Let its threads and spare memory go."""
        self._program.close()

    def __enter__(self) -> Prepared:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def prepare(
    model: Model,
    input_shape: Any = None,
    *,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str = "float32",
    algorithm: str = "auto",
    tolerance: float = TOLERANCE,
    threads: int | None = None,
    compiled: bool | None = None,
) -> Prepared:
    """Plan the model for samples of a shape and prepare its weights, once for as many arrays as there will be.

    `input_shape` is that of one sample, by default the model's own. All is computed in `dtype`, whatever the arrays
    are of; the other arguments are those of `apply`. Raises `ConvcliError`.
    """
    from convcli import engine

    batches.check_dtype(dtype)
    shapes = _named_shapes(model, input_shape, model.data_format)
    with _in(model):
        plan = plan_for(model, shapes, model.data_format)
        for name, shape in plan.input_shapes.items():
            if None in shape:
                raise ConvcliError(f"{name}: shape {shape_text(shape)}", "every extent known")
    bound = _bound(model, plan, *_weights(weights), seed, dtype)
    with _in(model):
        program = engine.Program(
            plan,
            bound,
            model.outputs,
            dtype,
            algorithm=algorithm,
            tolerance=tolerance,
            threads=threads,
            samples=engine.MANY,
            compiled=compiled,
        )
    return Prepared(model, program, dtype)


def _outputs(model: Model, values: Mapping[str, Array]) -> Array | dict[str, Array]:
    """The outputs in the model's data format; a mapping where there are several."""
    found = {name: batches.from_batch(values[name], model.data_format) for name in model.outputs}
    return found if len(found) > 1 else next(iter(found.values()))


def _array(value: ArrayLike) -> Array:
    import numpy as np

    try:
        return np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ConvcliError(f"not an array: {error}") from None


def _allows(own: Shape, got: Shape) -> bool:
    """Whether an input of the model's own shape, with unknown extents, may have the shape that it got."""
    return len(own) == len(got) and all(a in (None, b) for a, b in zip(own, got, strict=True))


def apply(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    *,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str | None = None,
    algorithm: str = "auto",
    tolerance: float = TOLERANCE,
    threads: int | None = None,
    compiled: bool | None = None,
) -> Array | dict[str, Array]:
    """Apply the model to an array, or to a mapping of arrays by input name.

    The result is whole: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` in a channels_first model; a
    mapping by name where the model has several outputs. `weights` maps `LAYER/VARIABLE` to arrays, or is a file of
    them; `seed` draws those that are in neither. float32 and float16 are computed in float32, all else in float64,
    unless `dtype` says. `algorithm` is how to correlate, by default what is the fastest; in float32 that may be off by
    `tolerance` of the largest sum of products more than such sums are themselves (0: none but those). `threads` is how
    many work, by default all cores; the result is the same for any. `compiled` is whether to use compiled code (extra
    `fast`), by default where that repays its start-up. Raises `ConvcliError`.
    """
    named = inputs if isinstance(inputs, Mapping) else {_only_input(model): inputs}
    given = {name: _array(array) for name, array in named.items()}
    held, source = _weights(weights)
    done = run(
        model,
        given,
        weights=held,
        weights_name=source,
        seed=seed,
        dtype=dtype,
        algorithm=algorithm,
        tolerance=tolerance,
        threads=threads,
        compiled=compiled,
    )
    return _outputs(model, done.values)


def _weights(weights: Weights) -> tuple[Stored | None, str]:
    """The weights by key, and what messages call them."""
    if not isinstance(weights, str | os.PathLike):
        return weights, "weights"
    from convcli import stored

    return stored.load(os.fspath(weights)), os.fspath(weights)


def convolve(
    array: ArrayLike,
    kernel: ArrayLike,
    *,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    padding_mode: str = "zeros",
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    bias: ArrayLike = 0,
    activation: str | None = None,
    flip_kernel: bool = False,
    data_format: str = "channels_last",
    dtype: str | None = None,
    algorithm: str = "auto",
    tolerance: float = TOLERANCE,
    threads: int | None = None,
    compiled: bool | None = None,
) -> Array:
    """Slide a kernel over an array: cross-correlation, or with `flip_kernel` convolution.

    A kernel of rank 1 or 2 is one filter; one of rank 3, 4 or 5 is a Keras kernel `(*k, in/groups, filters)`. The array
    is one sample of one channel if its rank is the number of spatial axes, with channels if one more, with a batch too
    if two more. The options are those of Keras's `Conv2D` and of `apply`; the result is whole, as from `apply`. Raises
    `ConvcliError`.

    >>> convolve([0, 0, 0, 1, 1, 0, 0, 0], [0, 1, 0]).ravel()
    array([0., 0., 1., 1., 0., 0.])
    """
    from convcli.readers.kernel import mapping

    ((kind, arguments),) = mapping(_array(kernel), "kernel")["layers"][0].items()
    options = {
        "strides": strides,
        "padding": padding,
        "padding_mode": padding_mode,
        "dilation_rate": dilation_rate,
        "groups": groups,
        "bias": _array(bias),
        "activation": activation,
        "flip_kernel": flip_kernel,
    }
    model = load([{kind: {**arguments, **options}}], data_format=data_format)
    result = apply(
        model, array, dtype=dtype, algorithm=algorithm, tolerance=tolerance, threads=threads, compiled=compiled
    )
    assert not isinstance(result, dict)
    return result
