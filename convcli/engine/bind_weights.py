"""Every weight of a plan: from a weights file, from the model, or drawn."""

from __future__ import annotations

import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from convcli.core import memory
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.core.memory import check_array_size
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.core.shapes import format_shape, known
from convcli.io import layout
from convcli.model.graph import Model
from convcli.model.layers.convolutional import DepthwiseConvolution
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Weight
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.io.stored_array import StoredArray

    Stored = Mapping[str, Array | StoredArray]

PYTORCH_NAME = re.compile(r"(^|\.)(weight|bias|running_mean|running_var|num_batches_tracked|in_proj_\w+)$")
PYTORCH_VARIABLES = {  # Keras's name: PyTorch's
    "kernel": "weight",
    "gamma": "weight",
    "alpha": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
BATCH_COUNT = "num_batches_tracked"  # a number that PyTorch keeps for training, and nothing reads here
MOST_NAMED = 6  # keys of a file that a message names


class WeightSource(Record):
    """Where the values of a model's weights come from.

    `values` holds them by key, `LAYER/VARIABLE`; `name` is what messages call it. Weights that are neither there nor
    in the model are drawn by `seed`, as Keras draws them: Glorot uniform kernels, zero biases.

    Raises:
        ConvcliError: The seed is not a whole number of at least 0.
    """

    values: Stored | None = None
    name: str = "weights"
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and (type(self.seed) is not int or self.seed < 0):
            raise ConvcliError(f"seed {self.seed!r}", "a whole number of at least 0")


def bind(plan: Plan, source: WeightSource, dtype: str, only: Set[str] | None = None) -> dict[str, dict[str, Array]]:
    """Return the weights of each layer, or of those in `only`, by layer and variable name, in the dtype.

    A weight comes from the source, else from the model, else it is drawn by the seed. A key of the source that no layer
    wants is a warning.

    Raises:
        ConvcliError: A weight comes from nowhere or has another shape than its layer needs, or there is no memory for
            them.
    """
    source = _or_own(source, plan.model)
    _check_memory(plan, dtype, only)
    stored = source.values or {}
    layers = [layer for layer in plan.layers if not layer.node.shares_with]
    keys = _stored_keys(layers, stored)
    bound = {
        layer.name: _bind_layer(layer, source, keys, dtype, plan.model.source)
        for layer in layers
        if only is None or layer.name in only
    }
    used = set(keys.values())
    unread = tuple(f"{path}/" for layer in layers if not layer.is_known for path in (layer.name, layer.node.stored_as))
    unread += tuple(f"{layer.name}.{BATCH_COUNT}" for layer in layers if layer.node.spelling is not None)
    unused = [key for key in stored if key not in used and not key.startswith(unread)]
    if unused:
        others = f" and {len(unused) - 1} other{'s' * (len(unused) > 2)}" if len(unused) > 1 else ""
        warnings.warn(f"{source.name}: no layer wants {unused[0]}{others}", stacklevel=2)
    return bound


def _or_own(source: WeightSource, model: Model) -> WeightSource:
    """Return the source, or in place of one without values the weights file in the model's own archive."""
    if source.values is not None or model.embedded_weights is None:
        return source
    from convcli.io import weights_file

    with located_in(model):
        return WeightSource(weights_file.decode(model.embedded_weights), model.source or source.name, source.seed)


def _check_memory(plan: Plan, dtype: str, only: Set[str] | None) -> None:
    """Raise `ConvcliError`, naming the layer with the most weights, where there is no memory for all of them."""
    params = {layer.where: known(layer.params) for layer in plan.layers if only is None or layer.name in only}
    largest = max(params, key=params.__getitem__, default="")
    with located_in(plan.model), located(largest):
        memory.require(2 * BYTES_PER_VALUE[dtype] * sum(params.values()), "a smaller model, or float32")


def _key(layer: PlannedLayer, weight: Weight) -> str:
    return f"{layer.name}/{weight.name}"


def _stored_keys(layers: Sequence[PlannedLayer], stored: Stored) -> dict[str, str]:
    """Return, for each variable `LAYER/VARIABLE` that a weights file holds, the key under which it does.

    The key is, in this order:
    - `LAYER/VARIABLE` itself, or the name that Keras 2 gives the variable;
    - `LAYER.NAME` with PyTorch's name of the variable, in a model that PyTorch spells;
    - its position in Keras's files: `layers/conv2d/vars/0`;
    - the one path that ends in `LAYER/VARIABLE`, as paths in a sequential model of Keras begin with the model's name:
      `sequential/conv2d/kernel`;
    - `LAYER/variable_3`, as Keras calls a variable without a name;
    - `INNER/VARIABLE`, for a layer `NESTED/INNER` of a nested model.
    Of several such keys, one with an array of the right shape is taken.
    """
    unnamed = {layer: key for key in stored for layer in re.findall(r"(.*)/variable(?:_\d+)?$", key)}
    endings = Counter(ending for key in stored for ending in _endings(key))
    path_of_ending = {ending: key for key in stored for ending in _endings(key)}
    stored_keys = {}
    for layer, path in zip(layers, _keras_paths(layers), strict=True):
        for index, weight in enumerate(layer.weights):
            key = _key(layer, weight)
            names = (key, *_keras_2_names(layer, weight))
            candidates = [*names, *_pytorch_names(layer, weight), f"{path}/vars/{index}", f"{layer.name}/vars/{index}"]
            candidates += [path_of_ending[name] for name in names if endings[name] == 1]
            candidates += [unnamed[layer.name]] if len(layer.weights) == 1 and layer.name in unnamed else []
            present = [name for name in candidates if name in stored]
            if present:
                stored_keys[key] = next((name for name in present if stored[name].shape == weight.shape), present[0])
    keys = [_key(layer, weight) for layer in layers for weight in layer.weights]
    missing = [key for key in keys if key not in stored_keys]
    return stored_keys | _nested_keys(missing, stored, set(stored_keys.values()))


def _keras_2_names(layer: PlannedLayer, weight: Weight) -> tuple[str, ...]:
    """Return the keys under which Keras 2 stores a variable that Keras 3 has renamed."""
    depthwise = isinstance(layer.node.layer, DepthwiseConvolution) and weight.name == "kernel"
    return (f"{layer.name}/depthwise_kernel",) if depthwise else ()


def _pytorch_names(layer: PlannedLayer, weight: Weight) -> tuple[str, ...]:
    """Return the key under which PyTorch stores a variable of a layer that it spells."""
    name = PYTORCH_VARIABLES.get(weight.name)
    return () if layer.node.spelling is None or name is None else (f"{layer.name}.{name}",)


def _endings(key: str) -> Iterator[str]:
    """Yield the path without its first part, without its first two, and so on."""
    while "/" in key:
        key = key.partition("/")[2]
        yield key


def _nested_keys(keys: Sequence[str], stored: Stored, taken: Set[str]) -> dict[str, str]:
    """Return `INNER/VARIABLE` for each key `NESTED/INNER/VARIABLE`, where no other key has the same ending."""
    endings = {key: key.partition("/")[2] for key in keys}
    counts = Counter(endings.values())
    return {key: end for key, end in endings.items() if end in stored and end not in taken and counts[end] == 1}


def _keras_paths(layers: Sequence[PlannedLayer]) -> Iterator[str]:
    """Yield the path of each layer in Keras's files: its class and a number, in the order of the model."""
    count: Counter[str] = Counter()
    for layer in layers:
        kind = layer.node.layer.keras_name()
        yield layer.node.stored_as or (f"layers/{kind}_{count[kind]}" if count[kind] else f"layers/{kind}")
        count[kind] += 1


def _bind_layer(
    layer: PlannedLayer, source: WeightSource, keys: Mapping[str, str], dtype: str, model: str | None
) -> dict[str, Array]:
    """Return the weights of one layer by name; `keys` maps `LAYER/VARIABLE` to a key of the source that holds it."""
    stored, values = source.values or {}, {}
    for weight in layer.weights:
        if not weight.required:
            continue
        with located(layer.where), located(weight.name):
            check_array_size(prod(weight.extents))
        key = _key(layer, weight)
        if key in keys:
            with located(source.name), located(keys[key]):
                from_pytorch = keys[key] in _pytorch_names(layer, weight)
                value = layout.to_float(_shaped(stored[keys[key]], weight, from_pytorch))
        elif weight.name in layer.node.weight_values:
            with located(model or layer.where), located(f"{layer.name}/{weight.name}"):
                value = layer.node.weight_values[weight.name].fill(weight.extents)
        elif source.seed is not None:
            value = _drawn(weight, np.random.default_rng([source.seed, zlib.crc32(key.encode())]))
        else:
            raise _missing(layer, weight, model, source)
        values[weight.name] = np.ascontiguousarray(value, dtype).reshape(weight.extents)
    return values


def _shaped(value: Array | StoredArray, weight: Weight, from_pytorch: bool) -> Array:
    """Return the value of a weight in Keras's layout. Raises `ConvcliError` where its shape is another.

    PyTorch's kernels, of dense layers and convolutions of every kind, are `(o, i, *size)` where Keras's are
    `(*size, i, o)`; all other weights are alike.
    """
    size, is_kernel = weight.shape[:-2], weight.name == "kernel"
    expected = (*weight.shape[:-3:-1], *size) if from_pytorch and is_kernel else weight.shape
    if value.shape != expected:
        raise ConvcliError(f"shape {format_shape(value.shape)}", f"{format_shape(expected)} here")
    array = value if isinstance(value, np.ndarray) else value.read()
    return np.moveaxis(array, (1, 0), (-2, -1)) if from_pytorch and is_kernel else array


def _missing(layer: PlannedLayer, weight: Weight, model: str | None, source: WeightSource) -> ConvcliError:
    problem = f"no values for {weight.name} {format_shape(weight.shape)}"
    seed = option("seed", "N")
    (name,) = _pytorch_names(layer, weight) or (_key(layer, weight),)
    if source.values and layer.node.spelling is None and all(map(PYTORCH_NAME.search, source.values)):
        example = next(iter(source.values))
        problem = f"{problem}: {source.name} holds PyTorch's names, such as {example}, for arrays in PyTorch's layout"
        error = ConvcliError(problem, f"arrays in Keras's layout by Keras's names, such as {_key(layer, weight)}")
    elif source.values:
        keys = ", ".join(list(source.values)[:MOST_NAMED]) + (", …" if len(source.values) > MOST_NAMED else "")
        error = ConvcliError(f"{problem}: {source.name} holds {keys}", f"one {name}, or {seed}")
    else:
        error = ConvcliError(problem, f"{option('weights', 'FILE')}, {seed}, or the values in the model")
    error.where += [each for each in (model, layer.where) if each]
    return error


def _drawn(weight: Weight, generator: np.random.Generator) -> Array:
    """Glorot and Bengio, 2010: uniform within sqrt(6 / (fan in + fan out)); or the number that fills the weight."""
    shape = weight.extents
    if weight.initial != "glorot_uniform":
        return np.full(shape, weight.initial)
    field = prod(shape[:-2])
    limit = sqrt(6 / (field * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)
