"""A model applied to arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli import batches
from convcli._lazy import Array
from convcli.api.models import load, within
from convcli.api.shapes import named_shapes, only_input, plan_for
from convcli.api.tasks import TOLERANCE, Run, Task, batched, bind_weights
from convcli.arrays import Mapped
from convcli.errors import ConvcliError
from convcli.geometry import shape_text
from convcli.model import Model
from convcli.threads import Closing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convcli import engine
    from convcli.weights import Stored

Weights = Mapping[str, Any] | str | os.PathLike[str] | None


def run(model: Model, inputs: Mapping[str, Array | Mapped], **settings: Any) -> Run:
    """Apply the model to arrays by input name, all at once; the other arguments are those of `Task`."""
    with Task(model, inputs, **settings) as task:
        return task.run()


class Prepared(Closing):
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
    from convcli import engine

    batches.check_dtype(dtype)
    shapes = named_shapes(model, input_shape, model.data_format)
    with within(model):
        plan = plan_for(model, shapes, model.data_format)
        for name, shape in plan.input_shapes.items():
            if None in shape:
                raise ConvcliError(f"{name}: shape {shape_text(shape)}", "every extent known")
    bound = bind_weights(model, plan, *weights_of(weights), seed, dtype)
    with within(model):
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
