"""The library: load a model, ask for its shapes and counts, apply it to arrays; or one function, `convolve`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli.analysis.planning import named_shapes, only_input, plan_for
from convcli.core.errors import ConvcliError, located, nearest
from convcli.core.lazy_imports import Array
from convcli.core.option_words import BYTES, COUNTS
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, shape_text
from convcli.core.threads import Closing
from convcli.engine.run import AS_THEY_ARE, TOLERANCE, Run, Task, batched, bind_weights, common_type, sources
from convcli.io import layout
from convcli.io.arrays import Mapped
from convcli.io.preprocessing import Preparation
from convcli.learning.options import BATCH_SIZE, DTYPE, OPTIMIZER, Options
from convcli.learning.training import Training
from convcli.model.graph import Model
from convcli.output.report.shape import Asked, summary
from convcli.readers.load import load, located_in

__all__ = ["Fitted", "Prepared", "apply", "convolve", "explain", "fit", "load", "prepare", "summarize"]

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convcli.engine.bind_weights import Stored
    from convcli.engine.program import Program
    from convcli.output.report.explain import Explained
    from convcli.output.report.page_data import Scene

Weights = Mapping[str, Any] | str | os.PathLike[str] | None


def run(model: Model, inputs: Mapping[str, Array | Mapped], **settings: Any) -> Run:
    """Apply the model to arrays by input name, all at once; the other arguments are those of `Task`."""
    with Task(model, inputs, **settings) as task:
        return task.run()


class Prepared(Closing):
    """A model with its weights, ready to be applied to many arrays of one shape. To be closed, or used as a context."""

    def __init__(self, model: Model, program: Program, dtype: str) -> None:
        self._model, self._program, self._dtype = model, program, dtype

    @property
    def algorithms(self) -> dict[str, tuple[str, ...]]:
        """For each layer that correlates, the ways that its last run took, kernel by kernel; before it those chosen."""
        return self._program.algorithms_used

    def __call__(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Array | dict[str, Array]:
        """Apply the model to whole arrays, batch first, as `apply` does. Raises `ConvcliError`."""
        model = self._model
        named = named_inputs(model, inputs)
        given = batched(model, {name: array_of(array) for name, array in named.items()}, self._dtype, model.data_format)
        for name, shape in self._program.plan.input_shapes.items():
            if given[name].shape[1:] != shape:
                remedy = f"prepared for {shape_text(model.data_format.from_last(shape))}"
                got = shape_text(model.data_format.from_last(given[name].shape[1:]))
                raise ConvcliError(f"{name}: a sample has shape {got}", remedy)
        return _outputs(model, self._program(given))

    def close(self) -> None:
        """Let its threads and spare memory go."""
        self._program.close()


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
    from convcli.engine.program import MANY_SAMPLES, build_program

    layout.check_dtype(dtype)
    shapes = named_shapes(model, input_shape, model.data_format)
    with located_in(model):
        plan = plan_for(model, shapes, model.data_format)
        for name, shape in plan.input_shapes.items():
            if None in shape:
                raise ConvcliError(f"{name}: shape {shape_text(shape)}", "every extent known")
    bound = bind_weights(model, plan, *weights_of(weights), seed, dtype)
    with located_in(model):
        program = build_program(
            plan,
            bound,
            model.outputs,
            dtype,
            algorithm=algorithm,
            tolerance=tolerance,
            threads=threads,
            samples=MANY_SAMPLES,
            compiled=compiled,
        )
    return Prepared(model, program, dtype)


def _outputs(model: Model, values: Mapping[str, Array]) -> Array | dict[str, Array]:
    """The outputs in the model's data format; a mapping where there are several."""
    found = {name: layout.from_batch(values[name], model.data_format) for name in model.outputs}
    return found if len(found) > 1 else next(iter(found.values()))


def named_inputs(model: Model, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Mapping[str, ArrayLike]:
    """The arrays by input name, as a model of one input may be given without."""
    return inputs if isinstance(inputs, Mapping) else {only_input(model): inputs}


def array_of(value: ArrayLike) -> Array:
    """A value as an array. Raises `ConvcliError`."""
    import numpy as np

    try:
        return np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ConvcliError(f"not an array: {error}") from None


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
    named = named_inputs(model, inputs)
    given = {name: array_of(array) for name, array in named.items()}
    held, source = weights_of(weights)
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


def weights_of(weights: Weights) -> tuple[Stored | None, str]:
    """The weights by key, and what messages call them."""
    if not isinstance(weights, str | os.PathLike):
        return weights, "weights"
    from convcli.io import weights_file

    return weights_file.load(os.fspath(weights)), os.fspath(weights)


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
    from convcli.readers.bare_kernel import mapping

    ((kind, arguments),) = mapping(array_of(kernel), "kernel")["layers"][0].items()
    options = {
        "strides": strides,
        "padding": padding,
        "padding_mode": padding_mode,
        "dilation_rate": dilation_rate,
        "groups": groups,
        "bias": array_of(bias),
        "activation": activation,
        "flip_kernel": flip_kernel,
    }
    model = load([{kind: {**arguments, **options}}], data_format=data_format)
    result = apply(
        model, array, dtype=dtype, algorithm=algorithm, tolerance=tolerance, threads=threads, compiled=compiled
    )
    assert not isinstance(result, dict)
    return result


def explained(
    model: Model,
    inputs: Mapping[str, Array],
    layer: str | None = None,
    *,
    sample: int = 0,
    dtype: str | None = None,
    data_format: DataFormat | None = None,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
    **settings: Any,
) -> Explained:
    """A layer, by default the output, whose values are to be explained: the model applied to one sample as far as it.

    The other arguments are those of `run`. Raises `ConvcliError`.
    """
    from convcli.engine.explain import Explainer
    from convcli.output.report.apply import map_names
    from convcli.output.report.explain import Explained, check_sample

    node = _node(model, layer)
    found = sources(model, inputs, data_format or model.data_format, labels, preparation)
    check_sample(sample, next(iter(found.values())).shape[0])
    chosen, kind = slice(sample, sample + 1), common_type(found, dtype)
    one = {name: each.part(kind, chosen) for name, each in found.items()}
    taken = [each for each in node.inputs if isinstance(each, str)]
    before = [name for name in taken if name not in one]
    done = run(model, one, keep=before, also=[node.owner], data_format=DataFormat.CHANNELS_LAST, **settings)
    row = next(each for each in done.plan.layers if each.name == node.name)
    values = {**one, **done.values}
    explainer = Explainer(row, [values[name] for name in taken], done.weights[node.owner])
    return Explained(row, sample, map_names(done.plan)[row.name], explainer)


def _node(model: Model, layer: str | None) -> Any:
    nodes = {node.name: node for node in model.nodes}
    if layer is None and len(model.outputs) > 1:
        raise ConvcliError(f"the model has several outputs: {', '.join(model.outputs)}", "--layer-output NAME")
    name = model.outputs[0] if layer is None else layer
    if name not in nodes:
        raise ConvcliError(f"no layer {name!r}", nearest(name, nodes))
    return nodes[name]


def explain(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    at: Sequence[int] = (),
    *,
    map: str | int = 0,  # noqa: A002
    layer: str | None = None,
    sample: int = 0,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str | None = None,
) -> dict[str, Any]:
    """The working behind the value at a place in space, from 0, of one of a layer's maps: `convcli explain -f json`.

    `map` is a map's name or number, `layer` a layer's name, by default the output. The other arguments are those of
    `apply`. Raises `ConvcliError`.
    """
    from convcli.output.report.apply import map_place

    held, source = weights_of(weights)
    given = {name: array_of(array) for name, array in named_inputs(model, inputs).items()}
    found = explained(model, given, layer, sample=sample, weights=held, weights_name=source, seed=seed, dtype=dtype)
    with located("map"):
        number = map_place(found.names, map)
    return found.at(found.checked(at), number).mapping()


def scene(
    model: Model,
    inputs: Mapping[str, Array],
    layers: Sequence[str] | str | None = None,
    *,
    dtype: str | None = None,
    data_format: DataFormat | None = None,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
    **settings: Any,
) -> Scene:
    """All that a page shows of the model on these arrays, as far as it leads to the named layers, or to the one output.

    The other arguments are those of `run`. Raises `ConvcliError`.
    """
    from convcli.output.report.apply import map_names
    from convcli.output.report.page_data import Scene, check, parts_of

    ready = batched(model, inputs, dtype, data_format or model.data_format, labels, preparation)
    shapes = {name: array.shape[1:] for name, array in ready.items()}
    with located_in(model):
        wanted = [_node(model, layers).name] if layers is None or isinstance(layers, str) else layers
        plan = plan_for(model, shapes, DataFormat.CHANNELS_LAST).pruned_to(wanted)
        check(plan, len(next(iter(ready.values()))))
    every = [layer.name for layer in plan.layers]
    done = run(model, ready, keep=every, data_format=DataFormat.CHANNELS_LAST, **settings)
    parts, values = parts_of(plan, {**ready, **done.values}, done.weights, map_names(plan))
    names = {name: tuple(f"channel {each}" for each in range(array.shape[-1])) for name, array in ready.items()}
    return Scene(model.name, values, names, parts)


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
    shapes = named_shapes(model, input_shape, data_format)
    with located_in(model):
        return summary(plan_for(model, shapes, data_format), data_format, asked)


class Fitted(Record):
    """What was learned: weights by `LAYER/VARIABLE`, as `apply` takes them, and each epoch's figures by name."""

    weights: dict[str, Array]
    history: dict[str, list[float]]


def fit(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    targets: ArrayLike | Mapping[str, ArrayLike],
    *,
    loss: str | None = None,
    optimizer: str = OPTIMIZER,
    learning_rate: float | None = None,
    momentum: float = 0.0,
    epochs: int | None = None,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
    validation_split: float = 0.0,
    weights: Weights = None,
    freeze: Sequence[str] = (),
    patience: int | None = None,
    dtype: str = DTYPE,
    threads: int | None = None,
) -> Fitted:
    """Learn the model's weights by mini-batch gradient descent, to make the targets of the inputs.

    Targets are whole, batch first; classes are whole numbers `(batch,)`. The other arguments are the options of
    `convcli fit`. Raises `ConvcliError`.
    """
    named = named_inputs(model, inputs)
    goals = targets if isinstance(targets, Mapping) else {model.outputs[0]: targets}
    held, source = weights_of(weights)
    options = Options(
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        validation_split=validation_split,
        freeze=(freeze,) if isinstance(freeze, str) else tuple(freeze),
        patience=patience,
        dtype=dtype,
    )
    given = {name: array_of(array) for name, array in named.items()}
    wanted = {name: array_of(array) for name, array in goals.items()}
    with Training(model, given, wanted, options, weights=held, weights_name=source, threads=threads) as lesson:
        done = lesson.learn()
    if done.problem is not None:
        raise done.problem
    return Fitted(done.stored, done.history)
