"""The library: load a model, plan it, run it on arrays, explain its values, learn its weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from convcli.analysis.planning import named_shapes, only_input, plan_for
from convcli.core.closeable import Closeable
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.core.option_choices import COUNTS
from convcli.core.plain_numbers import plain_numbers
from convcli.core.records import Record, replace
from convcli.core.shapes import DataFormat, format_shape
from convcli.engine.algorithms.table import AUTO
from convcli.engine.execution import TOLERANCE, Execution
from convcli.io import layout
from convcli.learning.options import BATCH_SIZE, DTYPE, OPTIMIZER, Options
from convcli.model.graph import Model
from convcli.output.report.shape import SummaryOptions, model_summary, shape_report
from convcli.readers.load import Source, load_model, located_in

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convcli.engine.bind_weights import WeightSource
    from convcli.engine.program import Program
    from convcli.engine.run import NamedArrays

__all__ = ["Fitted", "LoadedModel", "Prepared", "apply", "convolve", "explain", "fit", "load", "prepare", "summarize"]

Weights = Mapping[str, Any] | str | os.PathLike[str] | None
Function = TypeVar("Function", bound=Callable[..., Any])

ARRAYS = ("model", "inputs", "targets", "array", "kernel", "weights", "bias")  # arguments that keep their own types


def _takes_numpy_numbers(function: Function) -> Function:
    """Let a function take NumPy's whole numbers and floats, such as `argmax` returns, where it takes Python's."""
    names = function.__code__.co_varnames

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        arguments = (
            value if name in ARRAYS else plain_numbers(value) for name, value in zip(names, args, strict=False)
        )
        return function(
            *arguments,
            *args[len(names) :],
            **{name: value if name in ARRAYS else plain_numbers(value) for name, value in options.items()},
        )

    return cast("Function", call)


class LoadedModel(Model):
    """A model as `load` returns it: the graph of its layers, which `print(model.summary())` shows as a table."""

    def summary(self, input_shape: Any = None, **options: Any) -> str:
        """Return the table of `convcli shape`: a row a layer, the totals, and what they mean.

        Args:
            input_shape: As for `summarize`.
            options: Any other arguments of `summarize`, such as `explain=True` or `batch=32`.

        Raises:
            ConvcliError: As for `summarize`.

        >>> print(load(["Dense(10)"]).summary((8,)).splitlines()[0])
        model  (8,) → (10,)
        """
        from convcli.output.render.table import render_table

        options = plain_numbers(options)
        values = summarize(self, input_shape, **{"memory": True, **options})
        by_layer = not options.keys().isdisjoint(("batch", "dtype"))
        return render_table(shape_report(self, values, options.get("batch"), by_layer)).decode().rstrip("\n")


@_takes_numpy_numbers
def load(
    source: Source, *, data_format: str | None = None, dialect: str | None = None, listed_order: bool = False
) -> LoadedModel:
    """Load a model from a file, or from a plain mapping or list of layers such as a file holds.

    Args:
        source: A path (YAML, JSON, Keras's JSON or `.keras`, PyTorch's text, or an array file with one kernel), an
            expression `nn.Sequential(…)`, a mapping with `layers`, or a list of layers.
        data_format: `channels_last` or `channels_first`, used where the model does not say. Default: `channels_last`.
        dialect: `keras` or `torch`: whose words the layers are in, where both have a name. Default: the other layers'.
        listed_order: Whether to take the parts of a printed PyTorch model in the order of the text, where it does not
            say how they are used.

    Returns:
        The model.

    Raises:
        ConvcliError: The file cannot be read, or it does not describe a model. The message names the layer.

    >>> load(["Conv2D(40, 3)", "flatten", "dense(10)"])
    <Model 'model': input ?, 3 layers, output dense>
    """
    return LoadedModel(**vars(load_model(source, data_format, dialect, listed_order)))


@_takes_numpy_numbers
def summarize(
    model: Model,
    input_shape: Any = None,
    *,
    data_format: DataFormat | str | None = None,
    batch: int | None = None,
    dtype: str = next(iter(BYTES_PER_VALUE)),
    count: str = COUNTS[0],
    explain: bool = False,
    at: int | Sequence[int] | None = None,
    memory: bool = False,
) -> dict[str, Any]:
    """Return a model's shapes, parameters, multiply-accumulates and receptive fields, computed without data.

    Args:
        model: What `load` returns.
        input_shape: The shape of one sample, such as `(28, 28, 1)`, None for an unknown extent; a mapping NAME: SHAPE
            for several inputs. By default the model's own.
        data_format: The axis order of shapes, `channels_last` or `channels_first`; by default the model's.
        batch: The batch size in output shapes and in bytes; None: unknown in shapes, 1 in bytes.
        dtype: The type of number that bytes are counted in, `float32` or another of `convcli shape --dtype`.
        count: What is counted beside multiply-accumulates: `macs` (nothing), `flops`, or `detail` (every way).
        explain: Whether each layer has `working`, its formulas with its numbers.
        at: A cell, an index for each axis in space, or the one index; each layer then says which input cells its cell
            there sees.
        memory: Whether bytes of weights and values are included.

    Returns:
        The mapping that `convcli shape -f json` prints.

    Raises:
        ConvcliError: A layer does not suit its input, or an argument is out of range.

    >>> model = load(["Conv2D(40, 3)", "flatten", "dense(10)"])
    >>> summary = summarize(model, (28, 28, 1))
    >>> summary["params"], summary["output_shape"]  # (3 * 3 * 1) * 40 + 40 + (26 * 26 * 40) * 10 + 10
    (270810, [None, 10])
    """
    _check_model(model, "summarize(model, input_shape)")
    options = SummaryOptions(batch, dtype, count, explain, None if at is None else _cell(at), memory)
    return model_summary(model, input_shape, data_format, options)


@_takes_numpy_numbers
def apply(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    *,
    layer_output: str | None = None,
    axes: str | None = None,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str | None = None,
    algorithm: str = AUTO,
    tolerance: float = TOLERANCE,
    threads: int | None = None,
) -> Array | Any:
    """Run a model on an array.

    Args:
        model: What `load` returns.
        inputs: The array; for a model of several inputs a mapping NAME: ARRAY. Its rank says what it is: the model's
            spatial rank for one sample of one channel, one axis more for channels, two more for a batch too.
        layer_output: The name of the layer whose maps are returned; by default the model's output.
        axes: What the axes of the array are, one letter each, such as `zyx` or `byxc`: `b` batch, `z y x` space, `c`
            channels, `t` time. The result has the order of the model.
        weights: The values of weights, a mapping `LAYER/VARIABLE`: ARRAY or a weights file; by default the model's own.
        seed: Draws the weights that are in neither, as Keras does.
        dtype: The type to compute in, `float32` or `float64`; by default float32 for float32 and float16 inputs, else
            float64, so that whole numbers stay exact.
        algorithm: How to correlate, a name of `convcli apply --algorithm`; `auto`: the fastest for each layer.
        tolerance: How far a float32 result may be off, relative to the largest sum of products; 0: by the rounding of
            sums alone.
        threads: How many threads work; by default one for each core. The result does not depend on it.

    Returns:
        The output, `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` of a channels_first model; a mapping
        by name where the model has several outputs.

    Raises:
        ConvcliError: Arrays, weights or options do not suit the model, or there is too little memory.

    >>> import numpy as np
    >>> bump = load([{"conv1d": {"filters": [0, 1, 0]}}])
    >>> apply(bump, np.array([0, 0, 0, 1, 1, 0, 0, 0])).shape
    (1, 6, 1)
    """
    from convcli.engine.explain.explained_layer import find_layer
    from convcli.engine.run import prepare_run

    _check_model(model, "apply(model, inputs)")
    execution = Execution(dtype=dtype, algorithm=algorithm, tolerance=tolerance, threads=threads)
    arrays, source = _named_arrays(model, inputs, axes), _weight_source(weights, seed)
    outputs = model.outputs if layer_output is None else (find_layer(model, layer_output).name,)
    with prepare_run(model, arrays, source, execution, outputs=outputs) as run:
        return _in_model_format(model, run.result().outputs)


class Prepared(Closeable):
    """A model with its weights, ready for many arrays of one shape. Close it, or use it in a `with` block."""

    def __init__(self, model: Model, program: Program, dtype: str) -> None:
        self._model, self._program, self._dtype = model, program, dtype

    def __repr__(self) -> str:
        """Return the model, and the shapes that it is prepared for."""
        shapes = self._program.plan.input_shapes.values()
        shown = (format_shape(self._model.data_format.from_channels_last(shape)) for shape in shapes)
        return f"<Prepared {self._model!r} for {', '.join(shown)}, {self._dtype}>"

    @property
    def algorithms(self) -> dict[str, tuple[str, ...]]:
        """For each layer that correlates the algorithms of its last run, kernel by kernel; before it those chosen."""
        return self._program.algorithms_used

    def __call__(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Array | Any:
        """Run the model on an array, as `apply` does.

        Raises:
            ConvcliError: The array does not have the shape that the model was prepared for.
        """
        from convcli.engine.run import Batch

        model = self._model
        batch = Batch(model, _named_arrays(model, inputs), self._dtype)
        for name, shape in self._program.plan.input_shapes.items():
            if batch.shapes[name] != shape:
                remedy = f"prepared for {format_shape(model.data_format.from_channels_last(shape))}"
                text = format_shape(model.data_format.from_channels_last(batch.shapes[name]))
                raise ConvcliError(f"{name}: a sample has shape {text}", remedy)
        batch.check_memory()
        return _in_model_format(model, self._program(batch.read()))

    def close(self) -> None:
        """End its threads and free its memory."""
        self._program.close()


@_takes_numpy_numbers
def prepare(
    model: Model,
    input_shape: Any = None,
    *,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str = "float32",
    algorithm: str = AUTO,
    tolerance: float = TOLERANCE,
    threads: int | None = None,
) -> Prepared:
    """Plan a model for samples of one shape and prepare its weights, once for as many arrays as there will be.

    Args:
        model: What `load` returns.
        input_shape: The shape of one sample, all extents known; a mapping NAME: SHAPE for several inputs. By default
            the model's own.
        dtype: The type to compute in, whatever the arrays are of: `float32` or `float64`.
        weights, seed, algorithm, tolerance, threads: As for `apply`.

    Returns:
        A function of an array, `Prepared`.

    Raises:
        ConvcliError: The shape, weights or options do not suit the model, or there is too little memory.

    >>> import numpy as np
    >>> with prepare(load(["Conv2D(4, 3)"]), (8, 8, 1), seed=1) as run:
    ...     [run(np.full((8, 8), brightness, "float32")).shape for brightness in (0, 1)]
    [(1, 6, 6, 4), (1, 6, 6, 4)]
    """
    from convcli.engine.bind_weights import bind
    from convcli.engine.program import MANY_SAMPLES, build_program

    _check_model(model, "prepare(model, input_shape)")
    layout.check_dtype(dtype)
    execution = Execution(dtype=dtype, algorithm=algorithm, tolerance=tolerance, threads=threads)
    shapes = named_shapes(model, input_shape, model.data_format)
    with located_in(model):
        plan = plan_for(model, shapes, model.data_format)
        plan.require_known()
        for name, shape in plan.input_shapes.items():
            if None in shape:
                raise ConvcliError(f"{name}: shape {format_shape(shape)}", "every extent known")
    bound = bind(plan, _weight_source(weights, seed), dtype)
    with located_in(model):
        return Prepared(model, build_program(plan, bound, model.outputs, execution, samples=MANY_SAMPLES), dtype)


@_takes_numpy_numbers
def convolve(
    array: ArrayLike,
    kernel: ArrayLike | str,
    *,
    axes: str | None = None,
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
    algorithm: str = AUTO,
    tolerance: float = TOLERANCE,
    threads: int | None = None,
) -> Array:
    """Slide a kernel over an array.

    Args:
        array: One sample of one channel if its rank is the number of spatial axes; with channels if one more, with a
            batch too if two more.
        kernel: Of rank 1 or 2: one filter. Of rank 3, 4 or 5: a Keras kernel `(*k, in/groups, filters)`. Or the name of
            a filter of the bank, such as `sobel-x` or `gaussian:sigma=2`, or of a file.
        axes: As for `apply`.
        strides, dilation_rate: A number of cells, or one for each axis.
        padding: `valid`, `same`, `same_lower`, `causal`, `full`, a number of cells, or `[[before, after], …]`.
        padding_mode: `zeros`, `reflect`, `symmetric` (SciPy's `reflect`), `replicate` or `circular`.
        groups: Into how many groups the channels are split.
        bias: A number, or one for each filter.
        activation: The name of a Keras activation.
        flip_kernel: True: convolution as in signal processing, the kernel reversed on every axis. False:
            cross-correlation, which deep learning calls convolution.
        data_format: Where the channels are, `channels_last` or `channels_first`.
        dtype, algorithm, tolerance, threads: As for `apply`.

    Returns:
        The feature maps, `(batch, *spatial, filters)`, or `(batch, filters, *spatial)` with channels_first.

    Raises:
        ConvcliError: The kernel does not fit the array, or an option is out of range.

    >>> convolve([0, 0, 0, 1, 1, 0, 0, 0], [0, 1, 0]).ravel()
    array([0., 0., 1., 1., 0., 0.])
    """
    if isinstance(array, str):
        raise ConvcliError(f"the array is {array!r}", "convolve(array, kernel)")
    array = _array(array)
    layer, arguments = _convolution(kernel, array, axes)
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
    model = load([{layer: {**arguments, **options}}], data_format=data_format)
    return apply(model, array, axes=axes, dtype=dtype, algorithm=algorithm, tolerance=tolerance, threads=threads)


def _convolution(kernel: ArrayLike | str, array: Array, axes: str | None) -> tuple[str, dict[str, Any]]:
    """Return the layer of a kernel: its type, and the kernel among its arguments.

    A filter of the bank that may have any rank takes the array's.
    """
    from convcli.io.axes import filter_rank
    from convcli.model import filter_bank
    from convcli.readers.bare_kernel import mapping
    from convcli.readers.weight_values import weight_value

    if not isinstance(kernel, str):
        values = _array(kernel)
    else:
        with located("kernel"):
            values = weight_value(kernel, "", filter_rank(array.ndim, axes)).array()
        if filter_bank.is_known(kernel):
            return f"conv{values.ndim}d", {"filters": {kernel: values}}
    ((layer, arguments),) = mapping(values, "kernel")["layers"][0].items()
    return layer, arguments


@_takes_numpy_numbers
def explain(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    at: int | Sequence[int] = (),
    *,
    map: str | int = 0,  # noqa: A002
    layer: str | None = None,
    sample: int = 0,
    axes: str | None = None,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str | None = None,
) -> dict[str, Any]:
    """Return how one value of a feature map is computed.

    Args:
        model: What `load` returns.
        inputs: As for `apply`.
        at: The cell of the value, an index for each axis in space, from 0; or the one index.
        map: The feature map, by its name or its number from 0.
        layer: The layer's name; by default the model's output.
        sample: Which sample of the batch, from 0.
        axes, weights, seed, dtype: As for `apply`.

    Returns:
        The mapping that `convcli explain -f json` prints: `patch`, `kernel`, `products`, `sum`, `bias`, `value` and
        more.

    Raises:
        ConvcliError: There is no such layer, map, sample or cell; or the model cannot be run, as in `apply`.

    >>> import numpy as np
    >>> bump = load([{"conv1d": {"filters": [0, 1, 0]}}])
    >>> explain(bump, np.array([0, 0, 0, 1, 1, 0, 0, 0]), at=(2,))["value"]  # 0*0 + 1*1 + 0*1
    1.0
    """
    from convcli.analysis.map_names import map_index
    from convcli.engine.explain.explained_layer import explained_layer
    from convcli.output.report.explain import explanation_mapping

    _check_model(model, "explain(model, inputs, at)")
    source = _weight_source(weights, seed)
    explained = explained_layer(
        model, _named_arrays(model, inputs, axes), source, Execution(dtype=dtype), layer, sample
    )
    with located("map"):
        index = map_index(explained.map_names, map)
    return explanation_mapping(explained.explain(_cell(at), index))


class Fitted(Record):
    """The outcome of training: weights by `LAYER/VARIABLE`, as `apply` takes them, and each epoch's figures by name."""

    weights: dict[str, Array]
    history: dict[str, list[float]]

    def __repr__(self) -> str:
        """Return the names of the weights, and the last value of each figure: the values would fill pages."""
        losses = "".join(f", {name} {values[-1]:.6g}" for name, values in self.history.items())
        return f"<Fitted {', '.join(self.weights)}: {len(self.history['loss'])} epochs{losses}>"


@_takes_numpy_numbers
def fit(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    targets: ArrayLike | Mapping[str, ArrayLike],
    *,
    axes: str | None = None,
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
    """Learn a model's weights by mini-batch gradient descent, so that it computes the targets from the inputs.

    Args:
        model: What `load` returns. Weights that it holds are where learning begins.
        inputs: The samples, as for `apply`.
        targets: The outputs to learn, batch first; for classes whole numbers `(batch,)`. A mapping NAME: ARRAY for
            several outputs.
        axes: What the axes of the inputs are, as for `apply`.
        loss: The name of a Keras loss; by default sparse_categorical_crossentropy for classes,
            categorical_crossentropy after softmax, binary_crossentropy after sigmoid, else mse.
        optimizer: `adam`, `sgd` or `rmsprop`.
        learning_rate: The size of the optimizer's steps; by default Keras's for that optimizer.
        momentum: For sgd and rmsprop, the share of each step that goes into the next, in [0, 1).
        epochs: How often all samples are seen; by default as often as 5,000 updates need, at least 10.
        batch_size: Samples in a minibatch.
        seed: The seed of all random choices: drawn weights, the order of samples, dropout.
        validation_split: The share of the samples, the last ones, that is kept for validation.
        weights: Where learning begins, as for `apply`.
        freeze: Names of layers whose weights do not change.
        patience: After how many epochs without a better loss to stop; the best epoch's weights are returned.
        dtype: The type to compute in, `float32` or `float64`.
        threads: How many threads work; by default one for each core. The result does not depend on it.

    Returns:
        The learned `weights`, by `LAYER/VARIABLE`, and `history`: the loss and metrics of each epoch, by name.

    Raises:
        ConvcliError: Inputs, targets or options do not suit the model, or the loss is no longer finite.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(64, 16, 1))
    >>> learned = fit(load(["Conv1D(1, 3)"]), x, x[:, 1:-1], epochs=50, learning_rate=0.05)
    >>> [f"{abs(value):.2f}" for value in learned.weights["conv1d/kernel"].ravel()]  # the identity
    ['0.00', '1.00', '0.00']
    """
    from convcli.learning.prepare_training import prepare_training

    _check_model(model, "fit(model, inputs, targets)")
    named = targets if isinstance(targets, Mapping) else {model.outputs[0]: targets}
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
    arrays, source = _named_arrays(model, inputs, axes), _weight_source(weights, None)
    with prepare_training(model, arrays, _arrays(named, model), options, source, threads=threads) as training:
        result = training.run()
    if result.error is not None:
        raise result.error
    return Fitted(result.weights_by_key, result.history)


def _cell(at: int | Sequence[int]) -> tuple[int, ...]:
    """Return a cell as an index for each axis; a number alone is the index of a single axis."""
    return tuple(plain_numbers(list(at))) if isinstance(at, Iterable) else (at,)


def _check_model(model: object, call: str) -> None:
    """Raise `ConvcliError` where the first argument of a call is not a model."""
    if not isinstance(model, Model):
        remedy = f"{call}, and load(…) makes a model from a file or a list of layers"
        raise ConvcliError(f"the first argument is of type {type(model).__name__}, not a model", remedy)


def _named_arrays(model: Model, inputs: ArrayLike | Mapping[str, ArrayLike], axes: str | None = None) -> NamedArrays:
    """Return the inputs by name; a model of one input may have its array without."""
    arrays = _arrays(inputs if isinstance(inputs, Mapping) else {only_input(model): inputs}, model)
    if axes is None:
        return arrays
    from convcli.io.axes import parse_axes

    with located("axes"):
        if len(model.inputs) > 1:
            raise ConvcliError("the model has several inputs", "arrays in the model's order, without axes=")
        return replace(arrays, axes=parse_axes(axes))


def _arrays(named: Mapping[str, ArrayLike], model: Model) -> NamedArrays:
    from convcli.engine.run import NamedArrays

    return NamedArrays({name: _array(value) for name, value in named.items()}, model.data_format)


def _array(value: ArrayLike) -> Array:
    """Return a value as an array. Raises `ConvcliError` where it cannot be one."""
    import numpy as np

    try:
        return np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ConvcliError(f"not an array: {error}") from None


def _weight_source(weights: Weights, seed: int | None) -> WeightSource:
    """Return where weights come from; a file of them is loaded, and messages call it by its name."""
    from convcli.engine.bind_weights import WeightSource

    if not isinstance(weights, str | os.PathLike):
        return WeightSource(weights, seed=seed)
    from convcli.io import weights_file

    name = os.fspath(weights)
    return WeightSource(weights_file.load(name), name, seed)


def _in_model_format(model: Model, outputs: Mapping[str, Array]) -> Array | dict[str, Array]:
    """Return outputs in the model's data format: an array, or a mapping where there are several."""
    arrays = {name: layout.from_batch(array, model.data_format) for name, array in outputs.items()}
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))
